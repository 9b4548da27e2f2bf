package directory

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// A label may hold marks, underscores and odd hyphens: no listed host has them, so that what has them is nobody's, and is read
// to its end.
const (
	labelStart = `[\p{L}\p{N}\p{M}_]`
	labelPart  = `[\p{L}\p{N}\p{M}_\p{Pd}]`
	hostText   = `(?:[\p{L}\p{N}\p{M}._\-]+@)?` + labelStart + labelPart + `*(?:[.。]` + labelPart + `+)*[.。](?:[\p{L}\p{M}]{2,24}|[xX][nN]--[a-zA-Z0-9\-]{2,60})\.?(?::[0-9]{1,5})?(?:[/\\?#]` + linkPart + `*)?`
	linkPart   = "[^\\s\\p{Z}\\p{C}<>\"|^`{}]"
)

var (
	emailPattern = regexp.MustCompile(`[\p{L}\p{N}\p{M}._%+\-]+@` + labelStart + `(?:` + labelPart + `|\.)*`)
	// hosts with a scheme, or bare: labels with dots whose last is of letters.
	urlPattern  = regexp.MustCompile(`(?i)[a-z][a-z0-9+.\-]{1,10}:[/\\]{2,}` + linkPart + `+`)
	hostPattern = regexp.MustCompile(hostText)
	hostAtOnce  = regexp.MustCompile(`^(?:` + hostText + `)`)
	// the beginning of a second link within a first
	schemeEnd = regexp.MustCompile(`:[/\\]{2,}`)
)

// linkEnd cuts a link where another thing begins that is no part of it: a second link, a symbol such as an arrow or an emoji, or
// a comma with a host behind it.
func (x *Index) linkEnd(m string) string {
	from := 0
	if at := schemeEnd.FindStringIndex(m); at != nil {
		from = at[1]
	}
	if at := schemeEnd.FindStringIndex(m[from:]); at != nil {
		second := from + at[0]
		for second > from && (isLetter(m[second-1]) || isDigit(m[second-1]) || strings.IndexByte("+.-", m[second-1]) >= 0) {
			second--
		}
		if second > from {
			m = m[:second]
		}
	}
	for i, r := range m[from:] {
		if r >= 128 && (unicode.IsSymbol(r) || unicode.IsPunct(r) && !unicode.Is(unicode.Pd, r) && r != '。') {
			m = m[:from+i]
			break
		}
	}
	for i := from; i < len(m); i++ {
		if strings.IndexByte(",;()*!'", m[i]) < 0 {
			continue
		}
		if next := hostAtOnce.FindString(m[i+1:]); next != "" && x.bareHost(next) != "" {
			return m[:i]
		}
	}
	return m
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// hostOwners: a subdomain of a listed host is the host's owner's. A listed host that is a public suffix, where anybody may
// have a subdomain, owns only itself, and of a host that many share an entry owns what it lists.
func (x *Index) hostOwners(host string) []uint32 {
	if _, _, shared := sharedHost(host); shared {
		return x.listing(fieldSite, host)
	}
	if strings.ContainsFunc(host, oddInHost) {
		return nil
	}
	for whole := host; ; {
		if o := x.listing(fieldSite, host); len(o) > 0 {
			if host == whole {
				return o
			}
			if suffix, _ := publicsuffix.PublicSuffix(host); suffix != host {
				return o
			}
		}
		i := strings.IndexByte(host, '.')
		if i < 0 || !strings.Contains(host[i+1:], ".") {
			return nil
		}
		host = host[i+1:]
	}
}

// oddInHost: a browser opens another thing than what stands behind such a character, or nothing.
func oddInHost(r rune) bool {
	return r != '.' && r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
}

// hostSigns: other full stops part labels, too, and browsers take a backslash for a slash.
var hostSigns = strings.NewReplacer("。", ".", "．", ".", "｡", ".", "\\", "/", "\t", "", "\n", "", "\r", "")

// hostOf gives the host that a browser would open: not what stands before an @, no port, no path, no www; punycode decoded.
func hostOf(s string) string {
	host, _ := hostAndPath(s)
	return host
}

func hostAndPath(s string) (host, path string) {
	s = hostSigns.Replace(strings.TrimSpace(s))
	if i := strings.Index(s, "://"); i >= 0 {
		s = strings.TrimLeft(s[i+3:], "/")
	} else {
		s = strings.TrimLeft(s, "/")
	}
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		s, path = s[:i], s[i:]
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.Contains(s, "]") {
		s = s[:i]
	}
	h := strings.ToLower(strings.TrimFunc(s, aroundHost))
	if len(h) > 253 {
		return "", ""
	}
	if !plainHost(h) {
		u, err := idna.Lookup.ToUnicode(h)
		if err != nil && u == "" {
			u = h
		}
		h = u
	}
	h = strings.TrimPrefix(h, "www.")
	if !strings.Contains(h, ".") || strings.Contains(h, "..") {
		return "", ""
	}
	return h, path
}

// aroundHost are quotes, brackets, full stops and the marks of bold and italics.
func aroundHost(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
}

// plainHost: nothing that internationalised names would change.
func plainHost(h string) bool {
	for i := 0; i < len(h); i++ {
		if h[i] >= 128 || h[i] == '%' {
			return false
		}
	}
	return !strings.Contains(h, "xn--")
}

// siteOf is hostOf, and for a host that many share what stands behind it: the path, and of the question what names a page.
func siteOf(s string) string {
	h, path := hostAndPath(s)
	name, _, shared := sharedHost(h)
	if !shared {
		return h
	}
	path, question, _ := strings.Cut(path, "?")
	path, _, _ = strings.Cut(path, "#")
	question, _, _ = strings.Cut(question, "#")
	var b strings.Builder
	b.WriteString(name)
	for part := range strings.SplitSeq(path, "/") {
		if part = strings.TrimFunc(part, aroundPath); part != "" {
			b.WriteString("/" + part)
		}
	}
	if b.Len() == len(name) {
		b.WriteByte('/')
	}
	if values, err := url.ParseQuery(question); err == nil {
		for _, key := range [...]string{"id", "phone", "v"} {
			if v := strings.Join(values[key], ","); v != "" { // of two, nobody knows which one counts
				b.WriteString("?" + key + "=" + v)
			}
		}
	}
	return b.String()
}

// aroundPath is what a sentence or a chat program puts about a link.
func aroundPath(r rune) bool { return strings.ContainsRune(".,;:!?)(*'\"", r) }

// sharedHost says whether a host, or what a site of ours begins with, is one that many share; the rest is what stands behind it.
func sharedHost(v string) (name, rest string, ok bool) {
	host := v
	if i := strings.IndexByte(v, '/'); i >= 0 {
		host, rest = v[:i], v[i:]
	}
	for {
		if words.SharedHost(host) {
			return host, rest, true
		}
		i := strings.IndexByte(host, '.')
		if i < 0 {
			return v, "", false
		}
		host = host[i+1:]
	}
}

// sameSite: the host is equal, or of one that many share the path begins as the listed one does and its question names the same.
func sameSite(listed, asked string) bool {
	if listed == asked {
		return !strings.HasSuffix(listed, "/")
	}
	host, _, shared := sharedHost(listed)
	if !shared || !strings.HasPrefix(asked, host+"/") || strings.HasSuffix(listed, "/") {
		return false
	}
	equal := strings.EqualFold
	if words.CaseMatters(host) {
		equal = func(a, b string) bool { return a == b }
	}
	path, question := splitParts(listed)
	askedPath, askedQuestion := splitParts(asked)
	if len(path) > len(askedPath) {
		return false
	}
	for i := range path {
		if !equal(path[i], askedPath[i]) {
			return false
		}
	}
	for _, q := range question {
		if !slices.Contains(askedQuestion, q) {
			return false
		}
	}
	return true
}

func splitParts(site string) (path, question []string) {
	p, q, asks := strings.Cut(site, "?")
	if asks {
		question = strings.Split(q, "?")
	}
	return strings.Split(p, "/"), question
}

// siteKey is what sites are found by: the host, and of one that many share the path's first part.
func siteKey(v string) string {
	host, rest, shared := sharedHost(v)
	if !shared {
		return v
	}
	rest, _, _ = strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	rest, _, _ = strings.Cut(rest, "?")
	return host + "/" + strings.ToLower(rest)
}

// phoneInLink gives the number of a link that opens a chat with it: the host is WhatsApp's own, and says nothing of whose number it is.
func phoneInLink(site string) string {
	if rest, ok := strings.CutPrefix(site, "wa.me/"); ok {
		rest, _, _ = strings.Cut(strings.TrimPrefix(rest, "+"), "/")
		if rest != "" && strings.Trim(rest, "0123456789") == "" {
			return phoneOf("+" + rest)
		}
	}
	path, rest, ok := strings.Cut(site, "?phone=")
	if _, asked, program := strings.Cut(site, "?"); program && strings.HasPrefix(strings.ToLower(site), "whatsapp://send") {
		if values, err := url.ParseQuery(asked); err == nil {
			path, rest, ok = "whatsapp.com/send", strings.Join(values["phone"], ","), true
		}
	}
	if rest = strings.TrimPrefix(strings.TrimSpace(rest), "+"); !ok || path != "whatsapp.com/send" || strings.Trim(rest, "0123456789 -") != "" {
		return ""
	}
	return phoneOf("+" + rest)
}

// bareHost is siteOf for a text without scheme: only if it ends as a host does. "12.500", "P.T.Mekar" and "resmi kak.mohon"
// do not. With a path or www every end will do, and so does what the data set lists. What a listed name is, letter by letter, is
// that name.
func (x *Index) bareHost(s string) string {
	h := hostOf(s)
	if h == "" || x.written(strings.TrimFunc(s, aroundHost)) {
		return ""
	}
	if strings.ContainsAny(s, "/\\@") || strings.HasPrefix(strings.ToLower(s), "www.") || !plainHost(h) || strings.Contains(strings.ToLower(s), "xn--") {
		return siteOf(s)
	}
	if form, end, _ := strings.Cut(h, "."); words.LegalForm(form) && (end == "bank" || end == "insurance") {
		return "" // "PT.Bank Mekar": hosts of these ends are given to such firms only, after a check
	}
	for rest := h; ; { // initials: "a.n Mekar"
		label, more, ok := strings.Cut(rest, ".")
		if len(label) == 1 && len(h) < 6 {
			return ""
		}
		if !ok {
			break
		}
		rest = more
	}
	if publicEnd(h) || len(x.hostOwners(h)) > 0 {
		return siteOf(s)
	}
	return ""
}

// publicEnd: a host ends so, or a program for a telephone that is sent as a file: nobody lists one, and none is licensed by its name.
func publicEnd(h string) bool {
	suffix, icann := publicsuffix.PublicSuffix(h)
	return icann || strings.Contains(suffix, ".") || suffix == "example" || suffix == "test" || suffix == "apk"
}

func emailOf(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if !strings.Contains(s, "@") {
		return ""
	}
	return s
}

// emailIn is emailOf for a piece of text: only if a host follows.
func emailIn(s string) string {
	at := strings.LastIndexByte(s, '@')
	h := hostOf(s[at+1:])
	if h == "" {
		return ""
	}
	return strings.ToLower(s[:at+1]) + h
}
