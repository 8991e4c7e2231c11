package ctl

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/ctl/bulk"
	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
)

// importOptions are the flags of chatirectl user import.
type importOptions struct {
	change
	file   string
	format string
	report string
	goOn   bool
}

func newUserImportCommand() *cobra.Command {
	o := &importOptions{}
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Make many accounts from a file",
		Long: `Make many accounts from a file: CSV with a header, or JSON with a line for each account.
The columns are username, email, firstName, lastName, password or passwordDigest, admin,
disabled, created and lastSignIn; only username must be there. A digest may be of
argon2id, bcrypt, scrypt or Django's PBKDF2; it is replaced when its user signs in.

The whole file is checked before anything is done, and what is wrong is said with line and
column. What became of each line goes to a report, FILE.report.jsonl, which has no personal
data. An import that was interrupted goes on when the same command is given again.

It stops at the first account that cannot be made, such as one whose name another account
has; with --continue-on-error it makes the others. An account that is there already, with
the same password, address and rights, is left as it is and is no error.`,
		Example: `  chatirectl user import --file users.csv
  chatirectl user import --file - --format jsonl --continue-on-error < users.jsonl`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.run(cmd.Context())
		},
	}
	o.output.bind(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&o.file, "file", "f", "", "`file` to read; - is the input")
	flags.Var(choice(&o.format, string(bulk.CSV), string(bulk.JSONL)), "format", "how the file is written: csv, jsonl (default: by its name)")
	flags.StringVar(&o.report, "report", "", "`file` for what became of each line")
	flags.BoolVar(&o.goOn, "continue-on-error", false, "make the other accounts where one cannot be made")
	o.bind(cmd, false)
	return cmd
}

// check completes the options.
func (o *importOptions) check() error {
	if o.file == "" {
		return usageErrorf("the file is missing: say --file users.csv")
	}
	for _, f := range []bulk.Format{bulk.CSV, bulk.JSONL} {
		if o.format == "" && strings.HasSuffix(o.file, "."+string(f)) {
			o.format = string(f)
		}
	}
	if o.format == "" {
		return usageErrorf("the name of the file does not say how it is written: say --format csv or --format jsonl")
	}
	if o.report == "" && o.file != "-" && o.dryRun == "" {
		o.report = o.file + ".report.jsonl"
	}
	return nil
}

// summary is how many lines ended how.
type summary struct {
	created, unchanged, conflict, invalid int64
}

var summaryKind = kind[summary]{
	name: "ImportSummary",
	columns: []column[summary]{
		{"CREATED", func(s summary) string { return formatID(s.created) }},
		{"UNCHANGED", func(s summary) string { return formatID(s.unchanged) }},
		{"CONFLICT", func(s summary) string { return formatID(s.conflict) }},
		{"INVALID", func(s summary) string { return formatID(s.invalid) }},
	},
	id: func(s summary) string { return fmt.Sprintf("imported/%d", s.created+s.unchanged) },
	json: func(s summary) any {
		return struct {
			Created   int64 `json:"created"`
			Unchanged int64 `json:"unchanged"`
			Conflict  int64 `json:"conflict"`
			Invalid   int64 `json:"invalid"`
		}{s.created, s.unchanged, s.conflict, s.invalid}
	},
}

func (o *importOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	file, forget, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer forget()
	rows, sum, err := o.validate(ctx, file)
	if err != nil {
		return err
	}
	t, err := o.connectTo(ctx, fmt.Sprintf("import %d accounts", rows), false)
	if err != nil || t == nil {
		return err
	}
	defer t.close()
	i := &userImport{o: o, t: t, bar: newProgress(&o.terminal, "imported", rows)}
	if i.report, err = o.openReport(sum); err != nil {
		return err
	}
	err = i.all(ctx, file)
	i.bar.end()
	if i.report != nil {
		err = errors.Join(err, i.report.Close())
	}
	if _, partial := errors.AsType[partialError](err); err != nil && !partial {
		if i.report != nil && i.report.Imported() > 0 {
			o.note("%d accounts are imported: give the same command again to go on.", i.report.Imported())
		}
		return explainTarget(err, t.place)
	}
	return errors.Join(summaryKind.one(&o.terminal, o.output, i.summary), o.finish(err, t, nil))
}

// open returns the file to read, twice. What comes from the input is kept meanwhile.
func (o *importOptions) open(ctx context.Context) (file *os.File, forget func(), err error) {
	if o.file != "-" {
		file, err = os.Open(o.file)
		if err != nil {
			return nil, nil, fmt.Errorf("read the accounts: %w", err)
		}
		return file, func() { file.Close() }, nil
	}
	file, err = os.CreateTemp("", "chatirectl-import-*") // 0600
	if err != nil {
		return nil, nil, err
	}
	forget = func() { file.Close(); os.Remove(file.Name()) }
	if _, err := io.Copy(file, contextReader{ctx, o.in}); err != nil {
		forget()
		return nil, nil, fmt.Errorf("read the accounts: %w", err)
	}
	return file, forget, nil
}

// contextReader reads until its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// problemsShown bounds how many problems of a file are said.
const problemsShown = 20

// validate reads the whole file and returns how many accounts are in it, and its SHA-256.
func (o *importOptions) validate(ctx context.Context, file *os.File) (rows int64, sum string, err error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, "", fmt.Errorf("read the accounts twice: %w", err)
	}
	hash := sha256.New()
	seen := map[string]int{} // names as the database compares them, and their lines
	problems := 0
	complain := func(p bulk.Problem) {
		if problems++; problems <= problemsShown {
			o.note("%s:%s", printable(o.file), printable(p.Error()))
		}
	}
	err = bulk.Read(io.TeeReader(contextReader{ctx, file}, hash), bulk.Format(o.format), func(r bulk.Row) error {
		rows++
		key := store.NameKey(r.User.Username)
		if before, twice := seen[key]; twice {
			complain(bulk.Problem{Line: r.Line, Column: 1, Why: fmt.Sprintf("username: line %d has this name, or a variant of it", before)})
		}
		seen[key] = r.Line
		return nil
	}, complain)
	if err != nil {
		return 0, "", fmt.Errorf("read the accounts: %w", err)
	}
	switch {
	case problems > problemsShown:
		o.note("There are %d more like these.", problems-problemsShown)
		fallthrough
	case problems > 0:
		return 0, "", chat.Errorf(chat.Invalid, "The file is wrong at %d places, and nothing was imported.", problems)
	case rows == 0:
		return 0, "", chat.Errorf(chat.Invalid, "There are no accounts in the file.")
	}
	return rows, hex.EncodeToString(hash.Sum(nil)), nil
}

func (o *importOptions) openReport(sum string) (*bulk.Report, error) {
	if o.report == "" {
		return nil, nil
	}
	report, err := bulk.OpenReport(o.report, sum)
	if errors.Is(err, bulk.ErrOtherFile) {
		return nil, chat.Errorf(chat.Conflict, "%s tells of the import of another file: remove it, or say another one with --report.", o.report)
	}
	if err != nil {
		return nil, fmt.Errorf("keep the report: %w", err)
	}
	return report, nil
}

// partialError says that only a part was done.
type partialError struct{ error }

func (e partialError) Unwrap() error { return e.error }

// userImport is an import under way.
type userImport struct {
	o       *importOptions
	t       *target
	report  *bulk.Report // nil if none is kept
	bar     *progress
	batch   []bulk.Row
	bytes   int
	hashes  int // passwords in the batch whose digests are to be computed
	summary summary
	failed  []bulk.Outcome // the first of them
}

// Bounds of one batch. A request may have 64 KiB, and takes no longer than a few seconds.
const (
	batchBytes  = 48 << 10
	batchHashes = 60
)

// all imports the file, which was validated.
func (i *userImport) all(ctx context.Context, file *os.File) error {
	if i.report != nil && i.report.Imported() > 0 {
		i.o.note("%d accounts were imported before: going on behind them.", i.report.Imported())
		i.bar.skip(i.report.Imported())
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the accounts: %w", err)
	}
	err := bulk.Read(file, bulk.Format(i.o.format), func(r bulk.Row) error { return i.add(ctx, r) }, func(bulk.Problem) {})
	if err == nil {
		err = i.send(ctx)
	}
	failed := i.summary.conflict + i.summary.invalid
	switch {
	case err != nil:
		return err
	case failed > 0:
		return partialError{chat.Errorf(chat.Conflict, "%d accounts could not be imported.%s", failed, i.why())}
	}
	return nil
}

// add puts a row into the batch, and sends it when it is full.
func (i *userImport) add(ctx context.Context, r bulk.Row) error {
	if i.report != nil && i.report.Done(r.Line) {
		i.summary.unchanged++
		return nil
	}
	size := 200 + len(r.User.Username) + len(r.User.Email) + len(r.User.FirstName) + len(r.User.LastName) + len(r.User.Digest) + len(r.User.Password)
	if len(i.batch) > 0 && (len(i.batch) == chat.MaxImport || i.bytes+size > batchBytes || i.hashes == batchHashes) {
		if err := i.send(ctx); err != nil {
			return err
		}
	}
	i.batch, i.bytes = append(i.batch, r), i.bytes+size
	if r.User.Password != "" {
		i.hashes++
	}
	return nil
}

// send imports the batch and notes what became of it.
func (i *userImport) send(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	users := make([]chat.ImportedUser, len(i.batch))
	for n, r := range i.batch {
		users[n] = r.User
	}
	results, done, err := i.try(ctx, users)
	if err != nil {
		return fmt.Errorf("import from line %d: %w", i.batch[0].Line, err)
	}
	outcomes := make([]bulk.Outcome, len(results))
	for n, r := range results {
		outcomes[n] = bulk.Outcome{Line: i.batch[n].Line, Outcome: r.Outcome, ID: r.ID, Why: r.Why}
		if r.Outcome == chat.ImportConflict || r.Outcome == chat.ImportInvalid {
			i.failed = append(i.failed, outcomes[n])
		}
	}
	if !done {
		return i.stop()
	}
	i.count(outcomes)
	i.batch, i.bytes, i.hashes = i.batch[:0], 0, 0
	i.bar.add(int64(len(results)))
	if i.report != nil {
		if err := i.report.Add(outcomes); err != nil {
			return fmt.Errorf("keep the report: %w", err)
		}
	}
	return nil
}

func (i *userImport) count(outcomes []bulk.Outcome) {
	for _, o := range outcomes {
		switch o.Outcome {
		case chat.ImportCreated:
			i.summary.created++
		case chat.ImportUnchanged:
			i.summary.unchanged++
		case chat.ImportConflict:
			i.summary.conflict++
		default:
			i.summary.invalid++
		}
	}
}

// sendTries is how often a batch is sent where nobody knows what became of it: sending it
// again does no harm.
const sendTries = 5

func (i *userImport) try(ctx context.Context, users []chat.ImportedUser) (results []chat.ImportResult, done bool, err error) {
	for try := range sendTries {
		if try > 0 {
			select {
			case <-time.After(time.Second << (try - 1)):
			case <-ctx.Done():
				return nil, false, ctx.Err()
			}
		}
		results, done, err = i.t.ImportUsers(ctx, users, !i.o.goOn)
		if err == nil || !isUnreachable(err) && chat.CodeOf(err) != chat.Unavailable || ctx.Err() != nil {
			return results, done, err
		}
	}
	return results, done, err
}

// stop ends an import that is not to go on behind something that cannot be imported.
func (i *userImport) stop() error {
	err := chat.Errorf(chat.Conflict, "%d accounts were imported, then it stopped.%s\nTo import the others, say --continue-on-error.",
		i.summary.created+i.summary.unchanged, i.why())
	if i.summary.created > 0 {
		return partialError{err}
	}
	return err
}

// why names the first lines that could not be imported.
func (i *userImport) why() string {
	var b bytes.Buffer
	for n, f := range i.failed {
		if n == problemsShown {
			fmt.Fprintf(&b, "\n  and %d more", len(i.failed)-n)
			break
		}
		fmt.Fprintf(&b, "\n  %s:%d: %s", printable(i.o.file), f.Line, f.Why)
	}
	return b.String()
}
