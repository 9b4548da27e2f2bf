package acts

import (
	"cmp"
	"slices"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// link is where an identity leads, and until when it did; closed is 0 while it still does.
type link struct{ contact, closed int64 }

// plan is what messages make of the identities they name. Nothing of it is written yet.
type plan struct {
	contacts []int64                    // of the messages
	made     map[int64]bool             // contacts that are not there yet
	mine     map[message.Identity]int64 // identities that are not there yet
	taken    map[message.Identity]int64 // identities that go over to another contact, or are open again
}

// contacts finds or makes the contact of each message. Identities that come together belong together; the first that leads
// to a contact decides, and one that leads to another contact is counted and left where it is.
//
// A number leads nowhere once it was left: it may be somebody else's by now. Then it goes over to whoever writes with it. A
// user id is never given to another, so a closed one still leads to its contact, and is open again when its owner writes.
func (in *intake) contacts(messages []store.Inbound) ([]int64, error) {
	var all []message.Identity
	for _, m := range messages {
		all = append(all, m.Identities...)
	}
	var p plan
	var links map[message.Identity]link
	var err error
	locked := map[message.Identity]bool{}
	for {
		if links, err = in.links(all, ""); err != nil {
			return nil, err
		}
		if p, err = in.plan(messages, links); err != nil {
			return nil, err
		}
		var taken []message.Identity
		for _, id := range sorted(p.taken) {
			if !locked[id] {
				taken = append(taken, id)
				locked[id] = true
			}
		}
		if len(taken) == 0 {
			break
		}
		// Another transaction may be taking the same: whoever comes second decides anew, by what the first has made of it.
		if _, err := in.links(taken, "{lock}"); err != nil {
			return nil, err
		}
	}
	if len(p.made)+len(p.mine)+len(p.taken) > 0 {
		moved, err := in.join(p.mine, p.made)
		if err != nil {
			return nil, err
		}
		for i, c := range p.contacts {
			in.made[c] = in.made[c] || p.made[c] && moved[c] == 0
			p.contacts[i] = cmp.Or(moved[c], c)
		}
		for _, id := range sorted(p.taken) {
			if err := in.open(id, cmp.Or(moved[p.taken[id]], p.taken[id])); err != nil {
				return nil, err
			}
		}
		if links, err = in.links(all, ""); err != nil {
			return nil, err
		}
	}
	for i, m := range messages {
		if slices.ContainsFunc(m.Identities, func(id message.Identity) bool { return links[tidy(id)].contact != p.contacts[i] }) {
			in.counts.IdentityConflicts++
		}
	}
	return p.contacts, nil
}

// plan decides for each message by the links, which it changes as the messages do.
func (in *intake) plan(messages []store.Inbound, links map[message.Identity]link) (plan, error) {
	p := plan{contacts: make([]int64, len(messages)), made: map[int64]bool{},
		mine: map[message.Identity]int64{}, taken: map[message.Identity]int64{}}
	holders, err := in.holders(messages, links)
	if err != nil {
		return p, err
	}
	var ids []int64
	for i, m := range messages {
		at := micros(m.At)
		user := userOf(m)
		left := func(id message.Identity) bool {
			l := links[id]
			holder := holders[l.contact]
			return id.Kind == message.IdentityPhone &&
				(l.closed != 0 && at > l.closed || user.Value != "" && holder.Value != "" && holder != user)
		}
		contact := int64(0)
		for _, id := range m.Identities {
			if id = tidy(id); links[id].contact != 0 && !left(id) {
				contact = links[id].contact
				break
			}
		}
		if contact == 0 {
			if len(ids) == 0 { // for all that may be strangers, too
				if ids, _, err = in.tx.Draw(len(messages) - i); err != nil {
					return p, err
				}
			}
			contact, ids = ids[0], ids[1:]
			p.made[contact] = true
		}
		p.contacts[i] = contact
		for _, id := range m.Identities {
			id = tidy(id)
			l, there := links[id]
			_, added := p.mine[id]
			switch {
			case !there, added && l.contact != contact && left(id):
				p.mine[id] = contact
			case l.contact == contact && l.closed != 0 && at > l.closed, l.contact != contact && left(id):
				p.taken[id] = contact
			default:
				continue
			}
			links[id] = link{contact: contact}
		}
		if user.Value != "" && links[user] == (link{contact: contact}) {
			holders[contact] = user
		}
	}
	return p, nil
}

// userOf is the user id that a message names; its Value is empty where none is named.
func userOf(m store.Inbound) message.Identity {
	for _, id := range m.Identities {
		if id.Kind == message.IdentityBSUID {
			return tidy(id)
		}
	}
	return message.Identity{}
}

// holders are the open user ids of contacts whose number comes with another one, the message's own where it is among them.
func (in *intake) holders(messages []store.Inbound, links map[message.Identity]link) (map[int64]message.Identity, error) {
	holders := map[int64]message.Identity{}
	var asked []int64
	named := map[message.Identity]bool{}
	for _, m := range messages {
		user := userOf(m)
		if user.Value == "" {
			continue
		}
		named[user] = true
		for _, id := range m.Identities {
			l := links[tidy(id)]
			if id.Kind == message.IdentityPhone && l.contact != 0 && l.contact != links[user].contact {
				asked = append(asked, l.contact)
			}
		}
	}
	if len(asked) == 0 {
		return holders, nil
	}
	slices.Sort(asked)
	these, args := among(slices.Compact(asked))
	err := each(in.tx, func(scan func(...any) error) error {
		var contact int64
		var id message.Identity
		if err := scan(&contact, &id.Scope, &id.Kind, &id.Value); err != nil {
			return err
		}
		if !named[holders[contact]] {
			holders[contact] = id
		}
		return nil
	}, `SELECT contact, scope, kind, value FROM identity WHERE kind = 'bsuid' AND closed_at = 0 AND contact IN `+these+`
		ORDER BY scope, kind, value`, args...)
	return holders, err
}

// open makes an identity lead to a contact, from now on.
func (in *intake) open(id message.Identity, contact int64) error {
	_, err := in.tx.Exec(`UPDATE identity SET contact = $4, closed_at = 0 WHERE scope = $1 AND kind = $2 AND value = $3`,
		id.Scope, string(id.Kind), id.Value, contact)
	return err
}

// join inserts new identities. Another transaction may have been first with one of them: then its contact replaces the one
// made here, for all that came together. It returns the replaced contacts.
func (in *intake) join(mine map[message.Identity]int64, made map[int64]bool) (map[int64]int64, error) {
	rows := after()
	for _, id := range sorted(mine) {
		rows.add(id.Scope, string(id.Kind), id.Value, mine[id])
	}
	inserted := map[message.Identity]bool{}
	if rows.rows > 0 {
		err := each(in.tx, func(scan func(...any) error) error {
			var id message.Identity
			if err := scan(&id.Scope, &id.Kind, &id.Value); err != nil {
				return err
			}
			inserted[id] = true
			return nil
		}, `INSERT INTO identity (scope, kind, value, contact) `+rows.String()+`
			ON CONFLICT DO NOTHING RETURNING scope, kind, value`, rows.args...)
		if err != nil {
			return nil, err
		}
	}
	moved := map[int64]int64{}
	if len(inserted) < len(mine) {
		now, err := in.links(sorted(mine), "")
		if err != nil {
			return nil, err
		}
		for _, id := range sorted(mine) {
			if c := mine[id]; made[c] && !inserted[id] && moved[c] == 0 {
				moved[c] = now[id].contact
			}
		}
	}
	for _, id := range sorted(mine) {
		to := moved[mine[id]]
		if to == 0 || !inserted[id] {
			continue
		}
		if err := in.open(id, to); err != nil {
			return nil, err
		}
	}
	people := after()
	for c := range made {
		if moved[c] == 0 {
			people.add(c)
		}
	}
	if people.rows == 0 {
		return moved, nil
	}
	_, err := in.tx.Exec(`INSERT INTO contact (id) `+people.String(), people.args...)
	return moved, err
}

// links maps identities to where they lead, and notes which conversations are there. With the word for a lock the rows of the
// identities are held until the commit, and nothing is noted.
func (in *intake) links(ids []message.Identity, lock string) (map[message.Identity]link, error) {
	links := map[message.Identity]link{}
	rows := after()
	asked := map[message.Identity]bool{}
	for _, id := range ids {
		if id = tidy(id); !asked[id] {
			asked[id] = true
			rows.add(id.Scope, string(id.Kind), id.Value)
		}
	}
	if rows.rows == 0 {
		return links, nil
	}
	query := `SELECT i.scope, i.kind, i.value, i.contact, i.closed_at, '', 0 FROM identity i WHERE (i.scope, i.kind, i.value) IN (` + rows.String() + `)
		ORDER BY 1, 2, 3 ` + lock
	if lock == "" {
		query = `SELECT i.scope, i.kind, i.value, i.contact, i.closed_at, COALESCE(c.channel, ''), COALESCE(c.id, 0)
			FROM identity i LEFT JOIN conversation c ON c.contact = i.contact WHERE (i.scope, i.kind, i.value) IN (` + rows.String() + `)`
	}
	err := each(in.tx, func(scan func(...any) error) error {
		var id message.Identity
		var l link
		var channel string
		var conversation int64
		if err := scan(&id.Scope, &id.Kind, &id.Value, &l.contact, &l.closed, &channel, &conversation); err != nil {
			return err
		}
		links[id] = l
		if conversation != 0 {
			in.found[place{l.contact, channel}] = conversation
		}
		return nil
	}, query, rows.args...)
	return links, err
}

// place is where a conversation is: a contact on a channel.
type place struct {
	contact int64
	channel string
}

// conversations finds or makes the conversation of each message's contact on its channel.
func (in *intake) conversations(messages []store.Inbound, contacts []int64) ([]int64, error) {
	names := map[place]string{}
	for i, m := range messages {
		names[place{contacts[i], m.Channel}] = m.DisplayName
	}
	missing := make([]place, 0, len(names))
	for k := range names {
		if in.found[k] == 0 {
			missing = append(missing, k)
		}
	}
	slices.SortFunc(missing, func(x, y place) int {
		return cmp.Or(cmp.Compare(x.contact, y.contact), cmp.Compare(x.channel, y.channel))
	})
	if len(missing) > 0 {
		var before []int64
		for _, k := range missing {
			if !in.made[k.contact] {
				before = append(before, k.contact)
			}
		}
		if err := holdContacts(in.tx, before); err != nil {
			return nil, err
		}
		ids, _, err := in.tx.Draw(len(missing))
		if err != nil {
			return nil, err
		}
		rows := after()
		for i, k := range missing {
			rows.add(ids[i], k.contact, k.channel, clean(names[k]))
		}
		made, err := column[int64](in.tx, `INSERT INTO conversation (id, contact, channel, display_name) `+rows.String()+` ON CONFLICT DO NOTHING RETURNING id`, rows.args...)
		if err != nil {
			return nil, err
		}
		states := after()
		for _, id := range made {
			states.add(id)
		}
		if states.rows > 0 {
			if _, err := in.tx.Exec(`INSERT INTO conversation_state (conversation) `+states.String(), states.args...); err != nil {
				return nil, err
			}
		}
		// Another transaction may have been first.
		keys := after()
		for _, k := range missing {
			keys.add(k.contact, k.channel)
		}
		if err := each(in.tx, func(scan func(...any) error) error {
			var k place
			var id int64
			err := scan(&k.contact, &k.channel, &id)
			in.found[k] = id
			return err
		}, `SELECT contact, channel, id FROM conversation WHERE (contact, channel) IN (`+keys.String()+`)`, keys.args...); err != nil {
			return nil, err
		}
	}
	out := make([]int64, len(messages))
	for i, m := range messages {
		out[i] = in.found[place{contacts[i], m.Channel}]
	}
	return out, nil
}

// moves joins new identities to the old one's contact and closes what else it has in that scope: a new number is a new user
// id, and the other way round. What is closed still leads to the contact, for what was written before.
func (in *intake) moves(moves []store.IdentityMove) error {
	for _, m := range moves {
		if err := in.move(m); err != nil {
			return err
		}
	}
	return nil
}

func (in *intake) move(m store.IdentityMove) error {
	old, at := tidy(m.Old), micros(m.At)
	fresh := make([]message.Identity, len(m.New))
	for i, id := range m.New {
		fresh[i] = tidy(id)
	}
	links, err := in.links(append(fresh, old), "{lock}")
	if err != nil {
		return err
	}
	contact := links[old].contact
	for _, id := range fresh {
		if links[id].closed > at {
			return nil // an old notice: the person has moved on since
		}
		contact = cmp.Or(contact, links[id].contact)
	}
	if contact == 0 {
		contacts, err := in.contacts([]store.Inbound{{Identities: []message.Identity{old}, At: m.At}})
		if err != nil {
			return err
		}
		contact = contacts[0]
	} else if links[old].contact == 0 {
		if err := in.add(old, contact); err != nil {
			return err
		}
	}
	for _, id := range fresh {
		l, there := links[id]
		switch {
		case !there:
			err = in.add(id, contact)
		case l.contact == contact, id.Kind == message.IdentityPhone && l.closed != 0:
			err = in.open(id, contact)
		default:
			in.counts.IdentityConflicts++
		}
		if err != nil {
			return err
		}
	}
	if links[old].closed != 0 {
		return nil // known already, maybe by another webhook that named more
	}
	kept := after(contact, old.Scope, at)
	for _, id := range fresh {
		kept.add(string(id.Kind), id.Value)
	}
	_, err = in.tx.Exec(`UPDATE identity SET closed_at = $3 WHERE contact = $1 AND scope = $2 AND closed_at = 0
		AND (kind, value) NOT IN (`+kept.String()+`)`, kept.args...)
	return err
}

// add inserts an identity; another transaction may be first.
func (in *intake) add(id message.Identity, contact int64) error {
	_, err := in.tx.Exec(`INSERT INTO identity (scope, kind, value, contact) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		id.Scope, string(id.Kind), id.Value, contact)
	return err
}

// tidy makes an identity storable; see clean.
func tidy(id message.Identity) message.Identity {
	return message.Identity{Scope: clean(id.Scope), Kind: message.IdentityKind(clean(string(id.Kind))), Value: clean(id.Value)}
}

// sorted are the identities in the order of their key.
func sorted(ids map[message.Identity]int64) []message.Identity {
	out := make([]message.Identity, 0, len(ids))
	for id := range ids {
		out = append(out, id)
	}
	slices.SortFunc(out, func(x, y message.Identity) int {
		return cmp.Or(cmp.Compare(x.Scope, y.Scope), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Value, y.Value))
	})
	return out
}
