package platform

import (
	"bytes"
	"fmt"

	"github.com/loket-dev/loket/hack/sim/journal"
)

// Forged is in the text, the ids and the name of everything that must be refused, so that a trace of it is found wherever it is.
const Forged = "FORGED"

// forge delivers a body that is not ours, in one of the ways a stranger has: nothing of it may be stored. The journal has the
// answer.
func (p *Platform) forge(n number) {
	stranger := &Citizen{Name: Forged, Phone: fmt.Sprintf("62999%08d", p.number(100_000_000)), BSUID: p.nextID("ID." + Forged), Mode: WithNumber}
	id := p.nextID("wamid." + Forged)
	to, secret, how := n, p.account.AppSecret, ""
	batch := []delivery{{citizen: stranger, id: id, body: object{"type": "text", "text": object{"body": Forged + " " + id}}}}
	which := p.number(5)
	if which == 4 {
		to.PhoneNumberID, how = "999"+n.PhoneNumberID, "for another number"
	}
	body := p.messagesBody(to, batch)
	signature := Signature(secret, body)
	switch which {
	case 0:
		signature, how = "", "unsigned"
	case 1:
		signature, how = Signature("a guess", body), "signed with another secret"
	case 2:
		body, how = bytes.Replace(body, []byte(`"text"`), []byte(`"test"`), 1), "changed on the way"
	case 3:
		body = body[:len(body)-2]
		signature, how = Signature(secret, body), "cut off"
	}
	p.record(journal.Record{Kind: journal.ForgedOut, IDs: []string{id}, Note: how})
	status, _, err := p.postTo(p.ctx, n.Webhook, body, signature)
	if err != nil {
		status = 0
	}
	p.record(journal.Record{Kind: journal.ForgedAck, IDs: []string{id}, Status: status})
}
