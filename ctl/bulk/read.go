package bulk

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// Format is how a file is written.
type Format string

const (
	CSV   Format = "csv"
	JSONL Format = "jsonl"
)

// Row is one account of a file.
type Row struct {
	Line int
	User chat.ImportedUser
}

// Problem is what is wrong at one place of a file.
type Problem struct {
	Line, Column int // from 1, in bytes
	Why          string
}

func (p Problem) Error() string { return fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Why) }

// maxLine bounds a line in bytes.
const maxLine = 64 << 10

// Read calls row for each account of a file in its order, until one of its calls fails,
// and problem for what cannot be read. It keeps nothing of what it has read.
func Read(r io.Reader, format Format, row func(Row) error, problem func(Problem)) error {
	if format == CSV {
		return readCSV(r, row, problem)
	}
	return readJSONL(r, row, problem)
}

// jsonRow is a line of JSON. What else chatirectl user list prints is let pass.
type jsonRow struct {
	APIVersion     string `json:"apiVersion"`
	Kind           string `json:"kind"`
	ID             int64  `json:"id"`
	Username       string `json:"username"`
	Email          string `json:"email,omitempty"`
	FirstName      string `json:"firstName,omitempty"`
	LastName       string `json:"lastName,omitempty"`
	Password       string `json:"password,omitempty"`
	PasswordDigest string `json:"passwordDigest,omitempty"`
	Admin          bool   `json:"admin,omitempty"`
	Disabled       bool   `json:"disabled,omitempty"`
	Created        string `json:"created,omitempty"`
	LastSignIn     string `json:"lastSignIn,omitempty"`
}

func readJSONL(r io.Reader, row func(Row) error, problem func(Problem)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	n := 0
	for lines.Scan() {
		n++
		text := lines.Bytes()
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		var in jsonRow
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			problem(Problem{n, columnOf(text, decoder, err), jsonComplaint(err)})
			continue
		}
		if in.Kind != "" && in.Kind != "User" {
			problem(Problem{n, fieldColumn(text, "kind"), fmt.Sprintf("kind: this is a %s, not a User", in.Kind)})
			continue
		}
		where := func(field string) int { return fieldColumn(text, field) }
		if err := take(n, in, where, row, problem); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		problem(Problem{n + 1, 1, fmt.Sprintf("the line has more than %d bytes", maxLine)})
		return nil
	}
	return lines.Err()
}

// columnOf returns where a line could not be decoded.
func columnOf(text []byte, decoder *json.Decoder, err error) int {
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		return int(max(1, wrong.Offset))
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return int(max(1, wrong.Offset))
	}
	if _, name, found := strings.Cut(err.Error(), "unknown field \""); found {
		return fieldColumn(text, strings.TrimSuffix(name, `"`))
	}
	return int(max(1, decoder.InputOffset()))
}

func jsonComplaint(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("%s: expected a %s, but got a %s", wrong.Field, wrong.Type, wrong.Value)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "the line ends too early"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// fieldColumn returns where a field stands in a line of JSON.
func fieldColumn(text []byte, field string) int {
	return bytes.Index(text, []byte(strconv.Quote(field))) + 1
}

// columns are the names that a header of CSV may have; those of the fields of JSON.
var columns = []string{"username", "email", "firstName", "lastName", "password", "passwordDigest", "admin", "disabled", "created", "lastSignIn"}

func readCSV(r io.Reader, row func(Row) error, problem func(Problem)) error {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		problem(csvProblem(in, err))
		return nil
	}
	names := append([]string(nil), header...)
	names[0] = strings.TrimPrefix(names[0], "\ufeff")
	if !checkHeader(in, names, problem) {
		return nil
	}
	for {
		record, err := in.Read()
		if err == io.EOF {
			return nil
		}
		if _, broken := errors.AsType[*csv.ParseError](err); broken {
			problem(csvProblem(in, err))
			if errors.Is(err, csv.ErrFieldCount) {
				continue
			}
			return nil // what follows a broken quote makes no sense
		}
		if err != nil {
			return err
		}
		line, _ := in.FieldPos(0)
		where := func(field string) int {
			for i, name := range names {
				if name == field {
					_, column := in.FieldPos(i)
					return column
				}
			}
			return 1
		}
		values, wrong := csvRow(names, record)
		if wrong != "" {
			problem(Problem{line, where(wrong), wrong + ": this is neither true nor false"})
			continue
		}
		if err := take(line, values, where, row, problem); err != nil {
			return err
		}
	}
}

func checkHeader(in *csv.Reader, names []string, problem func(Problem)) (good bool) {
	good = true
	seen := map[string]bool{}
	for i, name := range names {
		line, column := in.FieldPos(i)
		known := false
		for _, c := range columns {
			known = known || c == name
		}
		switch {
		case !known:
			good = false
			problem(Problem{line, column, fmt.Sprintf("there is no column %q: there are %s", name, strings.Join(columns, ", "))})
		case seen[name]:
			good = false
			problem(Problem{line, column, fmt.Sprintf("the column %q is there twice", name)})
		}
		seen[name] = true
	}
	if !seen["username"] {
		good = false
		problem(Problem{1, 1, "the column username is missing"})
	}
	return good
}

func csvProblem(in *csv.Reader, err error) Problem {
	if broken, ok := errors.AsType[*csv.ParseError](err); ok {
		return Problem{broken.Line, broken.Column, broken.Err.Error()}
	}
	line, column := in.FieldPos(0)
	return Problem{line, column, err.Error()}
}

// csvRow returns a record by the names of its columns, or the name of what is no truth
// value.
func csvRow(names, record []string) (row jsonRow, wrong string) {
	for i, name := range names {
		value := record[i]
		switch name {
		case "username":
			row.Username = value
		case "email":
			row.Email = value
		case "firstName":
			row.FirstName = value
		case "lastName":
			row.LastName = value
		case "password":
			row.Password = value
		case "passwordDigest":
			row.PasswordDigest = value
		case "created":
			row.Created = value
		case "lastSignIn":
			row.LastSignIn = value
		case "admin", "disabled":
			truth, err := strconv.ParseBool(value)
			if err != nil && value != "" {
				return row, name
			}
			if name == "admin" {
				row.Admin = truth
			} else {
				row.Disabled = truth
			}
		}
	}
	return row, ""
}

// take hands a row over if it obeys the rules that can be checked without a database.
func take(line int, in jsonRow, where func(field string) int, row func(Row) error, problem func(Problem)) error {
	user := chat.ImportedUser{
		Username:  in.Username,
		Email:     in.Email,
		FirstName: in.FirstName,
		LastName:  in.LastName,
		Password:  chat.Secret(in.Password),
		Digest:    chat.Secret(in.PasswordDigest),
		Admin:     in.Admin,
		Disabled:  in.Disabled,
	}
	for _, moment := range []struct {
		field, text string
		into        *time.Time
	}{{"created", in.Created, &user.CreatedAt}, {"lastSignIn", in.LastSignIn, &user.LastSeen}} {
		if moment.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, moment.text)
		if err != nil {
			problem(Problem{line, where(moment.field), moment.field + ": this is not a time such as 2026-01-31T12:00:00Z"})
			return nil
		}
		*moment.into = t
	}
	_, err := chat.CheckImport(user)
	if err == nil {
		return row(Row{line, user})
	}
	refused, _ := errors.AsType[*chat.Error](err)
	for wire, complaints := range refused.Fields {
		field := fileNames[wire]
		problem(Problem{line, max(1, where(field)), field + ": " + strings.Join(complaints, " ")})
	}
	return nil
}

// fileNames are the names in files of what is called otherwise on the wire.
var fileNames = map[string]string{
	"username":        "username",
	"email":           "email",
	"first_name":      "firstName",
	"last_name":       "lastName",
	"password":        "password",
	"password_digest": "passwordDigest",
}
