package chat

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// MaxMentions bounds the Members that one Message mentions. Names beyond it are text
// like any other.
const MaxMentions = 50

// mentionPattern finds what may be a mention: an @ that does not end a word, such as
// that of an e-mail address, and what a name may be made of behind it.
var mentionPattern = regexp.MustCompile(`(?:^|[^\p{L}\p{N}_.@+-])@([\p{L}\p{N}_.@+-]+)`)

// mentionable returns the names that a text may mention, for each @ the longest first:
// a sentence may end behind a name, and "." is a sign that names may have.
func mentionable(text string) (found [][]string) {
	for _, match := range mentionPattern.FindAllStringSubmatch(text, MaxMentions) {
		var names []string
		for name := match[1]; name != ""; {
			names = append(names, name)
			shorter := strings.TrimRight(name, ".@+-")
			if shorter == name {
				break
			}
			name = name[:len(name)-1]
		}
		found = append(found, names)
	}
	return found
}

// mentioned returns the ids of the Members whom a text mentions, ascending.
func mentioned(ctx context.Context, store Store, sessionID int64, text string) ([]int64, error) {
	found := mentionable(text)
	if len(found) == 0 {
		return nil, nil
	}
	members, err := store.MembersByName(ctx, sessionID, slices.Concat(found...))
	if err != nil {
		return nil, fmt.Errorf("find who is mentioned: %w", err)
	}
	var ids []int64
	for _, names := range found {
		for _, name := range names {
			if id, ok := members[name]; ok {
				ids = append(ids, id)
				break
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
