package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

// Exit statuses; newExitCodesTopic explains them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitAuth        = 4
	exitConflict    = 5
	exitPartial     = 6
	exitUnreachable = 7
	exitInterrupted = 130
)

func newExitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit statuses mean",
		Long: `chatirectl ends with one of these statuses:

  0    done
  1    failed, for a reason that the message says
  2    wrong usage: nothing was done
  3    what was named does not exist
  4    not signed in, or not allowed
  5    contradicts what is there, such as a name that is taken
  6    only a part was done, or what was checked proves nothing
  7    the database or the server cannot be reached
  78   the servers end with it where their settings are wrong
  130  interrupted`,
	}
}

// usageError is a complaint about how a command was called. The usage is shown with it,
// unless the complaint says itself what to do.
type usageError struct{ err error }

// guidance is a complaint that says itself what to do.
type guidance string

func (g guidance) Error() string { return string(g) }

func (e usageError) Error() string { return e.err.Error() }

func (e usageError) Unwrap() error { return e.err }

func usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// unreachableError says that something that is needed does not answer.
type unreachableError struct{ err error }

func (e unreachableError) Error() string { return e.err.Error() }

func (e unreachableError) Unwrap() error { return e.err }

// exitCode returns the status for how a command ended.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if _, wrong := errors.AsType[usageError](err); wrong {
		return exitUsage
	}
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	if _, unproven := errors.AsType[unprovenError](err); unproven {
		return exitPartial
	}
	if _, partial := errors.AsType[partialError](err); partial {
		return exitPartial
	}
	if isUnreachable(err) {
		return exitUnreachable
	}
	if errors.Is(err, chat.ErrUsernameTaken) {
		return exitConflict
	}
	if errors.Is(err, client.ErrSignedOut) {
		return exitAuth
	}
	switch chat.CodeOf(err) {
	case chat.NotFound, chat.Gone:
		return exitNotFound
	case chat.Unauthorized, chat.Forbidden:
		return exitAuth
	case chat.Conflict:
		return exitConflict
	case chat.Unavailable:
		return exitUnreachable
	}
	return exitFailed
}

func isUnreachable(err error) bool {
	if _, away := errors.AsType[unreachableError](err); away {
		return true
	}
	if _, local := errors.AsType[*fs.PathError](err); local {
		return false // its errno would pass for one of the network
	}
	if _, away := errors.AsType[net.Error](err); away {
		return true
	}
	_, away := errors.AsType[*url.Error](err)
	return away
}

// asAnswer returns the refusal of a server that an error is.
func asAnswer(err error) (*client.Error, bool) { return errors.AsType[*client.Error](err) }

// report says on w how a command ended and returns the exit status. Whoever asked
// for JSON gets one JSON object.
func report(w io.Writer, cmd *cobra.Command, err error) int {
	code := exitCode(err)
	if err == nil {
		return code
	}
	text := sentence(err)
	if f := cmd.Flag("output"); f != nil && f.Value.String() == formatJSON {
		fields := map[string][]string(nil)
		if refusal, ok := errors.AsType[*chat.Error](err); ok {
			fields = refusal.Fields
		}
		encoded, _ := json.Marshal(struct { // nothing in it can fail to encode
			APIVersion string              `json:"apiVersion"`
			Kind       string              `json:"kind"`
			Message    string              `json:"message"`
			Fields     map[string][]string `json:"fields,omitempty"`
			Exit       int                 `json:"exit"`
		}{apiVersion, "Error", text, fields, code})
		fmt.Fprintf(w, "%s\n", encoded)
		return code
	}
	fmt.Fprintf(w, "chatirectl: %s\n", printableLines(strings.ReplaceAll(text, "\t", "  ")))
	if _, guided := errors.AsType[guidance](err); code == exitUsage && !guided {
		fmt.Fprintf(w, "\n%s", cmd.UsageString())
	}
	return code
}

// sentence returns an error in words for the person who runs the command.
func sentence(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	refusal, ok := errors.AsType[*chat.Error](err)
	if ok && refusal.Code != chat.Unavailable && refusal.Error() != "" {
		return refusal.Error() // without what we were doing
	}
	// What the servers tell their clients is no help here.
	return strings.Replace(err.Error(), chat.ErrUnavailable.Error(), "no answer", 1)
}
