package chat

import (
	"strings"
	"sync"

	"github.com/forPelevin/gomoji"
)

// emojiForms has the one form in which each emoji is kept. Some can be written with
// and without variation selectors: those are the same, and the longest form says
// that a picture is meant (UTS #51, "fully-qualified").
var emojiForms = sync.OnceValue(func() map[string]string {
	forms := map[string]string{}
	for _, e := range gomoji.AllEmojis() {
		if len(e.Character) > len(forms[e.Slug]) {
			forms[e.Slug] = e.Character
		}
	}
	return forms
})

// pictureSelector is the variation selector that asks for a picture.
const pictureSelector = "\uFE0F"

// cleanEmoji returns an emoji in the form in which it is kept.
func cleanEmoji(emoji string) (form string, ok bool) {
	known, err := gomoji.GetInfo(emoji)
	if err != nil { // some clients send the selector where it is not needed
		known, err = gomoji.GetInfo(strings.ReplaceAll(emoji, pictureSelector, ""))
	}
	return emojiForms()[known.Slug], err == nil
}
