package chat

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxQuery bounds what is searched for, in code points, and MaxWords its words.
	MaxQuery = 200
	MaxWords = 10

	// FoundShown bounds one page of what was found, and FoundReached how many pages
	// deep one can look, in Messages.
	FoundShown   = 50
	FoundReached = 1000

	// prefixFrom is how long the last word must be to stand for all that begin so.
	prefixFrom = 2
)

// Search says which Messages to find.
type Search struct {
	Text   string // words that all must be there; the last one may be the beginning of one
	Author string // the name of who wrote them; "" for anybody
	Since  *time.Time
	Until  *time.Time // exclusive
	Offset int
	Limit  int
}

// Query is a Search as a Store takes it.
type Query struct {
	UserID    int64 // who asks: only their Sessions are searched
	SessionID int64 // 0 for all of them
	Words     []string
	Prefix    bool // the last word may be the beginning of one
	AuthorID  int64
	Since     *time.Time
	Until     *time.Time
	Offset    int
	Limit     int
}

// FoundResult is a page of what was found, the best first.
type FoundResult struct {
	Messages []Event
	More     bool
}

// SearchSession finds Messages in one Session.
func (s *Service) SearchSession(ctx context.Context, who Identity, uri string, search Search) (FoundResult, error) {
	m, err := s.allowed(ctx, who, uri, ActRead)
	if err != nil {
		return FoundResult{}, err
	}
	return s.search(ctx, who, m.Session.ID, search)
}

// SearchAll finds Messages in all Sessions of the asker.
func (s *Service) SearchAll(ctx context.Context, who Identity, search Search) (FoundResult, error) {
	return s.search(ctx, who, 0, search)
}

func (s *Service) search(ctx context.Context, who Identity, sessionID int64, search Search) (FoundResult, error) {
	q := Query{
		UserID:    who.User.ID,
		SessionID: sessionID,
		Since:     search.Since,
		Until:     search.Until,
		Offset:    search.Offset,
		Limit:     min(search.Limit, FoundShown),
	}
	if err := q.read(search); err != nil {
		return FoundResult{}, err
	}
	if search.Author != "" {
		author, err := s.store.UserByName(ctx, search.Author)
		if CodeOf(err) == NotFound {
			return FoundResult{}, nil // as if they had written nothing
		}
		if err != nil {
			return FoundResult{}, fmt.Errorf("find author: %w", err)
		}
		q.AuthorID = author.ID
	}
	limit := q.Limit
	q.Limit++
	messages, err := s.store.Search(ctx, q)
	if err != nil {
		return FoundResult{}, fmt.Errorf("search: %w", err)
	}
	if len(messages) <= limit {
		return FoundResult{Messages: messages}, nil
	}
	return FoundResult{Messages: messages[:limit], More: q.Offset+limit < FoundReached}, nil
}

// read takes the words out of what somebody typed. Signs between them mean nothing,
// so there is no syntax to get wrong.
func (q *Query) read(search Search) error {
	switch {
	case !utf8.ValidString(search.Text):
		return FieldError("q", "Not a valid string.")
	case utf8.RuneCountInString(search.Text) > MaxQuery:
		return FieldError("q", fmt.Sprintf("Ensure this field has no more than %d characters.", MaxQuery))
	case search.Offset < 0 || search.Offset >= FoundReached:
		return FieldError("cursor", "Invalid cursor.")
	}
	text := strings.ToLower(search.Text)
	q.Words = strings.FieldsFunc(text, func(r rune) bool { return !isWordRune(r) })
	if len(q.Words) == 0 {
		return FieldError("q", "Enter a word to search for.")
	}
	if len(q.Words) > MaxWords {
		return FieldError("q", fmt.Sprintf("Enter at most %d words.", MaxWords))
	}
	last, _ := utf8.DecodeLastRuneInString(text)
	q.Prefix = isWordRune(last) && utf8.RuneCountInString(q.Words[len(q.Words)-1]) >= prefixFrom
	return nil
}

func isWordRune(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.M) }
