package ctl

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

func newAuditCommand() *cobra.Command {
	return newNoun("audit", "See what administrators did, and check that nobody changed it", newAuditListCommand(), newAuditVerifyCommand())
}

var auditKind = kind[chat.AuditEntry]{
	name: "AuditEntry",
	columns: []column[chat.AuditEntry]{
		{"SEQ", func(e chat.AuditEntry) string { return strconv.FormatInt(e.Seq, 10) }},
		{"AT", func(e chat.AuditEntry) string { return moment(e.At) }},
		{"ACTOR", func(e chat.AuditEntry) string { return e.Actor }},
		{"ORIGIN", func(e chat.AuditEntry) string { return e.Origin }},
		{"OPERATION", func(e chat.AuditEntry) string { return e.Operation }},
		{"TARGET", func(e chat.AuditEntry) string { return e.Target }},
		{"BEFORE", func(e chat.AuditEntry) string { return e.Before }},
		{"AFTER", func(e chat.AuditEntry) string { return e.After }},
	},
	id: func(e chat.AuditEntry) string { return "audit/" + strconv.FormatInt(e.Seq, 10) },
	json: func(e chat.AuditEntry) any {
		return struct {
			Seq       int64      `json:"seq"`
			At        *time.Time `json:"at"`
			Actor     string     `json:"actor"`
			Origin    string     `json:"origin"`
			Operation string     `json:"operation"`
			Target    string     `json:"target"`
			Before    string     `json:"before"`
			After     string     `json:"after"`
			RequestID string     `json:"requestID"`
			Hash      string     `json:"hash"`
		}{e.Seq, jsonMoment(e.At), e.Actor, e.Origin, e.Operation, e.Target, e.Before, e.After, e.RequestID, e.Hash}
	},
}

type auditOptions struct {
	terminal
	heads []string
}

func newAuditListCommand() *cobra.Command {
	o := &listOptions{}
	var after int64
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what administrators did, oldest first",
		Example: `  chatirectl audit list
  chatirectl audit list --after 100 -o json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return listAll(cmd.Context(), o, auditKind, func(ctx context.Context, t *target) ([]chat.AuditEntry, error) {
				return everythingAfter(after, func(after int64) ([]chat.AuditEntry, bool, error) {
					entries, err := t.Audit(ctx, after, client.AdminPage)
					return entries, len(entries) == client.AdminPage, err
				}, func(e chat.AuditEntry) int64 { return e.Seq })
			})
		},
	}
	o.output.bind(cmd)
	cmd.Flags().Int64Var(&after, "after", 0, "begin behind this `seq`")
	return cmd
}

func newAuditVerifyCommand() *cobra.Command {
	o := &auditOptions{}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that no entry was edited, removed or inserted",
		Long: `Check that no entry of the audit was edited, removed or inserted, and name the first
that was. The entries are a chain of hashes.

Whoever can write to the database can also write the whole chain anew, or cut its end off.
Against that the API logs each hour where the chain ends: "audit head" with a text such as
12:5f8a... Give such texts to --head, from logs that are kept elsewhere.`,
		Example: `  chatirectl audit verify
  chatirectl audit verify --head 0:`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.terminal = newTerminal(cmd)
			return o.verify(cmd.Context())
		},
	}
	cmd.Flags().StringArrayVar(&o.heads, "head", nil, "a `head` that was logged; may be given several times")
	return cmd
}

func (o *auditOptions) verify(ctx context.Context) error {
	known, err := parseHeads(o.heads)
	if err != nil {
		return err
	}
	t, err := o.connect(ctx, false)
	if err != nil {
		return err
	}
	defer t.close()
	head, err := chat.VerifyAudit(ctx, t, known...)
	if fault, ok := errors.AsType[chat.AuditFault](err); ok {
		return errors.New("the audit does not hold: " + fault.Error())
	}
	if err != nil {
		return explainTarget(err, t.place)
	}
	o.note("All %d entries hold. The head is %s", head.Seq, head)
	return nil
}

// parseHeads reads heads as they are logged.
func parseHeads(texts []string) ([]chat.AuditHead, error) {
	var heads []chat.AuditHead
	for _, text := range texts {
		number, hash, found := strings.Cut(text, ":")
		seq, err := strconv.ParseInt(number, 10, 64)
		if err != nil || !found || seq < 0 {
			return nil, usageErrorf("%q is not a head: the API logs them, such as 12:5f8a...", text)
		}
		heads = append(heads, chat.AuditHead{Seq: seq, Hash: hash})
	}
	return heads, nil
}
