package directory

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// identifier is a thing in a text that is one party's alone: host, e-mail, phone, licence number. It is equal or it is not.
type identifier struct {
	field   string // site, email, phone, licence
	text    string // as written
	value   string // normalised
	entries []int32
}

func (x *Index) addIdentifiers(entry int32, e *Entry) {
	for _, s := range e.Sites {
		if h := hostOf(s); h != "" {
			x.hosts[h] = appendOnce(x.hosts[h], entry)
		}
	}
	for _, m := range e.Emails {
		m = strings.ToLower(strings.TrimSpace(m))
		x.emails[m] = appendOnce(x.emails[m], entry)
	}
	for _, p := range e.Phones {
		if d := phoneOf(p); d != "" {
			x.phones[d] = appendOnce(x.phones[d], entry)
		}
	}
	if l := licenceOf(e.Licence); l != "" {
		x.licences[l] = appendOnce(x.licences[l], entry)
	}
}

func appendOnce(list []int32, v int32) []int32 {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

var (
	emailPattern = regexp.MustCompile(`[\p{L}\p{N}._%+\-]+@[\p{L}\p{N}.\-]+`)
	// hosts with a scheme, or bare: labels with dots whose last is of letters.
	urlPattern   = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.\-]{1,10}://[^\s<>"]+`)
	hostPattern  = regexp.MustCompile(`[\p{L}\p{N}][\p{L}\p{N}\-]*(?:[.。．][\p{L}\p{N}\-]+)*[.。．]\p{L}{2,24}(?::[0-9]{1,5})?(?:/[^\s<>"]*)?`)
	phonePattern = regexp.MustCompile(`(?:\+|\b)[0-9][0-9 ().\-]{6,20}[0-9]`)
	// a licence number has digits and at least one slash or hyphen between parts, such as KEP-12/D.05/2021.
	licencePattern = regexp.MustCompile(`(?i)\b[a-z]{1,6}[\-./ ]?[0-9]{1,6}(?:[\-./][a-z0-9]{1,10}){1,6}\b`)
)

// identifiers takes all identifiers out of a text and gives the rest.
func (x *Index) identifiers(text string) (found []identifier, rest string) {
	take := func(pattern *regexp.Regexp, field string, normal func(string) string) {
		text = pattern.ReplaceAllStringFunc(text, func(m string) string {
			v := normal(m)
			if v == "" || len(found) >= maxIdentifiers {
				return m
			}
			found = append(found, identifier{field: field, text: m, value: v, entries: x.owners(field, v)})
			return " "
		})
	}
	take(urlPattern, "site", hostOf)
	take(emailPattern, "email", func(s string) string { return strings.ToLower(strings.TrimRight(s, ".")) })
	take(licencePattern, "licence", x.licenceIn)
	take(hostPattern, "site", bareHostOf)
	take(phonePattern, "phone", phoneOf)
	text = x.knownLicences(text, &found)
	return found, text
}

const maxIdentifiers = 16

func (x *Index) owners(field, v string) []int32 {
	switch field {
	case "site":
		return x.hostOwners(v)
	case "email":
		if o, ok := x.emails[v]; ok {
			return o
		}
		return x.hostOwners(v[strings.LastIndexByte(v, '@')+1:])
	case "phone":
		return x.phones[v]
	}
	return x.licences[v]
}

// hostOwners: a subdomain of a listed host is the host's owner's.
func (x *Index) hostOwners(host string) []int32 {
	for {
		if o, ok := x.hosts[host]; ok {
			return o
		}
		i := strings.IndexByte(host, '.')
		if i < 0 || !strings.Contains(host[i+1:], ".") {
			return nil
		}
		host = host[i+1:]
	}
}

// hostSigns: other full stops part labels, too, and browsers take a backslash for a slash.
var hostSigns = strings.NewReplacer("。", ".", "．", ".", "\\", "/")

// hostOf gives the host that a browser would open: not what stands before an @, no port, no path, no www.
func hostOf(s string) string {
	s = hostSigns.Replace(strings.TrimSpace(s))
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	h := strings.TrimRight(strings.ToLower(u.Hostname()), ".")
	h = strings.TrimPrefix(h, "www.")
	if !strings.Contains(h, ".") {
		return ""
	}
	return h
}

// topLevel are the ends by which a text without scheme is taken for a host; a sentence whose full stop lacks its blank
// ("resmi kak.mohon info") is none. With a scheme, a path or www every end will do.
var topLevel = setOf("com net org id info biz xyz top site online app io co me my sg ph th vn cn in us uk eu de jp kr au cc tv ws pw " +
	"club shop store live vip icu fun win bid loan loans finance financial bank fund credit money cash click link page web space " +
	"website world today life cloud dev ai asia tech pro mobi name tel work works group network digital agency center support help " +
	"services solutions lol bet casino trade trading capital exchange market press news blog buzz monster cyou sbs cfd rest bond " +
	"go gov edu mil int example test")

func setOf(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(list) {
		out[w] = true
	}
	return out
}

// bareHostOf is hostOf for a text without scheme: only if it ends as a host does. "12.500" and "P.T.Mekar" do not.
func bareHostOf(s string) string {
	h := hostOf(s)
	if h == "" {
		return ""
	}
	last := h[strings.LastIndexByte(h, '.')+1:]
	if !strings.Contains(s, "/") && !strings.HasPrefix(strings.ToLower(s), "www.") && !topLevel[last] {
		return ""
	}
	for _, label := range strings.Split(h, ".") {
		if len(label) == 1 && !strings.ContainsAny(s, "/") { // initials: "a.n Mekar"
			return ""
		}
	}
	return h
}

// phoneOf gives the national digits of a number: +62 and 0 fall away. Fewer than eight digits are none.
func phoneOf(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsDigit(r) && r < 128 {
			b.WriteRune(r)
		}
	}
	d := b.String()
	d = strings.TrimPrefix(d, "62")
	d = strings.TrimLeft(d, "0")
	if len(b.String()) < 8 || len(d) < 6 {
		return ""
	}
	return d
}

// licenceOf drops everything but letters and digits.
func licenceOf(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z':
			b.WriteRune(r)
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r + 'a' - 'A')
		}
	}
	return b.String()
}

// licenceIn says whether a piece of text is meant as a licence number: it is one, or it is written as one (a slash, digits).
func (x *Index) licenceIn(s string) string {
	v := licenceOf(s)
	if _, ok := x.licences[v]; ok {
		return v
	}
	if strings.Contains(s, "/") && len(v) >= 6 {
		return v
	}
	return ""
}

// knownLicences finds licence numbers however they are written, by what the data set has: up to six words joined.
func (x *Index) knownLicences(text string, found *[]identifier) string {
	if len(x.licences) == 0 || !strings.ContainsAny(text, "0123456789") {
		return text
	}
	fields := strings.Fields(text)
	for i := 0; i < len(fields) && i < maxWords; i++ {
		joined := ""
		for j := i; j < len(fields) && j < i+6; j++ {
			joined += licenceOf(fields[j])
			if len(joined) < 4 || !strings.ContainsAny(joined, "0123456789") {
				continue
			}
			if owners, ok := x.licences[joined]; ok {
				*found = append(*found, identifier{field: "licence", text: strings.Join(fields[i:j+1], " "), value: joined, entries: owners})
				return strings.Join(append(append([]string(nil), fields[:i]...), fields[j+1:]...), " ")
			}
		}
	}
	return text
}
