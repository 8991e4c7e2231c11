package client

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
)

// Recorder writes what clients, devices and faults did, one JSON object a line, for
// a checker that compares it with the Log afterwards. Each line has the monotonic
// time in nanoseconds (t), the recorder's name (p), a line number from 0 (n), and
// what happened (e). Recorders on one machine share the clock.
//
// Users are written by their ids. A Recorder may be used by many goroutines. The
// history counts only if Close is called at its end.
type Recorder struct {
	name string
	file io.Closer // nil unless the Recorder opened it

	// mu guards what follows.
	mu     sync.Mutex
	out    *bufio.Writer
	lines  int
	broken error // the first failure to write
}

// NewRecorder makes a Recorder that writes to w.
func NewRecorder(w io.Writer, name string) *Recorder {
	return &Recorder{name: name, out: bufio.NewWriterSize(w, 64<<10)}
}

// CreateRecorder makes a Recorder that writes to the file name.jsonl in folder.
func CreateRecorder(folder, name string) (*Recorder, error) {
	file, err := os.Create(filepath.Join(folder, name+".jsonl"))
	if err != nil {
		return nil, fmt.Errorf("create history: %w", err)
	}
	r := NewRecorder(file, name)
	r.file = file
	return r, nil
}

// Close writes the last line. It returns the first failure of all writing.
func (r *Recorder) Close() error {
	r.mark("end")
	r.mu.Lock()
	defer r.mu.Unlock()
	err := errors.Join(r.broken, r.out.Flush())
	if r.file != nil {
		err = errors.Join(err, r.file.Close())
	}
	return err
}

// Sum is the form in which texts are written: a short hash of them.
func Sum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// stamp begins every line.
type stamp struct {
	Time    int64  `json:"t"`
	Process string `json:"p"`
	Number  int    `json:"n"`
	Event   string `json:"e"`
}

// write stamps a line and writes it. The stamp is part of the line.
func (r *Recorder) write(s *stamp, line any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Time, s.Process, s.Number = now(), r.name, r.lines
	text, err := json.Marshal(line)
	if err == nil {
		_, err = r.out.Write(append(text, '\n'))
	}
	if err != nil && r.broken == nil {
		r.broken = fmt.Errorf("write history: %w", err)
	}
	r.lines++
}
