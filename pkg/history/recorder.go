package history

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Recorder writes the lines of one writer, stamped. It may be used by many
// goroutines. The history counts only if Close is called at its end.
type Recorder struct {
	name string
	now  func() int64
	sink sink

	// mu guards what follows, and the order of lines in the sink.
	mu     sync.Mutex
	lines  int
	broken error // the first failure to write
}

// sink is where lines go.
type sink interface {
	write(l Line) error
	close() error
}

// NewRecorder makes a Recorder that writes to w. All Recorders on one machine that
// write to files share a clock.
func NewRecorder(w io.Writer, name string) *Recorder {
	return &Recorder{name: name, now: now, sink: &jsonSink{out: bufio.NewWriterSize(w, 64<<10)}}
}

// CreateRecorder makes a Recorder that writes to the file name.jsonl in folder.
func CreateRecorder(folder, name string) (*Recorder, error) {
	file, err := os.Create(filepath.Join(folder, name+".jsonl"))
	if err != nil {
		return nil, fmt.Errorf("create history: %w", err)
	}
	r := NewRecorder(file, name)
	r.sink.(*jsonSink).file = file
	return r, nil
}

// Now is the time of the Recorder's clock, for Member.
func (r *Recorder) Now() int64 { return r.now() }

// Write stamps a line and writes it.
func (r *Recorder) Write(l Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.Time, l.Process, l.Number = r.now(), r.name, r.lines
	r.lines++
	if err := r.sink.write(l); err != nil && r.broken == nil {
		r.broken = fmt.Errorf("write history: %w", err)
	}
}

// Member notes that a User was added to a Session or removed from it: op is "add" or
// "remove". It is called after the answer; began is Now before the request.
func (r *Recorder) Member(uri string, user int64, op string, began int64) {
	r.Write(Line{Kind: Member, URI: uri, User: UserID(user), Op: op, Began: began})
}

// Fault notes that a fault begins or ends: phase is "begin" or "end".
func (r *Recorder) Fault(name, phase string) { r.Write(Line{Kind: Fault, Name: name, Phase: phase}) }

// Stop notes that nobody sends any more and that all faults are over.
func (r *Recorder) Stop() { r.Write(Line{Kind: Stop}) }

// Log notes the whole Log of a Session as one source shows it at the end: "api" or
// "sql".
func (r *Recorder) Log(source, uri string, rows []Row) {
	r.Write(Line{Kind: Log, Source: source, URI: uri, Rows: rows})
}

// Continue ends the Recorder's file and goes on in one of the same name in another
// folder, so that each folder has a history of its own.
func (r *Recorder) Continue(folder string) error {
	r.Write(Line{Kind: End})
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := CreateRecorder(folder, r.name)
	if err != nil {
		return err
	}
	err = errors.Join(r.broken, r.sink.close())
	r.sink, r.lines = next.sink, 0
	return err
}

// Close writes the last line. It returns the first failure of all writing.
func (r *Recorder) Close() error {
	r.Write(Line{Kind: End})
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.broken, r.sink.close())
}

// Sum is the form in which texts are written: a short hash of them.
func Sum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// jsonSink writes lines as JSON.
type jsonSink struct {
	out  *bufio.Writer
	file io.Closer // nil unless it was opened here
}

func (s *jsonSink) write(l Line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = s.out.Write(append(text, '\n'))
	return err
}

func (s *jsonSink) close() error {
	err := s.out.Flush()
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

// Book is a history in memory.
type Book struct {
	began time.Time

	mu    sync.Mutex // guards all below
	lines []Line
	last  int64 // what the clock showed last
}

// NewBook makes an empty Book. Its clock begins now.
func NewBook() *Book { return &Book{began: time.Now()} }

// Recorder makes a Recorder that writes into the Book.
func (b *Book) Recorder(name string) *Recorder {
	return &Recorder{name: name, now: b.now, sink: bookSink{b}}
}

// now never shows the same time twice: where time is simulated many things happen at
// one moment, and still one after the other.
func (b *Book) now() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = max(b.last+1, int64(time.Since(b.began)))
	return b.last
}

// Lines returns what was written so far.
func (b *Book) Lines() []Line {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines[:len(b.lines):len(b.lines)]
}

type bookSink struct{ book *Book }

func (s bookSink) write(l Line) error {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	s.book.lines = append(s.book.lines, l)
	return nil
}

func (bookSink) close() error { return nil }
