package bulk

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/chatire/chatire/pkg/chat"
)

// Report tells what became of each row of a file. It is written as the import goes on,
// and has line numbers and no personal data. A later import of the same file goes on
// where its Report ends.
type Report struct {
	file *os.File
	done map[int]bool // lines that are imported
}

// reportHeader is the first line of a Report.
type reportHeader struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	SHA256     string `json:"sha256"` // of the file that is imported
}

// Outcome is a line of a Report.
type Outcome struct {
	Line    int                `json:"line"`
	Outcome chat.ImportOutcome `json:"outcome"`
	ID      int64              `json:"id,omitempty"`
	Why     string             `json:"why,omitempty"`
}

// ErrOtherFile says that a Report is of another file than the one to import.
var ErrOtherFile = errors.New("the report is of another file")

// OpenReport opens the Report at path for a file with this SHA-256, or begins it. What
// was cut off while it was written is taken out.
func OpenReport(path, sum string) (*Report, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	r := &Report{file: file, done: map[int]bool{}}
	if err := r.read(sum); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

func (r *Report) read(sum string) error {
	in := bufio.NewReader(r.file)
	good := int64(0) // bytes that are whole lines
	for first := true; ; first = false {
		text, err := in.ReadBytes('\n')
		if err == io.EOF { // what is left was cut off
			break
		}
		if err != nil {
			return err
		}
		if first {
			var header reportHeader
			if json.Unmarshal(text, &header) != nil || header.Kind != "ImportReport" || header.SHA256 != sum {
				return ErrOtherFile
			}
		} else {
			var o Outcome
			if err := json.Unmarshal(text, &o); err != nil {
				return fmt.Errorf("read the report: %w", err)
			}
			r.note(o)
		}
		good += int64(len(text))
	}
	if err := r.file.Truncate(good); err != nil {
		return err
	}
	if _, err := r.file.Seek(good, io.SeekStart); err != nil {
		return err
	}
	if good > 0 {
		return nil
	}
	return r.write(reportHeader{"chatire/v1", "ImportReport", sum})
}

func (r *Report) note(o Outcome) {
	r.done[o.Line] = o.Outcome == chat.ImportCreated || o.Outcome == chat.ImportUnchanged
}

// Done says whether the row of a line is imported.
func (r *Report) Done(line int) bool { return r.done[line] }

// Imported returns how many rows are imported.
func (r *Report) Imported() (n int64) {
	for _, imported := range r.done {
		if imported {
			n++
		}
	}
	return n
}

// Add writes what became of some rows, and has it on disk before it returns.
func (r *Report) Add(outcomes []Outcome) error {
	out := bufio.NewWriter(r.file)
	for _, o := range outcomes {
		line, err := json.Marshal(o)
		if err != nil {
			return err
		}
		out.Write(append(line, '\n')) // Flush tells
		r.note(o)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return r.file.Sync()
}

func (r *Report) write(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = r.file.Write(append(line, '\n'))
	return err
}

// Close closes the file.
func (r *Report) Close() error { return r.file.Close() }
