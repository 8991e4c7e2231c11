import type { LogEvent, Message } from './frames'

/** A fact that is shown between messages: somebody came, went, or set the title. */
export type Fact = LogEvent

export type Entry = { kind: 'message'; seq: number; message: Message } | { kind: 'fact'; seq: number; fact: Fact }

/** What events that are shown in the conversation say beside messages. */
const shownFacts = new Set(['joined', 'left', 'removed', 'role', 'title', 'access', 'closed'])

const changes = new Set(['edited', 'deleted', 'reacted'])

/** Returns what an event says of a message: itself, or the one it changes. */
export function messageOf(e: LogEvent): Message | null {
  const change = changes.has(e.event)
  if (e.event !== 'message' && !change) return null
  const seq = change ? (e.target ?? 0) : e.seq
  return {
    id: seq,
    seq,
    rev: e.rev,
    user: e.user,
    message: e.message ?? '',
    client_id: e.client_id ?? null,
    reply_to: e.reply_to ?? null,
    mentions: e.mentions ?? [],
    reactions: e.reactions ?? [],
    created_date: e.created_date,
    edited: e.edited ?? false,
    deleted: (e.message ?? '') === '',
  }
}

/**
 * Log is the part of a session's log that the app has: all events from `low` to `high`,
 * without a gap. A newer form of a message replaces an older one by its rev.
 */
export class Log {
  /** The seq of the first and of the last event; high is low - 1 while there is none. */
  low: number
  high: number
  private readonly bySeq = new Map<number, Entry>()
  private order: number[] = [] // seqs of entries, ascending

  constructor(after: number) {
    this.low = after + 1
    this.high = after
  }

  get entries(): Entry[] {
    return this.order.map((seq) => this.bySeq.get(seq)!)
  }

  get size(): number {
    return this.order.length
  }

  message(seq: number): Message | undefined {
    const entry = this.bySeq.get(seq)
    return entry?.kind === 'message' ? entry.message : undefined
  }

  /** Takes the event that follows; says false if one is missing before it. */
  append(e: LogEvent): boolean {
    if (e.seq <= this.high) return true
    if (e.seq !== this.high + 1) return false
    this.high = e.seq
    const entry = this.take(e)
    if (entry) this.order.push(entry.seq)
    return true
  }

  /** Takes events, ascending and without a gap, that end where the log begins. */
  prepend(events: LogEvent[]): void {
    const older = events.filter((e) => e.seq < this.low)
    if (older.length === 0 || older[older.length - 1]!.seq !== this.low - 1) return
    this.low = older[0]!.seq
    const seqs: number[] = []
    for (const e of older) {
      const entry = this.take(e)
      if (entry) seqs.push(entry.seq)
    }
    this.order = seqs.concat(this.order)
  }

  /** Applies an event that changes a message, wherever it stands in the log. */
  change(e: LogEvent): boolean {
    const m = messageOf(e)
    return m !== null && m.seq !== e.seq && this.apply(m)
  }

  /** Forgets the oldest entries but `most`, once there are half as many again. */
  trim(most: number): boolean {
    if (this.order.length <= most * 1.5) return false
    for (const seq of this.order.splice(0, this.order.length - most)) this.bySeq.delete(seq)
    this.low = this.order[0]!
    return true
  }

  /** Applies a form of a message, unless a newer one is known or it is not here. */
  apply(m: Message): boolean {
    const entry = this.bySeq.get(m.seq)
    if (entry?.kind !== 'message' || m.rev <= entry.message.rev) return false
    const was = entry.message
    this.bySeq.set(m.seq, {
      kind: 'message',
      seq: m.seq,
      message: { ...was, rev: m.rev, message: m.message, mentions: m.mentions, reactions: m.reactions, edited: m.edited, deleted: m.deleted },
    })
    return true
  }

  /** Returns the entry that an event adds, if it adds one. */
  private take(e: LogEvent): Entry | null {
    const m = messageOf(e)
    if (m && m.seq !== e.seq) {
      this.apply(m)
      return null
    }
    let entry: Entry
    if (m) entry = { kind: 'message', seq: e.seq, message: m }
    else if (shownFacts.has(e.event)) entry = { kind: 'fact', seq: e.seq, fact: e }
    else return null
    this.bySeq.set(e.seq, entry)
    return entry
  }
}
