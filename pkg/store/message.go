package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chatire/chatire/pkg/chat"
)

// appendTimeout bounds one append. What is asked after it is answered within the
// two seconds that everybody is promised.
const appendTimeout = 1500 * time.Millisecond

// AppendMessages implements [chat.LogStore]. That the caller gives up does not end
// it: the drafts are many people's, and a transaction whose commit is under way
// would be stored all the same.
func (s *Store) AppendMessages(ctx context.Context, drafts []chat.Draft) ([]chat.Outcome, error) {
	if s.tx != nil {
		return nil, errors.New("an append inside a transaction")
	}
	if len(drafts) == 0 {
		return nil, nil
	}
	for _, d := range drafts {
		if err := checkTexts([]any{d.Body, d.ClientID}); err != nil {
			return nil, &chat.Aborted{Err: err}
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	begin := time.Now()
	outcomes, err := s.appender.append(ctx, drafts)
	s.metrics.batch.Observe(float64(len(drafts)))
	s.metrics.observe(opAppend, time.Since(begin), err)
	if err != nil {
		return nil, fmt.Errorf("append messages: %w", err)
	}
	return outcomes, nil
}
