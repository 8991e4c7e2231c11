package ctl

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/client"
)

func newMessageCommand() *cobra.Command {
	return newNoun("message", "Read and delete messages", newMessageListCommand(), newMessageDeleteCommand())
}

var messageKind = kind[client.AdminMessage]{
	name: "Message",
	columns: []column[client.AdminMessage]{
		{"SEQ", func(m client.AdminMessage) string { return formatID(m.Seq) }},
		{"CREATED", func(m client.AdminMessage) string { return moment(m.CreatedDate) }},
		{"USERNAME", func(m client.AdminMessage) string { return m.Username }},
		{"STATE", messageState},
		{"MESSAGE", func(m client.AdminMessage) string { return m.Message }},
	},
	id: func(m client.AdminMessage) string { return "message/" + formatID(m.Seq) },
	json: func(m client.AdminMessage) any {
		return struct {
			Seq      int64      `json:"seq"`
			Created  *time.Time `json:"created"`
			Username string     `json:"username"`
			Message  string     `json:"message"`
			Edited   bool       `json:"edited"`
			Deleted  bool       `json:"deleted"`
		}{m.Seq, jsonMoment(m.CreatedDate), m.Username, m.Message, m.Edited, m.Deleted}
	},
}

func messageState(m client.AdminMessage) string {
	switch {
	case m.Deleted:
		return "deleted"
	case m.Edited:
		return "edited"
	}
	return "sent"
}

func newMessageListCommand() *cobra.Command {
	o := &listOptions{}
	var after int64
	cmd := &cobra.Command{
		Use:   "list URI",
		Short: "List what was said in a session; the audit notes it",
		Example: `  chatirectl message list 0123456789abcde
  chatirectl message list 0123456789abcde --after 100 -o jsonl`,
		Args: exactly("URI"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal = newTerminal(cmd)
			return listAll(cmd.Context(), o, messageKind, func(ctx context.Context, t *target) ([]client.AdminMessage, error) {
				messages, err := everythingAfter(after,
					func(after int64) ([]client.AdminMessage, bool, error) { return t.Messages(ctx, args[0], after) },
					func(m client.AdminMessage) int64 { return m.Seq })
				return messages, noSuchSession(err, args[0])
			})
		},
		ValidArgsFunction: completing(completeSessions),
	}
	o.output.bind(cmd)
	cmd.Flags().Int64Var(&after, "after", 0, "begin behind this `seq`")
	return cmd
}

type messageOptions struct {
	change
	uri string
	seq string
}

func newMessageDeleteCommand() *cobra.Command {
	o := &messageOptions{}
	cmd := &cobra.Command{
		Use:     "delete URI SEQ",
		Short:   "Take a message's text back; its place in the history stays",
		Example: `  chatirectl message delete 0123456789abcde 3 --yes`,
		Args:    exactly("URI", "SEQ"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.terminal, o.uri, o.seq = newTerminal(cmd), args[0], args[1]
			return o.run(cmd.Context())
		},
		ValidArgsFunction: completing(completeSessions),
	}
	o.bind(cmd, true)
	return cmd
}

func (o *messageOptions) run(ctx context.Context) error {
	seq, err := strconv.ParseInt(o.seq, 10, 64)
	if err != nil || seq < 1 {
		return usageErrorf("%q is not the seq of a message: chatirectl message list shows them", o.seq)
	}
	t, err := o.connectTo(ctx, fmt.Sprintf("delete message %d of session %s", seq, printable(o.uri)), true)
	if err != nil || t == nil {
		return err
	}
	defer t.close()
	if err := o.ask(ctx, t, "Delete message %d of session %s", seq, o.uri); err != nil {
		return err
	}
	err = t.DeleteMessage(ctx, o.uri, seq)
	if chat.CodeOf(err) == chat.NotFound {
		err = chat.Errorf(chat.NotFound, "Session %q has no message %d: chatirectl message list shows them.", o.uri, seq)
	}
	return o.finish(err, t, nil)
}
