package directory

import (
	"regexp"
	"slices"
	"strings"

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

// identifiersIn takes all identifiers out of a text and gives the rest; cut says that there were more than are looked at.
func (x *Index) identifiersIn(text string) (found []identifier, rest string, cut bool) {
	digits := strings.ContainsAny(text, "0123456789")
	if !digits && !strings.ContainsAny(text, ".。@:") {
		return nil, text, false
	}
	take := func(pattern *regexp.Regexp, field string, normal func(string) string) {
		var left strings.Builder
		for at := 0; ; {
			m := pattern.FindStringIndex(text[at:])
			if m == nil {
				left.WriteString(text[at:])
				break
			}
			from, to := at+m[0], at+m[1]
			left.WriteString(text[at:from])
			one := text[from:to]
			if field == fieldSite {
				one = x.linkEnd(one)
			}
			at = from + len(one)
			v := normal(one)
			if v == "" {
				left.WriteString(one)
				continue
			}
			left.WriteByte(' ')
			if field == fieldPhone {
				at += len(extensionPattern.FindString(text[at:]))
			}
			if len(found) == maxIdentifiers {
				cut = true
				continue
			}
			id := identifier{field: field, text: one, value: v}
			if field == fieldSite {
				if p := phoneInLink(v); p != "" {
					id.field, id.value = fieldPhone, p
				}
			}
			id.mixed = looksOtherwise(&id)
			if !id.mixed {
				id.entries = x.owners(id.field, id.value)
			}
			found = append(found, id)
		}
		text = left.String()
	}
	if strings.Contains(text, ":") {
		take(urlPattern, fieldSite, func(s string) string {
			if v := siteOf(s); v != "" {
				return v
			}
			return s // a link to no host that could be listed
		})
	}
	if strings.Contains(text, "@") {
		take(emailPattern, fieldEmail, emailIn)
	}
	if digits {
		take(licencePattern, fieldLicence, x.licenceIn)
	}
	if strings.ContainsAny(text, ".。") {
		take(hostPattern, fieldSite, x.bareHost)
	}
	if digits {
		take(phonePattern, fieldPhone, x.phoneIn)
		var more bool
		text, more = x.knownLicences(text, &found)
		cut = cut || more
	}
	return found, text, cut
}

// looksOtherwise: a host that is decoded to letters of another script.
func looksOtherwise(id *identifier) bool {
	if id.field != fieldSite && id.field != fieldEmail {
		return false
	}
	_, mixed := words.MixedScripts(id.value)
	return mixed
}

// Identifiers parts a text into its identifiers and the rest, for those who search by other means: the ids of the entries that
// own all of them, and whether one is nobody's.
func (x *Index) Identifiers(text string) (rest string, owners []string, strange bool) {
	plain, _, _ := words.Legible(text)
	found, rest, _ := x.identifiersIn(plain)
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
	switch field {
	case fieldSite:
		value = siteKey(value)
	case fieldLicence:
		value = joinedLicence(value)
	}
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
		return slices.ContainsFunc(e.Sites, func(s string) bool { return sameSite(siteOf(s), v) })
	case fieldPhone:
		return is(e.Phones, phoneOf)
	case fieldEmail:
		return is(e.Emails, emailOf)
	}
	return sameLicence(licenceOf(e.Licence), v)
}

func appendOnce(list []uint32, v uint32) []uint32 {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}
