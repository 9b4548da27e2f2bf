package directory

import (
	"slices"
	"sort"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// withIdentifiers decides where identifiers stand beside, or instead of, a name.
func (x *Index) withIdentifiers(ids []identifier, mixed bool, q *query, name hit) hit {
	var owners []uint32
	var strange []*identifier // sites first: whoever follows one is where it leads
	var own *identifier
	for i := range ids {
		id := &ids[i]
		if len(id.entries) == 0 || mixed && (id.field == fieldSite || id.field == fieldEmail) {
			if id.field == fieldSite {
				strange = slices.Insert(strange, 0, id)
			} else {
				strange = append(strange, id)
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
	if len(strange) > 0 {
		if len(x.listedAmong(owners)) > 0 {
			return x.licensed(owners, Exact, 0.9, own.field, whyOwned(own))
		}
		first := x.strangeIdentifier(strange[0], owners, name)
		for _, id := range strange[1:] {
			if first.outcome != None {
				break
			}
			if h := x.strangeIdentifier(id, owners, name); h.outcome != None {
				first = h
			}
		}
		return first
	}
	return x.genuineIdentifier(own, owners, q)
}

// listedAmong are those on the warning list.
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
	lookalike := func(e uint32, why Reason) hit {
		return hit{outcome: Lookalike, entries: []uint32{e}, score: 0.7, field: id.field, why: why}
	}
	switch {
	case name.outcome != None:
		if name.outcome == Ambiguous && len(x.listedAmong(name.entries)) > 0 {
			why = why.and(whySomeListed)
		}
		return lookalike(x.firstLicensed(name.entries), why)
	case len(owners) > 0:
		return lookalike(owners[0], why)
	case id.field != fieldSite && id.field != fieldEmail:
		return hit{outcome: None, field: id.field, why: why}
	}
	why = why.and(whyImitates)
	if e, ok := x.imitated(beforeAt(id.text)); ok {
		return lookalike(e, why)
	}
	if named, ok := x.wholeName(words.Name(id.value)); ok { // a listed name that looks like a host
		if named.outcome == ListedIllegal {
			return named
		}
		return lookalike(named.entries[0], why)
	}
	for _, ws := range [...]string{hostWords(id.value), x.nearHost(id.value)} {
		if ws == "" {
			continue
		}
		if near := x.byName(x.query(ws)); near.outcome == ListedIllegal {
			return near
		} else if near.outcome != None {
			return lookalike(near.entries[0], why)
		}
	}
	if e, ok := x.imitated(id.value); ok {
		return lookalike(e, why)
	}
	if e, ok := x.spelledIn(id); ok {
		if x.illegal(e) {
			return x.licensed([]uint32{e}, Exact, 0.8, id.field, why)
		}
		return lookalike(e, why)
	}
	return hit{outcome: None, field: id.field, why: whyStrange(id)}
}

// firstLicensed is who is imitated: a fake does not imitate one of the warning list.
func (x *Index) firstLicensed(entries []uint32) uint32 {
	for _, e := range entries {
		if !x.illegal(e) {
			return e
		}
	}
	return entries[0]
}

var partsOfHost = strings.NewReplacer(".", " ", "-", " ", "_", " ", "/", " ", "?", " ", "=", " ")

// hostWords parts a host, or the host of an e-mail, into words without its ending; of a host that many share, what stands behind it.
func hostWords(v string) string {
	v, _ = words.MixedScripts(v[strings.LastIndexByte(v, '@')+1:])
	if _, rest, shared := sharedHost(v); shared {
		return partsOfHost.Replace(rest)
	}
	if suffix, _ := publicsuffix.PublicSuffix(v); suffix != v {
		v = strings.TrimSuffix(v, "."+suffix)
	}
	return partsOfHost.Replace(v)
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
	q.withoutContext()
	if len(q.distinctive) == 0 {
		return x.licensed(owners, Exact, 1, id.field, whyOwned(id))
	}
	var explained, by []uint32 // entries, and the keys of theirs that were asked
	stranger := ""
	for _, e := range owners {
		for k := x.firstKey(e); int(k) < x.keys() && x.entryOf(k) == e; k++ {
			if a := x.align(q, k); a.strangers == 0 && (a.edits == 0 || a.explained > 1 && a.left == 0) {
				explained = appendOnce(explained, e)
				by = append(by, k)
			} else if stranger == "" {
				stranger = q.compactOr(a.unexplained)
			}
		}
	}
	for _, k := range by {
		for _, bad := range x.alsoListed(k) {
			explained = appendOnce(explained, bad)
		}
	}
	if len(explained) > 0 {
		return x.licensed(explained, Exact, 1, id.field, whyOwned(id).and(Reason{", and so is the name beside it", ", begitu juga nama di sampingnya"}))
	}
	if len(x.listedAmong(owners)) > 0 {
		return x.licensed(owners, Exact, 0.9, id.field, whyOwned(id))
	}
	return hit{outcome: Lookalike, entries: owners[:1], score: 0.7, field: id.field, why: whyBeside(id, stranger)}
}

func (x *Index) firstKey(entry uint32) uint32 {
	return uint32(sort.Search(x.keys(), func(k int) bool { return x.entryOf(uint32(k)) >= entry }))
}

// alsoListed are entries of the warning list that bear the name or alias that a key of somebody licensed is.
func (x *Index) alsoListed(key uint32) []uint32 {
	if x.illegal(x.entryOf(key)) {
		return nil
	}
	e := x.rows.entry(x.entryOf(key))
	var out []uint32
	var buf [8]uint32
	for _, name := range append([]string{e.Name}, e.Aliases...) {
		ws := nameWords(name)
		if !slices.Equal(canonical(ws), x.textsOf(key)) {
			continue
		}
		for _, k := range x.namedBy(ws, buf[:0]) {
			if x.illegal(x.entryOf(k)) {
				out = appendOnce(out, x.entryOf(k))
			}
		}
	}
	return out
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
