package bus

import (
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

func testSealer() *sealer { return newSealer("a secret of at least 32 characters", "tester") }

// packOf returns the pack of some items of one kind.
func packOf(k kind, items ...item) []byte {
	p := packer{sealer: testSealer()}
	p.begin(k, time.UnixMicro(1_700_000_000_123_456), "epoch")
	for i := range items {
		p.add(appendEntry(nil, &items[i]))
	}
	return p.close()
}

func eventItem(seq int64) item {
	return item{
		requestID: "request",
		event: &chat.Event{
			URI: "0123456789abcde", Seq: seq, Rev: seq, Type: chat.EventMessage, Body: "hi",
			CreatedAt: time.UnixMicro(1_700_000_000_000_000).UTC(),
		},
	}
}

func TestDecode(t *testing.T) {
	s := testSealer()
	good := packOf(kindEvents, eventItem(1), eventItem(2))

	t.Run("reads what was packed", func(t *testing.T) {
		got, err := decodePack(s, good)
		if err != nil {
			t.Fatal(err)
		}
		want := Pack{
			Sender:    "tester",
			Epoch:     "epoch",
			Published: time.UnixMicro(1_700_000_000_123_456).UTC(),
			Events: []chat.Copy{
				chat.CopyOf(eventItem(1).event, "request"),
				chat.CopyOf(eventItem(2).event, "request"),
			},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})

	t.Run("refuses every change of every byte", func(t *testing.T) {
		for i := range good {
			changed := append([]byte(nil), good...)
			changed[i] ^= 0x40
			if _, err := decodePack(s, changed); err == nil {
				t.Fatalf("byte %d does not matter", i)
			}
		}
	})

	t.Run("refuses every length but its own", func(t *testing.T) {
		for n := range good {
			if _, err := decodePack(s, good[:n]); err == nil {
				t.Fatalf("the first %d bytes are enough", n)
			}
		}
		if _, err := decodePack(s, append(append([]byte(nil), good...), 0)); !errors.Is(err, ErrForged) {
			t.Errorf("with a byte more: %v", err)
		}
	})

	t.Run("refuses another installation", func(t *testing.T) {
		if _, err := decodePack(newSealer("another secret", "tester"), good); !errors.Is(err, ErrForged) {
			t.Error(err)
		}
	})

	t.Run("knows another version by its first bytes", func(t *testing.T) {
		other := append([]byte(nil), good...)
		other[4] = packVersion + 1
		if _, err := decodePack(s, other); !errors.Is(err, ErrVersion) {
			t.Error(err)
		}
		if _, err := decodePack(s, []byte("CHTR\x02?")); !errors.Is(err, ErrVersion) {
			t.Error(err)
		}
	})

	t.Run("skips what is ephemeral and not known", func(t *testing.T) {
		p := packer{sealer: s}
		p.begin(kindEphemeral, time.Now(), "")
		p.add(appendJSON([]byte{99}, "presence of tomorrow"))
		p.add(appendEntry(nil, &item{word: &chat.Typing{URI: "u", UserID: 7, Username: "ada"}}))
		got, err := decodePack(s, p.close())
		if err != nil || len(got.Typings) != 1 || got.Typings[0].UserID != 7 {
			t.Errorf("%+v, %v", got, err)
		}
	})

	for name, body := range map[string][]byte{
		"no entries":         sealed(s, kindEvents, 0, ""),
		"an unknown kind":    sealed(s, 9, 1, "x"),
		"more than it says":  sealed(s, kindControl, 1, "\x00\x00\x00\x02{}rest"),
		"less than it says":  sealed(s, kindControl, 2, "\x00\x00\x00\x02{}"),
		"a lie about length": sealed(s, kindControl, 1, "\xff\xff\xff\xff{}"),
		"a lie about count":  sealed(s, kindEvents, 1<<32-1, ""),
		"no JSON":            sealed(s, kindControl, 1, "\x00\x00\x00\x01{"),
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			if _, err := decodePack(s, body); !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
		})
	}
}

// sealed signs any entries at all.
func sealed(s *sealer, k kind, count uint32, entries string) []byte {
	p := packer{sealer: s}
	p.begin(k, time.UnixMicro(0), "")
	binary.BigEndian.PutUint32(p.buf[p.at:], count)
	return s.seal(append(p.buf, entries...))
}

func TestDecodeAllocatesNoMoreThanIsThere(t *testing.T) {
	s := testSealer()
	lie := sealed(s, kindEvents, 1<<32-1, "\x0f0123456789abcde")
	if n := testing.AllocsPerRun(100, func() { decodePack(s, lie) }); n > 10 {
		t.Errorf("%v allocations for a lie", n)
	}
}

func TestFrameKeepsNothingElseAlive(t *testing.T) {
	body := packOf(kindEvents, eventItem(1), eventItem(2))
	p, err := decodePack(testSealer(), body)
	if err != nil {
		t.Fatal(err)
	}
	want := string(p.Events[1].Frame)
	clear(body)
	if got := string(p.Events[1].Frame); got != want {
		t.Error("the frame is a part of its pack")
	}
}

func TestLongTextsAreCut(t *testing.T) {
	i := eventItem(1)
	i.requestID = strings.Repeat("x", 1000)
	p, err := decodePack(testSealer(), packOf(kindEvents, i))
	if err != nil || len(p.Events[0].RequestID) != 255 {
		t.Errorf("%+v, %v", p, err)
	}
}

// FuzzDecode feeds the decoder with whole packs and, behind a good signature, with
// entries of every kind. It must neither panic nor make more out of it than is there.
func FuzzDecode(f *testing.F) {
	f.Add(packOf(kindEvents, eventItem(1), eventItem(2)))
	f.Add(packOf(kindControl, item{word: &chat.Control{Kind: chat.ControlTokens, TokenIDs: []int64{1}}}))
	f.Add(packOf(kindEphemeral, item{word: &chat.Typing{URI: "u"}}))
	f.Add(packOf(kindEphemeral, item{word: &chat.Load{Connections: 1}}))
	f.Add([]byte("CHTR\x02"))
	f.Add([]byte("\x00\x00\x00\x02{}"))
	f.Add([]byte{})
	s := testSealer()
	f.Fuzz(func(t *testing.T, b []byte) {
		look := func(whole []byte) {
			p, err := decodePack(s, whole)
			if err != nil {
				return
			}
			size := len(p.Sender)
			for _, e := range p.Events {
				size += len(e.URI) + len(e.Type) + len(e.RequestID) + len(e.Frame)
			}
			if size > len(whole) {
				t.Errorf("%d bytes out of %d", size, len(whole))
			}
		}
		look(b)
		for k := range kind(5) {
			look(sealed(s, k, 1, string(b)))
			look(sealed(s, k, 3, string(b)))
		}
	})
}

func TestSlotsStayTheSame(t *testing.T) {
	for uri, want := range map[string]int{
		"0123456789abcde": 9,
		"fffffffffffffff": 1,
		"5e0c3b7d2a91f48": 15,
	} {
		if got := slotOf(uri, 16); got != want {
			t.Errorf("%s is in slot %d, was in %d", uri, got, want)
		}
	}
}
