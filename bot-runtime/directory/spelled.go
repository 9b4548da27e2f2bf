package directory

import (
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// Bounds of what is looked for in an address that nobody listed owns.
const (
	leastSpelled   = 8 // letters of a name that an address spells; shorter ones stand in anything
	longestSpelled = 64
	maxParts       = 24
)

// spelledIn finds the listed name that an address spells whole, letter by letter, where it is not the host's own: before the @ of an
// e-mail, in the path or the question of a link, or among many labels. The longest name wins; of one on both lists, who is licensed: a
// fake does not imitate the other.
func (x *Index) spelledIn(id *identifier) (uint32, bool) {
	var best []uint32
	longest := 0
	for _, piece := range aroundHostOf(id) {
		x.spelled(piece, func(entry uint32, letters int) {
			if letters > longest {
				best, longest = best[:0], letters
			}
			if letters == longest {
				best = appendOnce(best, entry)
			}
		})
	}
	if len(best) == 0 {
		return 0, false
	}
	return x.firstLicensed(best), true
}

// aroundHostOf are the pieces of an address that its maker chose: each is read by itself.
func aroundHostOf(id *identifier) []string {
	if id.field == fieldEmail {
		local, host, _ := strings.Cut(id.text, "@")
		return []string{local, withoutSuffix(host)}
	}
	host, path := hostAndPath(id.text)
	pieces := []string{withoutSuffix(host)}
	for piece := range strings.FieldsFuncSeq(path, func(r rune) bool { return strings.ContainsRune("/?#&=;", r) }) {
		if plain, err := url.QueryUnescape(piece); err == nil {
			piece = plain
		}
		if pieces = append(pieces, piece); len(pieces) == maxParts {
			break
		}
	}
	return pieces
}

// withoutSuffix drops the ending of a host that its owner did not choose.
func withoutSuffix(host string) string {
	if suffix, _ := publicsuffix.PublicSuffix(host); suffix != host {
		return strings.TrimSuffix(host, "."+suffix)
	}
	return host
}

// spelled calls found with the entries whose name a piece of an address spells: the piece whole, or, where the name has several words
// and one that is its own, letters that begin or end where a part does. Other names stand within others as words.
func (x *Index) spelled(piece string, found func(entry uint32, letters int)) {
	parts := partsOf(piece)
	joined := strings.Join(parts, "")
	x.named(joined, true, found)
	at := 0
	for _, part := range parts {
		for n := leastSpelled; n <= min(longestSpelled, len(joined)-at); n++ {
			x.named(joined[at:at+n], false, found)
		}
		at += len(part)
		for n := leastSpelled; n <= min(longestSpelled, at); n++ {
			x.named(joined[at-n:at], false, found)
		}
	}
}

// partsOf are the words of a piece of an address; digits at their ends are parts of their own.
func partsOf(piece string) []string {
	const digits = "0123456789"
	plain, _ := words.MixedScripts(piece)
	var parts []string
	for _, w := range words.Split(partsOfHost.Replace(plain)) {
		if core := strings.Trim(w, digits); core != w && core != "" {
			at := strings.Index(w, core)
			for _, part := range [...]string{w[:at], core, w[at+len(core):]} {
				if part != "" {
					parts = append(parts, part)
				}
			}
		} else {
			parts = append(parts, w)
		}
		if len(parts) >= maxParts {
			return parts[:maxParts]
		}
	}
	return parts
}

// named calls found with the entries of which a name is a text, written without blanks and long enough to say something. whole: the
// text is all that there is.
func (x *Index) named(joined string, whole bool, found func(entry uint32, letters int)) {
	if len(joined) < leastSpelled {
		return
	}
	form := classes(joined)
	_, to := piece(len(form), words.TypoBudget(len(form)), 0)
	for _, s := range x.pieces.find(x.seed.byte(byte(len(form))).byte(0).text(form[:to]).sum()) {
		if x.form(s.id) != form {
			continue
		}
		key := x.formKey[s.id]
		said, own := 0, 0 // words that are not chat, and those that are neither kind nor place
		for _, w := range x.textsOf(key) {
			if words.Chat(w) || w == "online" {
				continue
			}
			said++
			if !words.Rigid(w) {
				own++
			}
		}
		if whole && said > 0 || own > 0 && len(x.wordsOf(key)) > 1 {
			found(x.entryOf(key), len(form))
		}
	}
}
