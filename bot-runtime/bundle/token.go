package bundle

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// TokenLife is how long a token of the operator is good for.
const TokenLife = 60 * time.Second

const claimRequest = "req"

// Sign adds the operator's token to a request: EdDSA, audience = the tenant's UID, over method, path, query and the digest
// of the body as it goes over the wire, so that a token that leaks opens nothing else. Without a whole key it is an error.
func Sign(r *http.Request, body []byte, tenantUID, keyID string, key ed25519.PrivateKey, now time.Time) error {
	if len(key) != ed25519.PrivateKeySize {
		return fmt.Errorf("signing the operator's token: no key to sign with")
	}
	t, err := jwt.NewBuilder().Audience([]string{tenantUID}).IssuedAt(now).Expiration(now.Add(TokenLife)).
		Claim(claimRequest, requestDigest(r, body)).Build()
	if err != nil {
		return fmt.Errorf("building the operator's token: %w", err)
	}
	headers := jws.NewHeaders()
	if err := headers.Set(jws.KeyIDKey, keyID); err != nil {
		return fmt.Errorf("building the operator's token: %w", err)
	}
	signed, err := jwt.Sign(t, jwt.WithKey(jwa.EdDSA(), key, jws.WithProtectedHeaders(headers)))
	if err != nil {
		return fmt.Errorf("signing the operator's token: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+string(signed))
	return nil
}

// Verify checks a request's token against the public keys of the boot ConfigMap. The error says what is wrong, never the token.
func Verify(r *http.Request, body []byte, tenantUID string, keys map[string][]byte, now time.Time) error {
	const prefix = "Bearer "
	h := r.Header.Get("Authorization")
	if len(h) <= len(prefix) || h[:len(prefix)] != prefix {
		return fmt.Errorf("no bearer token")
	}
	raw := []byte(h[len(prefix):])
	msg, err := jws.Parse(raw)
	if err != nil || len(msg.Signatures()) != 1 {
		return fmt.Errorf("the token is not a signed one")
	}
	kid, _ := msg.Signatures()[0].ProtectedHeaders().KeyID()
	key, ok := keys[kid]
	if !ok || len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("the token's key is not one of the operator's")
	}
	t, err := jwt.Parse(raw, jwt.WithKey(jwa.EdDSA(), ed25519.PublicKey(key)), jwt.WithAudience(tenantUID),
		jwt.WithClock(jwt.ClockFunc(func() time.Time { return now })), jwt.WithAcceptableSkew(10*time.Second),
		jwt.WithRequiredClaim("exp"), jwt.WithRequiredClaim(claimRequest))
	if err != nil {
		return fmt.Errorf("the token is expired, for another tenant or badly signed")
	}
	var digest string
	if err := t.Get(claimRequest, &digest); err != nil || digest != requestDigest(r, body) {
		return fmt.Errorf("the token is for another request")
	}
	return nil
}

func requestDigest(r *http.Request, body []byte) string {
	sum := sha256.Sum256(body)
	all := sha256.Sum256([]byte(r.Method + "\n" + r.URL.Path + "\n" + r.URL.RawQuery + "\n" + hex.EncodeToString(sum[:])))
	return hex.EncodeToString(all[:])
}
