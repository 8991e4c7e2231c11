package ctl

import (
	"fmt"
	"strings"
	"time"
)

// progress shows how far long work has come: a bar on a terminal, a line every few
// seconds elsewhere, and nothing about work that is soon over.
type progress struct {
	t        *terminal
	done     string // what was done, such as imported
	of       int64  // 0 if nobody knows
	count    int64
	before   int64 // of count, what was done before
	began    time.Time
	shown    time.Time
	inPlace  bool
	anything bool
}

const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 5 * time.Second
	barWidth  = 30
)

func newProgress(t *terminal, done string, of int64) *progress {
	now := time.Now()
	return &progress{t: t, done: done, of: of, began: now, shown: now, inPlace: isTerminal(t.errOut)}
}

// add notes that n more were done.
func (p *progress) add(n int64) {
	p.count += n
	every := lineEvery
	if p.inPlace {
		every = barEvery
	}
	if time.Since(p.shown) >= every {
		p.show()
	}
}

// skip notes that n were done before: the rate does not count them.
func (p *progress) skip(n int64) { p.count, p.before = p.count+n, p.before+n }

func (p *progress) show() {
	p.shown, p.anything = time.Now(), true
	text := fmt.Sprintf("%d %s", p.count, p.done)
	if p.of > 0 {
		text = fmt.Sprintf("%d of %d %s (%d%%)", p.count, p.of, p.done, 100*p.count/p.of)
	}
	if seconds := time.Since(p.began).Seconds(); seconds > 0 {
		text += fmt.Sprintf(", %.0f a second", float64(p.count-p.before)/seconds)
	}
	if !p.inPlace {
		p.t.note("%s", text)
		return
	}
	if p.of > 0 {
		full := int(barWidth * p.count / p.of)
		text = "[" + strings.Repeat("#", full) + strings.Repeat(" ", barWidth-full) + "] " + text
	}
	fmt.Fprintf(p.t.errOut, "\r\x1b[K%s", text)
}

// end leaves the terminal as it was.
func (p *progress) end() {
	if p.inPlace && p.anything {
		fmt.Fprint(p.t.errOut, "\r\x1b[K")
	}
}
