package platform

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf16"

	"github.com/loket-dev/loket/hack/sim/journal"
)

type object = map[string]any

// delivery is one message on its way to the business.
type delivery struct {
	citizen *Citizen
	id      string
	text    string
	body    object
	acked   chan struct{}
}

// maxBatch is how many messages one webhook brings at most.
const maxBatch = 20

// deliverBatches joins what is there into webhooks, as the platform does under load.
func (p *Platform) deliverBatches(n number) {
	for {
		select {
		case <-p.ctx.Done():
			return
		case d := <-n.line:
			batch := []delivery{d}
		more:
			for len(batch) < maxBatch && !p.chance(func(f Faults) float64 { return f.Shuffle }) {
				select {
				case d = <-n.line:
					batch = append(batch, d)
				default:
					break more
				}
			}
			p.work.Go(func() { p.deliver(n, batch) })
			if p.chance(func(f Faults) float64 { return f.Forge }) {
				p.work.Go(func() { p.forge(n) })
			}
		}
	}
}

// deliver posts a webhook until it is acknowledged, and at times again after that.
func (p *Platform) deliver(n number, batch []delivery) {
	body := p.messagesBody(n, batch)
	rec := journal.Record{Kind: journal.WebhookOut, Number: n.PhoneNumberID}
	for _, d := range batch {
		rec.IDs = append(rec.IDs, d.id)
		rec.Texts = append(rec.Texts, d.text)
		rec.Citizens = append(rec.Citizens, d.citizen.Name)
	}
	wait, acked, extra := p.retry, false, 0
	for attempt := 1; ; attempt++ {
		rec.Attempt = attempt
		p.record(rec)
		status := p.post(n, body)
		p.record(journal.Record{Kind: journal.WebhookAck, IDs: rec.IDs, Status: status, Attempt: attempt})
		if status == http.StatusOK && !acked {
			acked = true
			for _, d := range batch {
				close(d.acked)
			}
		}
		if acked {
			if extra == 5 || !p.chance(func(f Faults) float64 { return f.Redeliver }) {
				return
			}
			extra++
			wait = time.Duration(p.number(500)+1) * time.Millisecond
		}
		select {
		case <-p.ctx.Done():
			return
		case <-time.After(wait):
		}
		if !acked && wait < 32*p.retry {
			wait *= 2
		}
	}
}

// post delivers a body and returns the status, 0 when there was no answer.
func (p *Platform) post(n number, body []byte) int {
	status, _, err := p.postTo(p.ctx, n.Webhook, body, Signature(p.account.AppSecret, body))
	if err != nil {
		return 0
	}
	return status
}

// Post sends any body with any signature to the webhook: for tests of what must be refused.
func (p *Platform) Post(ctx context.Context, body []byte, signature string) (int, string, error) {
	return p.postTo(ctx, p.account.Webhook, body, signature)
}

func (p *Platform) postTo(ctx context.Context, webhook string, body []byte, signature string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook, bytes.NewReader(body))
	if err != nil {
		return 0, "", fmt.Errorf("making the webhook call: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "facebookexternalua")
	if signature != "" {
		req.Header.Set("X-Hub-Signature-256", signature)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("delivering the webhook: %w", err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 4096))
	return res.StatusCode, string(answer), nil
}

// Signature is what X-Hub-Signature-256 holds for a body: HMAC-SHA256 with the app secret, over the bytes as sent.
func Signature(appSecret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(appSecret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// Handshake subscribes every number's webhook as the app dashboard does, and fails unless the challenges come back.
func (p *Platform) Handshake(ctx context.Context) error {
	for _, n := range p.numbers {
		if err := p.shakeHands(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (p *Platform) shakeHands(ctx context.Context, n number) error {
	challenge := strconv.Itoa(100000000 + p.number(900000000))
	q := url.Values{"hub.mode": {"subscribe"}, "hub.challenge": {challenge}, "hub.verify_token": {p.account.VerifyToken}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.Webhook+"?"+q.Encode(), nil)
	if err != nil {
		return fmt.Errorf("making the handshake: %w", err)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 1024))
	if res.StatusCode != http.StatusOK || string(answer) != challenge {
		return fmt.Errorf("handshake: answered %d %q, want 200 and the challenge", res.StatusCode, answer)
	}
	return nil
}

// messagesBody is the webhook for a batch; one citizen's messages share a contact.
func (p *Platform) messagesBody(n number, batch []delivery) []byte {
	var contacts, messages []object
	seen := map[*Citizen]bool{}
	for _, d := range batch {
		shows := d.citizen.showsNumber()
		m := object{"id": d.id, "from_user_id": d.citizen.BSUID, "timestamp": strconv.FormatInt(time.Now().Unix(), 10)}
		if shows {
			m["from"] = d.citizen.Phone
		}
		for k, v := range d.body {
			m[k] = v
		}
		messages = append(messages, m)
		if !seen[d.citizen] {
			seen[d.citizen] = true
			profile := object{"name": d.citizen.Name}
			contact := object{"profile": profile, "user_id": d.citizen.BSUID}
			if shows {
				contact["wa_id"] = d.citizen.Phone
			} else {
				profile["username"] = "warga" + d.citizen.BSUID[len(d.citizen.BSUID)-6:]
			}
			contacts = append(contacts, contact)
		}
	}
	return p.envelope(n, "messages", object{"contacts": contacts, "messages": messages})
}

// envelope wraps a value as Meta does.
func (p *Platform) envelope(n number, field string, value object) []byte {
	value["messaging_product"] = "whatsapp"
	value["metadata"] = object{"display_phone_number": p.account.DisplayNumber, "phone_number_id": n.PhoneNumberID}
	return Escape(object{"object": "whatsapp_business_account", "entry": []object{{
		"id": p.account.BusinessAccountID, "changes": []object{{"field": field, "value": value}}}}})
}

// Escape encodes as Meta does: everything beyond ASCII as \uXXXX, and slashes as \/.
func Escape(v any) []byte {
	plain, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of plain values
	}
	var out bytes.Buffer
	for _, r := range string(plain) {
		switch {
		case r == '/':
			out.WriteString(`\/`)
		case r < 0x80:
			out.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes()
}
