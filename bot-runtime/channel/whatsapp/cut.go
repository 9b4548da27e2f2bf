package whatsapp

import (
	"strings"
	"unicode"
	"unicode/utf16"
)

const ellipsis = "…"

// length counts as Meta's strictest clients do: UTF-16 units, so that an emoji is at least two.
func length(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// cut shortens s to at most limit characters, the last of them "…", and never within what a reader sees as one character: a
// letter keeps its accents, a flag its two halves, a family its members.
func cut(s string, limit int) string {
	if length(s) <= limit {
		return s
	}
	kept, end, n := limit-1, 0, 0
	var previous rune
	flags := 0 // regional indicators since the last other rune
	for i, r := range s {
		if i > 0 && !joins(previous, r, flags) {
			end = i
		}
		if n += utf16.RuneLen(r); n > kept {
			break
		}
		if regional(r) {
			flags++
		} else {
			flags = 0
		}
		previous = r
	}
	return strings.TrimRightFunc(s[:end], unicode.IsSpace) + ellipsis
}

// joins says whether r is part of the same visible character as the rune before it.
func joins(before, r rune, flags int) bool {
	const joiner = '\u200d'
	switch {
	case before == joiner, r == joiner:
		return true
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc), r >= 0xfe00 && r <= 0xfe0f:
		return true
	case r >= 0x1f3fb && r <= 0x1f3ff: // skin tones
		return true
	case r >= 0xe0020 && r <= 0xe007f: // tags, of the flags of regions
		return true
	case regional(r) && flags%2 == 1:
		return true
	case before == '\r' && r == '\n':
		return true
	}
	return hangul(before) && hangul(r)
}

func regional(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }

// hangul jamo, which combine into syllables.
func hangul(r rune) bool { return r >= 0x1100 && r <= 0x11ff }
