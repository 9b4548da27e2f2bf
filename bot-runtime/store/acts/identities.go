package acts

import (
	"cmp"
	"slices"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// contacts finds or makes the contact of each message. Identities that come together belong together; the first that
// belongs to a contact decides, and one that belongs to another contact is counted and left where it is.
func (in *intake) contacts(messages []store.Inbound) ([]int64, error) {
	var all []message.Identity
	for _, m := range messages {
		all = append(all, m.Identities...)
	}
	known, err := in.known(all)
	if err != nil {
		return nil, err
	}
	contacts := make([]int64, len(messages))
	mine := map[message.Identity]int64{} // those that this batch adds
	made := map[int64]bool{}
	for i, m := range messages {
		contact := int64(0)
		for _, id := range m.Identities {
			if contact = cmp.Or(known[tidy(id)], mine[tidy(id)]); contact != 0 {
				break
			}
		}
		if contact == 0 {
			ids, err := in.tx.Draw(1)
			if err != nil {
				return nil, err
			}
			contact = ids[0]
			made[contact] = true
		}
		for _, id := range m.Identities {
			if cmp.Or(known[tidy(id)], mine[tidy(id)]) == 0 {
				mine[tidy(id)] = contact
			}
		}
		contacts[i] = contact
	}
	if len(made) > 0 || len(mine) > 0 {
		moved, err := in.join(mine, made)
		if err != nil {
			return nil, err
		}
		for i, c := range contacts {
			contacts[i] = cmp.Or(moved[c], c)
		}
		if known, err = in.known(all); err != nil {
			return nil, err
		}
	}
	for i, m := range messages {
		if slices.ContainsFunc(m.Identities, func(id message.Identity) bool { return known[tidy(id)] != contacts[i] }) {
			in.counts.IdentityConflicts++
		}
	}
	return contacts, nil
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
		}, `INSERT INTO identity (scope, kind, value, contact) VALUES `+rows.String()+`
			ON CONFLICT DO NOTHING RETURNING scope, kind, value`, rows.args...)
		if err != nil {
			return nil, err
		}
	}
	moved := map[int64]int64{}
	if len(inserted) < len(mine) {
		now, err := in.known(sorted(mine))
		if err != nil {
			return nil, err
		}
		for _, id := range sorted(mine) {
			if c := mine[id]; made[c] && !inserted[id] && moved[c] == 0 {
				moved[c] = now[id]
			}
		}
	}
	for _, id := range sorted(mine) {
		to := moved[mine[id]]
		if to == 0 || !inserted[id] {
			continue
		}
		if _, err := in.tx.Exec(`UPDATE identity SET contact = $4 WHERE scope = $1 AND kind = $2 AND value = $3`,
			id.Scope, string(id.Kind), id.Value, to); err != nil {
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
	_, err := in.tx.Exec(`INSERT INTO contact (id) VALUES `+people.String(), people.args...)
	return moved, err
}

// known maps identities to the contacts they belong to.
func (in *intake) known(ids []message.Identity) (map[message.Identity]int64, error) {
	known := map[message.Identity]int64{}
	rows := after()
	asked := map[message.Identity]bool{}
	for _, id := range ids {
		if id = tidy(id); !asked[id] {
			asked[id] = true
			rows.add(id.Scope, string(id.Kind), id.Value)
		}
	}
	if rows.rows == 0 {
		return known, nil
	}
	err := each(in.tx, func(scan func(...any) error) error {
		var id message.Identity
		var contact int64
		if err := scan(&id.Scope, &id.Kind, &id.Value, &contact); err != nil {
			return err
		}
		known[id] = contact
		return nil
	}, `SELECT scope, kind, value, contact FROM identity WHERE (scope, kind, value) IN (VALUES `+rows.String()+`)`, rows.args...)
	return known, err
}

// conversations finds or makes the conversation of each message's contact on its channel.
func (in *intake) conversations(messages []store.Inbound, contacts []int64) ([]int64, error) {
	type key struct {
		contact int64
		channel string
	}
	names := map[key]string{}
	for i, m := range messages {
		names[key{contacts[i], m.Channel}] = m.DisplayName
	}
	keys := make([]key, 0, len(names))
	for k := range names {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y key) int {
		return cmp.Or(cmp.Compare(x.contact, y.contact), cmp.Compare(x.channel, y.channel))
	})
	found := map[key]int64{}
	look := func() error {
		rows := after()
		for _, k := range keys {
			rows.add(k.contact, k.channel)
		}
		return each(in.tx, func(scan func(...any) error) error {
			var k key
			var id int64
			if err := scan(&k.contact, &k.channel, &id); err != nil {
				return err
			}
			found[k] = id
			return nil
		}, `SELECT contact, channel, id FROM conversation WHERE (contact, channel) IN (VALUES `+rows.String()+`)`, rows.args...)
	}
	if err := look(); err != nil {
		return nil, err
	}
	var missing []key
	for _, k := range keys {
		if found[k] == 0 {
			missing = append(missing, k)
		}
	}
	if len(missing) > 0 {
		ids, err := in.tx.Draw(len(missing))
		if err != nil {
			return nil, err
		}
		rows := after()
		for i, k := range missing {
			rows.add(ids[i], k.contact, k.channel, clean(names[k]))
		}
		made, err := column[int64](in.tx, `INSERT INTO conversation (id, contact, channel, display_name) VALUES `+
			rows.String()+` ON CONFLICT DO NOTHING RETURNING id`, rows.args...)
		if err != nil {
			return nil, err
		}
		states := after()
		for _, id := range made {
			states.add(id)
		}
		if states.rows > 0 {
			if _, err := in.tx.Exec(`INSERT INTO conversation_state (conversation) VALUES `+states.String(), states.args...); err != nil {
				return nil, err
			}
		}
		if err := look(); err != nil {
			return nil, err
		}
	}
	out := make([]int64, len(messages))
	for i, m := range messages {
		out[i] = found[key{contacts[i], m.Channel}]
	}
	return out, nil
}

// moves joins the new identity to the old one's contact and closes the old one, which still leads to the contact.
func (in *intake) moves(moves []store.IdentityMove) error {
	for _, m := range moves {
		old, next := tidy(m.Old), tidy(m.New)
		known, err := in.known([]message.Identity{old, next})
		if err != nil {
			return err
		}
		if known[old] == 0 && known[next] == 0 {
			if _, err := in.contacts([]store.Inbound{{Identities: []message.Identity{old}}}); err != nil {
				return err
			}
			if known, err = in.known([]message.Identity{old, next}); err != nil {
				return err
			}
		}
		contact := cmp.Or(known[old], known[next])
		if known[next] != 0 && known[next] != contact {
			in.counts.IdentityConflicts++
		}
		rows := after()
		rows.add(next.Scope, string(next.Kind), next.Value, contact)
		if _, err := in.tx.Exec(`INSERT INTO identity (scope, kind, value, contact) VALUES `+rows.String()+
			` ON CONFLICT DO NOTHING`, rows.args...); err != nil {
			return err
		}
		if _, err := in.tx.Exec(`UPDATE identity SET closed_at = $4 WHERE scope = $1 AND kind = $2 AND value = $3`,
			old.Scope, string(old.Kind), old.Value, micros(m.At)); err != nil {
			return err
		}
	}
	return nil
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
