package whatsapp

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// MaxBody of a webhook, as it came and decompressed: above Meta's 3 MB.
const MaxBody = 4 << 20

// maxChallenge bounds what the handshake repeats.
const maxChallenge = 1024

// Handshake answers Meta's GET when the webhook is entered in the app.
func (c *Channel) Handshake() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet)
			refuse(w, http.StatusMethodNotAllowed)
			return
		}
		c.handshake(w, r)
	})
}

func refuse(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }

// handshake proves to Meta that we know the verify token, when the webhook is entered in the app.
func (c *Channel) handshake(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	want := c.credentials.get(keyVerifyToken)
	challenge := q.Get("hub.challenge")
	switch {
	case want == "":
		refuse(w, http.StatusServiceUnavailable)
	case q.Get("hub.mode") != "subscribe" || !equal(q.Get("hub.verify_token"), want.Reveal()):
		refuse(w, http.StatusForbidden)
	case challenge == "" || len(challenge) > maxChallenge:
		refuse(w, http.StatusBadRequest)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = io.WriteString(w, challenge)
	}
}

// equal compares in constant time, whatever the lengths.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return hmac.Equal(x[:], y[:])
}

// Receive verifies and parses one update. Entries of other accounts or numbers are left out and counted; a body with messages
// wholly for others is refused.
func (c *Channel) Receive(r *http.Request, body []byte) (store.Batch, *channel.Refusal) {
	plain, refusal := c.verified(r, body)
	if refusal != nil {
		return store.Batch{}, refusal
	}
	parsed, err := c.parse(plain)
	if err != nil {
		return store.Batch{}, &channel.Refusal{Status: http.StatusBadRequest, Reason: err.Error()}
	}
	if parsed.foreign > 0 {
		c.Foreign(parsed.foreign)
		if parsed.own == 0 && parsed.misdirected {
			return store.Batch{}, &channel.Refusal{Status: http.StatusForbidden, Reason: "every entry belongs to another account or number"}
		}
	}
	return parsed.batch, nil
}

// verified returns the body that the signature holds for, decompressed. Meta signs what it serialised: a gateway on the way
// may have compressed that, or Meta itself, so the signature may be over either.
func (c *Channel) verified(r *http.Request, body []byte) ([]byte, *channel.Refusal) {
	if len(body) > MaxBody {
		return nil, &channel.Refusal{Status: http.StatusRequestEntityTooLarge, Reason: "the body is over 4 MiB"}
	}
	secrets := []channel.Secret{c.credentials.get(keyAppSecret), c.credentials.get(keyAppSecretPrevious)}
	if secrets[0] == "" {
		return nil, &channel.Refusal{Status: http.StatusServiceUnavailable,
			Reason: fmt.Sprintf("Secret %q has no key %s", c.SecretName, keyAppSecret)}
	}
	header := r.Header.Get("X-Hub-Signature-256")
	if header == "" {
		return nil, &channel.Refusal{Status: http.StatusUnauthorized, Reason: "no signature"}
	}
	signed := signature(header, body, secrets)
	plain := body
	switch strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))) {
	case "", "identity":
	case "gzip":
		var refusal *channel.Refusal
		if plain, refusal = decompress(body); refusal != nil && signed {
			return nil, refusal
		} else if refusal == nil && !signed {
			signed = signature(header, plain, secrets)
		}
	default:
		if signed {
			return nil, &channel.Refusal{Status: http.StatusUnsupportedMediaType, Reason: "an encoding other than gzip"}
		}
	}
	if !signed {
		return nil, &channel.Refusal{Status: http.StatusForbidden, Reason: "the signature does not hold"}
	}
	return plain, nil
}

// signature says whether header is the HMAC of body by one of the secrets. All are tried, so that time tells nothing.
func signature(header string, body []byte, secrets []channel.Secret) bool {
	text, found := strings.CutPrefix(header, "sha256=")
	given, err := hex.DecodeString(text)
	if !found || err != nil || len(given) != sha256.Size {
		return false
	}
	holds := false
	for _, s := range secrets {
		if s == "" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(s.Reveal()))
		mac.Write(body)
		if hmac.Equal(mac.Sum(nil), given) {
			holds = true
		}
	}
	return holds
}

// decompress stops at MaxBody, whatever a few bytes claim to become.
func decompress(body []byte) ([]byte, *channel.Refusal) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, &channel.Refusal{Status: http.StatusBadRequest, Reason: "the body is not gzip"}
	}
	plain, err := io.ReadAll(io.LimitReader(z, MaxBody+1))
	if err != nil {
		return nil, &channel.Refusal{Status: http.StatusBadRequest, Reason: "the body is not whole gzip"}
	}
	if len(plain) > MaxBody {
		return nil, &channel.Refusal{Status: http.StatusRequestEntityTooLarge, Reason: "the body is over 4 MiB"}
	}
	return plain, nil
}
