package client

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// AdminAnswer is what a part of a process says when all of them are asked.
type AdminAnswer struct {
	Instance string          `json:"instance"` // names the process
	Part     string          `json:"part"`     // process or worker
	Body     json.RawMessage `json:"body"`
}

// AdminTrace says where an Event was.
type AdminTrace struct {
	Event     chat.EventType `json:"event"`
	Username  string         `json:"username"`
	Committed time.Time      `json:"committed"` // by the clock of the database
	Answers   []AdminAnswer  `json:"answers"`
}

// Trace asks all processes where an Event was.
func (a Admin) Trace(ctx context.Context, uri string, seq int64) (trace AdminTrace, err error) {
	err = a.get(ctx, &trace, nil, "trace", uri, strconv.FormatInt(seq, 10))
	return trace, err
}

// Processes asks all processes how they are.
func (a Admin) Processes(ctx context.Context) ([]AdminAnswer, error) {
	var out struct {
		Answers []AdminAnswer `json:"answers"`
	}
	err := a.get(ctx, &out, nil, "processes")
	return out.Answers, err
}
