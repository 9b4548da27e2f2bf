package directory

import (
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// identifier is a thing in a text that is one party's alone: host, e-mail, phone, licence number. It is equal or it is not.
type identifier struct {
	field   string // site, email, phone, licence
	text    string // as written
	value   string // normalised
	mixed   bool   // a host with letters of another script
	entries []uint32
}

const maxIdentifiers = 16

var (
	emailPattern = regexp.MustCompile(`[\p{L}\p{N}._%+\-]+@[\p{L}\p{N}.\-]+`)
	// hosts with a scheme, or bare: labels with dots whose last is of letters.
	urlPattern   = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.\-]{1,10}:[/\\]{2,}[^\s<>"]+`)
	hostPattern  = regexp.MustCompile(`(?:[\p{L}\p{N}._\-]+@)?[\p{L}\p{N}][\p{L}\p{N}\-]*(?:[.。．｡][\p{L}\p{N}\-]+)*[.。．｡](?:\p{L}{2,24}|[xX][nN]--[a-zA-Z0-9\-]{2,60})\.?(?::[0-9]{1,5})?(?:[/\\?#][^\s<>"]*)?`)
	phonePattern = regexp.MustCompile(`(?:\(?\+|\(|\b)[0-9][0-9 ().\-]{5,20}[0-9]`)
	// a licence number has digits and at least one slash or hyphen between parts, such as KEP-12/D.05/2021.
	licencePattern = regexp.MustCompile(`(?i)\b[a-z]{1,6}[\-./ ]?[0-9]{1,6}(?:[\-./][a-z0-9]{1,10}){1,6}\b`)
	moneyPattern   = regexp.MustCompile(`(?i)\b(?:rp|idr)\.? ?[0-9][0-9.,]*(?: ?(?:juta|jt|ribu|rb|miliar|milyar))?\b|\b[0-9][0-9.,]* ?(?:juta|jt|ribu|rb|miliar|milyar)(?:an)?\b`)
)

// withoutMoney drops amounts: "5 juta" is no part of a name.
func withoutMoney(text string) string {
	if !strings.ContainsAny(text, "0123456789") {
		return text
	}
	return moneyPattern.ReplaceAllString(text, " ")
}

// identifiersIn takes all identifiers out of a text and gives the rest.
func (x *Index) identifiersIn(text string) (found []identifier, rest string) {
	digits := strings.ContainsAny(text, "0123456789")
	if !digits && !strings.ContainsAny(text, ".。．｡@:") {
		return nil, text
	}
	take := func(pattern *regexp.Regexp, field string, normal func(string) string) {
		text = pattern.ReplaceAllStringFunc(text, func(m string) string {
			v := normal(m)
			if v == "" || len(found) >= maxIdentifiers {
				return m
			}
			id := identifier{field: field, text: m, value: v}
			if field == fieldSite || field == fieldEmail {
				_, id.mixed = words.MixedScripts(v)
			}
			if !id.mixed {
				id.entries = x.owners(field, v)
			}
			found = append(found, id)
			return " "
		})
	}
	if strings.Contains(text, ":") {
		take(urlPattern, fieldSite, hostOf)
	}
	if strings.Contains(text, "@") {
		take(emailPattern, fieldEmail, emailIn)
	}
	if digits {
		take(licencePattern, fieldLicence, x.licenceIn)
	}
	if strings.ContainsAny(text, ".。．｡") {
		take(hostPattern, fieldSite, x.bareHost)
	}
	if digits {
		take(phonePattern, fieldPhone, x.phoneIn)
		text = x.knownLicences(text, &found)
	}
	return found, text
}

// Identifiers parts a text into its identifiers and the rest, for those who search by other means: the ids of the entries that
// own all of them, and whether one is nobody's.
func (x *Index) Identifiers(text string) (rest string, owners []string, strange bool) {
	plain, _ := words.MixedScripts(text)
	found, rest := x.identifiersIn(plain)
	var common []uint32
	for i, id := range found {
		strange = strange || len(id.entries) == 0
		if i == 0 {
			common = id.entries
		} else {
			common = shared(common, id.entries)
		}
	}
	for _, e := range common {
		owners = append(owners, x.rows.entry(e).ID)
	}
	return rest, owners, strange
}

func identifierHash(seed hash, field, value string) uint64 {
	return seed.byte(field[0]).byte(0).text(value).sum()
}

// owners gives the entries that list an identifier; what they list is compared, not only its hash.
func (x *Index) owners(field, v string) []uint32 {
	switch field {
	case fieldSite:
		return x.hostOwners(v)
	case fieldEmail:
		if o := x.listing(field, v); len(o) > 0 {
			return o
		}
		return x.hostOwners(v[strings.LastIndexByte(v, '@')+1:])
	}
	return x.listing(field, v)
}

func (x *Index) listing(field, v string) []uint32 {
	var out []uint32
	h := identifierHash(x.seed, field, v)
	for _, s := range x.identifiers.find(h) {
		if s.tag == uint32(h) && x.lists(s.id, field, v) {
			out = appendOnce(out, s.id)
		}
	}
	return out
}

func (x *Index) lists(entry uint32, field, v string) bool {
	e := x.rows.entry(entry)
	is := func(list []string, normal func(string) string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return normal(s) == v })
	}
	switch field {
	case fieldSite:
		return is(e.Sites, hostOf)
	case fieldPhone:
		return is(e.Phones, phoneOf)
	case fieldEmail:
		return is(e.Emails, emailOf)
	}
	return licenceOf(e.Licence) == v
}

func appendOnce(list []uint32, v uint32) []uint32 {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

// hostOwners: a subdomain of a listed host is the host's owner's. A listed host that is a public suffix, where anybody may
// have a subdomain, owns only itself.
func (x *Index) hostOwners(host string) []uint32 {
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

// hostSigns: other full stops part labels, too, and browsers take a backslash for a slash.
var hostSigns = strings.NewReplacer("。", ".", "．", ".", "｡", ".", "\\", "/", "\t", "", "\n", "", "\r", "")

// hostOf gives the host that a browser would open: not what stands before an @, no port, no path, no www; punycode decoded.
func hostOf(s string) string {
	s = hostSigns.Replace(strings.TrimSpace(s))
	if i := strings.Index(s, "://"); i >= 0 {
		s = strings.TrimLeft(s[i+3:], "/")
	} else {
		s = strings.TrimLeft(s, "/")
	}
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.Contains(s, "]") {
		s = s[:i]
	}
	h := strings.ToLower(strings.TrimRight(s, ".,;!)'"))
	if len(h) > 253 {
		return ""
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
		return ""
	}
	return h
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

// bareHost is hostOf for a text without scheme: only if it ends as a host does. "12.500", "P.T.Mekar" and "resmi kak.mohon"
// do not. With a path or www every end will do, and so does what the data set lists.
func (x *Index) bareHost(s string) string {
	h := hostOf(s)
	if h == "" {
		return ""
	}
	if strings.ContainsAny(s, "/\\@") || strings.HasPrefix(strings.ToLower(s), "www.") || !plainHost(h) || strings.Contains(strings.ToLower(s), "xn--") {
		return h
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
		return h
	}
	return ""
}

func publicEnd(h string) bool {
	suffix, icann := publicsuffix.PublicSuffix(h)
	return icann || strings.Contains(suffix, ".") || suffix == "example" || suffix == "test"
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

// phoneOf gives the national digits of a number: +62 and 0 fall away. Fewer than five digits are none.
func phoneOf(s string) string {
	var buf [32]byte
	d := buf[:0]
	for i := 0; i < len(s) && len(d) < len(buf); i++ {
		if isDigit(s[i]) {
			d = append(d, s[i])
		}
	}
	v := string(d)
	if strings.HasPrefix(v, "62") && len(v) >= 9 {
		v = v[2:]
	}
	v = strings.TrimLeft(v, "0")
	if len(v) < 5 {
		return ""
	}
	return v
}

// phoneIn says whether digits in a text are meant as a phone number: they are one, or they begin as one.
func (x *Index) phoneIn(s string) string {
	v := phoneOf(s)
	if v == "" || len(v) > 15 {
		return ""
	}
	lead := strings.TrimLeft(s, "(+ ")
	begins := strings.HasPrefix(s, "+") || strings.HasPrefix(s, "(") || lead[0] == '0' || strings.HasPrefix(lead, "62") || lead[0] == '8'
	if begins && len(v) >= 7 || len(x.listing(fieldPhone, v)) > 0 {
		return v
	}
	return ""
}

// licenceOf drops everything but letters and digits.
func licenceOf(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c), c >= 'a' && c <= 'z':
			b.WriteByte(c)
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		}
	}
	return b.String()
}

// maxShapes of licence numbers are known: a data set has a few.
const maxShapes = 512

// shapeOf is how a licence number is built: "KEP-12/D.05/2021" is "a-9/a.9/9". One of digits alone keeps how many; short ones
// have no shape.
func shapeOf(s string) string {
	var b strings.Builder
	digits, runs := 0, 0
	last := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case isDigit(c):
			digits++
			c = '9'
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			c = 'a'
		case c >= 128, c == ' ':
			return ""
		}
		if c != last || c != '9' && c != 'a' {
			b.WriteByte(c)
			runs++
		}
		last = c
	}
	switch {
	case digits < 3 || len(s) < 5:
		return ""
	case runs == 1:
		if digits < 6 {
			return ""
		}
		return "9:" + strconv.Itoa(digits)
	case runs == 2 && digits < 4: // "mekar123"
		return ""
	}
	return b.String()
}

// licenceIn says whether a piece of text is meant as a licence number: it is one, or it is written as one (a slash, digits).
func (x *Index) licenceIn(s string) string {
	v := licenceOf(s)
	if len(x.listing(fieldLicence, v)) > 0 {
		return v
	}
	if strings.Contains(s, "/") && len(v) >= 6 {
		return v
	}
	if _, ok := x.shapes[shapeOf(s)]; ok {
		return v
	}
	return ""
}

// knownLicences finds licence numbers however they are written, by what the data set has: up to six words joined, or one word
// that is built as they are.
func (x *Index) knownLicences(text string, found *[]identifier) string {
	if len(x.shapes) == 0 {
		return text
	}
	fields := strings.Fields(text)
	for i := 0; i < len(fields) && i < maxWords && len(*found) < maxIdentifiers; i++ {
		joined := ""
		taken := 0
		for j := i; j < len(fields) && j < i+6; j++ {
			joined += licenceOf(fields[j])
			if len(joined) < 4 || len(joined) > 64 || !words.HasDigit(joined) {
				continue
			}
			if owners := x.listing(fieldLicence, joined); len(owners) > 0 {
				*found = append(*found, identifier{field: fieldLicence, text: strings.Join(fields[i:j+1], " "), value: joined, entries: owners})
				taken = j + 1 - i
				break
			}
		}
		if taken == 0 {
			bare := strings.Trim(fields[i], ".,;:!?()\"'")
			if _, ok := x.shapes[shapeOf(bare)]; ok {
				*found = append(*found, identifier{field: fieldLicence, text: bare, value: licenceOf(bare)})
				taken = 1
			}
		}
		if taken > 0 {
			fields = slices.Delete(fields, i, i+taken)
			i--
		}
	}
	return strings.Join(fields, " ")
}

// withIdentifiers decides where identifiers stand beside, or instead of, a name.
func (x *Index) withIdentifiers(ids []identifier, mixed bool, q *query, name hit) hit {
	var owners []uint32
	var strange, own *identifier
	for i := range ids {
		id := &ids[i]
		if len(id.entries) == 0 || mixed && id.field == fieldSite {
			if strange == nil || id.field == fieldSite {
				strange = id
			}
			continue
		}
		if own == nil {
			own, owners = id, id.entries
			continue
		}
		if common := shared(owners, id.entries); len(common) > 0 {
			owners = common
			continue
		}
		if illegal := x.listedAmong(append(slices.Clone(owners), id.entries...)); len(illegal) > 0 {
			return x.licensed(illegal[:1], Exact, 0.9, id.field, whyOwned(id))
		}
		return hit{outcome: Lookalike, entries: owners, score: 0.5, field: id.field, why: whyTwoOwners(own, id)}
	}
	if name.outcome == ListedIllegal {
		return name
	}
	if strange != nil {
		if illegal := x.listedAmong(owners); len(illegal) > 0 {
			return x.licensed(illegal[:1], Exact, 0.9, own.field, whyOwned(own))
		}
		return x.strangeIdentifier(strange, owners, name)
	}
	return x.genuineIdentifier(own, owners, q)
}

// listedAmong are those on the warning list, if nobody licensed is among them.
func (x *Index) listedAmong(entries []uint32) []uint32 {
	var out []uint32
	for _, e := range entries {
		if x.illegal(e) {
			out = append(out, e)
		}
	}
	return out
}

// strangeIdentifier: nobody listed owns it, so nothing beside it is licensed.
func (x *Index) strangeIdentifier(id *identifier, owners []uint32, name hit) hit {
	why := whyStrange(id)
	switch {
	case name.outcome != None:
		return hit{outcome: Lookalike, entries: name.entries[:1], score: 0.7, field: id.field, why: why}
	case len(owners) > 0:
		return hit{outcome: Lookalike, entries: owners, score: 0.7, field: id.field, why: why}
	case id.field == fieldSite || id.field == fieldEmail:
		if e, ok := x.imitated(beforeAt(id.text)); ok {
			return hit{outcome: Lookalike, entries: []uint32{e}, score: 0.7, field: id.field, why: why.and(whyImitates)}
		}
		for _, ws := range [...]string{hostWords(id.value), x.nearHost(id.value)} {
			if ws == "" {
				continue
			}
			if near := x.byName(x.query(ws)); near.outcome == ListedIllegal {
				return near
			} else if near.outcome != None {
				return hit{outcome: Lookalike, entries: near.entries[:1], score: 0.7, field: id.field, why: why.and(whyImitates)}
			}
		}
		if e, ok := x.imitated(id.value); ok {
			return hit{outcome: Lookalike, entries: []uint32{e}, score: 0.7, field: id.field, why: why.and(whyImitates)}
		}
	case id.field == fieldLicence:
		return hit{outcome: None, field: id.field, why: why}
	}
	return hit{outcome: None, field: id.field, why: why}
}

// hostWords parts a host, or the host of an e-mail, into words without its ending.
func hostWords(v string) string {
	v, _ = words.MixedScripts(v[strings.LastIndexByte(v, '@')+1:])
	if suffix, _ := publicsuffix.PublicSuffix(v); suffix != v {
		v = strings.TrimSuffix(v, "."+suffix)
	}
	return strings.NewReplacer(".", " ", "-", " ", "_", " ").Replace(v)
}

// nearHost is the host's registered name alone, without what stands before it.
func (x *Index) nearHost(v string) string {
	v, _ = words.MixedScripts(v[strings.LastIndexByte(v, '@')+1:])
	registered, err := publicsuffix.EffectiveTLDPlusOne(v)
	if err != nil || registered == v {
		return ""
	}
	label, _, _ := strings.Cut(registered, ".")
	return strings.ReplaceAll(label, "-", " ")
}

// beforeAt is what a link shows before an @, with an end, as if it were a host in front of another.
func beforeAt(text string) string {
	_, rest, ok := strings.Cut(hostSigns.Replace(text), "://")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 0 {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(rest[:at]), "www.") + ".x"
}

// imitated finds the listed host that a strange one looks like: with letters of another script replaced, or standing whole in
// front of a foreign one.
func (x *Index) imitated(v string) (uint32, bool) {
	v, mixed := words.MixedScripts(v[strings.LastIndexByte(v, '@')+1:])
	if mixed {
		if o := x.hostOwners(v); len(o) > 0 {
			return o[0], true
		}
	}
	for end := strings.LastIndexByte(v, '.'); end > 0; end = strings.LastIndexByte(v[:end], '.') {
		if o := x.hostOwners(v[:end]); len(o) > 0 {
			return o[0], true
		}
	}
	return 0, false
}

// genuineIdentifier: its owner is meant, unless a distinctive word stands beside it that the owner has not.
func (x *Index) genuineIdentifier(id *identifier, owners []uint32, q *query) hit {
	if len(q.distinctive) == 0 {
		return x.licensed(owners, Exact, 1, id.field, whyOwned(id))
	}
	var explained []uint32
	stranger := ""
	for _, e := range owners {
		from := sort.Search(x.keys(), func(k int) bool { return x.entryOf(uint32(k)) >= e })
		for k := uint32(from); int(k) < x.keys() && x.entryOf(k) == e; k++ {
			if a := x.align(q, k); a.strangers == 0 && (a.edits == 0 || a.explained > 1 && a.left == 0) {
				explained = appendOnce(explained, e)
			} else if stranger == "" {
				stranger = q.compactOr(a.unexplained)
			}
		}
	}
	if len(explained) > 0 {
		return x.licensed(explained, Exact, 1, id.field, whyOwned(id).and(Reason{", and so is the name beside it", ", begitu juga nama di sampingnya"}))
	}
	if illegal := x.listedAmong(owners); len(illegal) > 0 {
		return x.licensed(illegal[:1], Exact, 0.9, id.field, whyOwned(id))
	}
	return hit{outcome: Lookalike, entries: owners[:1], score: 0.7, field: id.field, why: whyBeside(id, stranger)}
}

func shared(a, b []uint32) []uint32 {
	var out []uint32
	for _, v := range a {
		if slices.Contains(b, v) {
			out = append(out, v)
		}
	}
	return out
}
