package bulk

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// Writer writes accounts in the form in which Read reads them.
type Writer struct {
	out  io.Writer
	rows *csv.Writer // nil for JSON
}

// NewWriter begins a file.
func NewWriter(out io.Writer, format Format) (*Writer, error) {
	if format == JSONL {
		return &Writer{out: out}, nil
	}
	w := &Writer{out: out, rows: csv.NewWriter(out)}
	return w, w.rows.Write(columns)
}

// Write writes one account.
func (w *Writer) Write(u chat.ImportedUser) error {
	row := jsonRow{
		APIVersion:     "chatire/v1",
		Kind:           "User",
		Username:       u.Username,
		Email:          u.Email,
		FirstName:      u.FirstName,
		LastName:       u.LastName,
		PasswordDigest: string(u.Digest),
		Admin:          u.Admin,
		Disabled:       u.Disabled,
		Created:        moment(u.CreatedAt),
		LastSignIn:     moment(u.LastSeen),
	}
	if w.rows != nil {
		return w.rows.Write([]string{row.Username, row.Email, row.FirstName, row.LastName, "", row.PasswordDigest,
			strconv.FormatBool(row.Admin), strconv.FormatBool(row.Disabled), row.Created, row.LastSignIn})
	}
	line, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("encode user: %w", err)
	}
	_, err = fmt.Fprintf(w.out, "%s\n", line)
	return err
}

// Flush writes what is left.
func (w *Writer) Flush() error {
	if w.rows == nil {
		return nil
	}
	w.rows.Flush()
	return w.rows.Error()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
