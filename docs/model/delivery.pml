/* How an event comes from a commit to a device, as small as it can be and still go
   wrong: one session, two API processes, a bus that loses, repeats and swaps, one
   worker at a time with its cursor, probe and repair, and a device that comes back.
   README.md says which code each part stands for.

   The switches break it on purpose; the checker must notice each:
   -DNO_LOCK          append numbers without the session's lock
   -DPUBLISH_EARLY    append publishes before it commits
   -DLIVE_TOO_EARLY   a subscription goes live before its position is the head
   -DNO_REPAIR        a hole is not filled from the log
   -DNO_PROBE         nobody asks for the head
   -DRESUME_AT_HEAD   a device that comes back is subscribed from the head */

#define POSTS 2   /* of each API */
#define EVENTS 4  /* POSTS of both */
#define BREAKS 1  /* how often the device loses its connection */
#define COPIES 3  /* that may be under way at once */

/* The database: log[i] says that event i is committed. */
bool log[6];
byte head = 0;
bool locked = false;
byte posting = 2;      /* APIs that have something to post */

/* The bus: copies under way, in any order. */
byte copies[6];        /* how many there are of each event */
byte carried = 0;

/* The worker: what its cursor knows. */
byte cursor = 0;       /* everything up to here has been brought out */
byte target = 0;       /* the log is known to reach to here */
bool aside[6];         /* came before its turn */
byte ringed = 0;       /* the lowest event that the ring still has; 0: none */

/* The subscription and the device. */
bool connected = false;
bool live = false;
byte position = 0;     /* of the subscription: the last that was handed over */
byte device = 0;       /* the last that the device has */
byte breaks = 0;

/* wire is what the device receives: always the next one. */
inline deliver(n) {
	assert(n == device + 1);          /* no gap, no repeat, no swap */
	assert(log[n]);                   /* nothing that is not stored */
	device = n;
	position = n;
}

inline publish(n) {
	if
	:: carried < COPIES -> copies[n]++; carried++   /* carried once */
	:: carried + 1 < COPIES -> copies[n] = copies[n] + 2; carried = carried + 2 /* twice */
	:: skip                                         /* lost */
	fi
}

proctype API() {
	byte n, left = POSTS;
	do
	:: left > 0 ->
#ifdef NO_LOCK
		n = head + 1;
#else
		atomic { !locked -> locked = true; n = head + 1 }
#endif
#ifdef PUBLISH_EARLY
		atomic { publish(n) }
#endif
		if
		:: atomic {                           /* the commit; the lock goes with it */
			assert(!log[n]);              /* one order: nobody has this number */
			log[n] = true;
			head = n;
			locked = false
		   }
#ifndef PUBLISH_EARLY
		   atomic { publish(n) }
#endif
		   left--
		:: atomic { locked = false }; left--  /* it fails, and nothing was stored */
		fi
	:: left == 0 -> break
	od;
	posting--
}

/* bringOut hands the event after the cursor to a live subscription. */
inline bringOut() {
	cursor++;
	aside[cursor] = false;
	if
	:: ringed == 0 -> ringed = cursor
	:: else -> skip
	fi;
	if
	:: connected && live && cursor == position + 1 -> deliver(cursor)
	:: connected && live && cursor > position + 1 -> live = false   /* it is behind */
	:: else -> skip
	fi
}

/* The worker takes copies from the bus: the next is brought out, a lower one dropped,
   a higher one put aside. */
proctype Bridge() {
	byte n;
end:	do
	:: atomic {
		carried > 0 ->
		if
		:: copies[1] > 0 -> n = 1
		:: copies[2] > 0 -> n = 2
		:: copies[3] > 0 -> n = 3
		:: copies[4] > 0 -> n = 4
		fi;
		copies[n]--; carried--;
		if
		:: n == cursor + 1 ->
			bringOut();
			do
			:: cursor < EVENTS && aside[cursor + 1] -> bringOut()
			:: else -> break
			od
		:: n > cursor + 1 ->
			aside[n] = true;
			if
			:: n > target -> target = n
			:: else -> skip
			fi
		:: else -> skip
		fi;
		n = 0
	   }
	od
}

/* mend fills a hole from the log. */
proctype Mend() {
end:	do
#ifndef NO_REPAIR
	:: atomic { target > cursor && log[cursor + 1] -> bringOut() }
#else
	:: false
#endif
	od
}

/* The probe asks for the head. */
proctype Probe() {
end:	do
#ifndef NO_PROBE
	:: atomic { head > target && head > cursor -> target = head }
#else
	:: false
#endif
	od
}

/* The device connects and subscribes from its position, and is cut off and comes back,
   to a worker that knows nothing. The worker brings it up from the log and makes it
   live under the cursor's lock. */
proctype Connection() {
	byte page;
end:	do
	:: atomic { !connected ->
		connected = true;
		live = false;
#ifdef RESUME_AT_HEAD
		position = head;
#else
		position = device;
#endif
		/* A new cursor begins at the head, which is read after the bus was bound. */
		cursor = head;
		target = head;
		ringed = 0;
		aside[1] = false; aside[2] = false; aside[3] = false; aside[4] = false
	   }
	:: atomic { connected && !live && position < head -> page = position + 1 };  /* a read of the log begins */
	   atomic {
		if
		:: connected && !live && page == position + 1 && log[page] -> deliver(page)
		:: else -> skip
		fi;
		page = 0
	   }
	/* join: at the head, or brought there from the ring */
#ifdef LIVE_TOO_EARLY
	:: atomic { connected && !live -> position = cursor; live = true }
#else
	:: atomic { connected && !live && position >= cursor ->
		live = true;
		if
		:: position > target -> target = position
		:: else -> skip
		fi
	   }
	:: atomic { connected && !live && position < cursor && ringed > 0 && ringed <= position + 1 ->
		do
		:: position < cursor -> deliver(position + 1)
		:: else -> break
		od;
		live = true
	   }
#endif
	:: atomic { connected && breaks < BREAKS -> breaks++; connected = false; live = false }
	od
}

/* When nothing can happen any more, the device has all there is. */
proctype Judge() {
end:	timeout -> assert(device == head && position == device)
}

init {
	atomic {
		run API(); run API(); run Bridge(); run Mend(); run Probe(); run Connection(); run Judge()
	}
}
