package desk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

const (
	// idleEnd ends a sign-in whose console is gone; an open console speaks every 15 s.
	idleEnd = 15 * time.Minute
	// signInEnd ends it whatever happens: longer than a shift.
	signInEnd = 12 * time.Hour
	// signInPatience is how long a sign-in waits for its turn to be verified.
	signInPatience = 5 * time.Second
)

type about struct {
	Pool      string            `json:"pool"`
	Title     map[string]string `json:"title"`
	Languages []string          `json:"languages"`
}

func (d *Desk) about(w http.ResponseWriter, _ *http.Request, p PoolInfo) {
	answer(w, http.StatusOK, about{Pool: p.Name, Title: p.Title, Languages: p.Languages})
}

type credentials struct {
	Agent    string `json:"agent"`
	Password string `json:"password"`
}

func (d *Desk) signIn(w http.ResponseWriter, r *http.Request, p PoolInfo) {
	in, err := read[credentials](w, r)
	if err != nil {
		d.fail(w, err)
		return
	}
	if !agentName.MatchString(in.Agent) || in.Password == "" || len(in.Password) > maxPassword {
		d.fail(w, badRequest("agent must be a name and password must have 1 to %d bytes", maxPassword))
		return
	}
	if err := d.verify(r, p, in); err != nil {
		d.fail(w, err)
		return
	}
	token := make([]byte, 32)
	if _, err := rand.Read(token); err != nil {
		d.fail(w, err)
		return
	}
	value := base64.RawURLEncoding.EncodeToString(token)
	hash := sha256.Sum256([]byte(value))
	end := d.Clock().Add(signInEnd)
	if err := d.Store.SignIn(r.Context(), store.Session{TokenHash: hash[:], Pool: p.Name, Agent: in.Agent, Expires: end}); err != nil {
		d.fail(w, err)
		return
	}
	d.forgetOld(r, p)
	http.SetCookie(w, cookie(p, value, end))
	w.WriteHeader(http.StatusNoContent)
}

// verify spends attempts before it spends memory.
func (d *Desk) verify(r *http.Request, p PoolInfo, in credentials) error {
	agent, address := p.Name+"/"+in.Agent, addressOf(r)
	if !d.attempts.take(agent, address) {
		return tooManyAttempts
	}
	ctx, cancel := context.WithTimeout(r.Context(), signInPatience)
	defer cancel()
	ok, err := d.accounts.verify(ctx, p.Name, in.Agent, in.Password)
	if err != nil || ok {
		d.attempts.giveBack(agent, address)
	}
	switch {
	case err != nil:
		return busy
	case !ok:
		return wrongPassword
	}
	return nil
}

// forgetOld ends the sign-in that this browser had before, whoever's it was.
func (d *Desk) forgetOld(r *http.Request, p PoolInfo) {
	old, err := r.Cookie(cookieName(p))
	if err != nil {
		return
	}
	hash := sha256.Sum256([]byte(old.Value))
	if err := d.Store.SignOut(r.Context(), hash[:]); err != nil {
		d.Log.V(1).Info("an old sign-in stays until it is idle", "reason", err.Error())
	}
	d.streams.end(hash[:])
}

func (d *Desk) signOut(w http.ResponseWriter, r *http.Request, c caller) {
	if err := d.Store.SignOut(r.Context(), c.session.TokenHash); err != nil {
		d.fail(w, err)
		return
	}
	d.streams.end(c.session.TokenHash)
	gone := cookie(c.pool, "", time.Unix(1, 0))
	gone.MaxAge = -1
	http.SetCookie(w, gone)
	w.WriteHeader(http.StatusNoContent)
}

// sessionOf is the sign-in of a token's hash; signedOut when it is over, for another pool, or its account is gone.
func (d *Desk) sessionOf(ctx context.Context, pool string, hash []byte) (store.Session, error) {
	s, err := d.Store.SessionOf(ctx, hash, idleEnd)
	switch {
	case isNotFound(err):
		return store.Session{}, signedOut
	case err != nil:
		return store.Session{}, err
	case s.Pool != pool || !d.accounts.has(pool, s.Agent):
		return store.Session{}, signedOut
	}
	s.TokenHash = hash
	return s, nil
}

func secure(p PoolInfo) bool {
	u, err := url.Parse(p.URL)
	return err == nil && u.Scheme == "https"
}

// cookieName is one a pool, since __Host- cookies are for all paths and one person may sit at two counters.
func cookieName(p PoolInfo) string {
	name := "loket-desk-" + p.Name
	if secure(p) {
		return "__Host-" + name
	}
	return name
}

func cookie(p PoolInfo, value string, end time.Time) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(p), Value: value, Path: "/", Expires: end,
		HttpOnly: true, Secure: secure(p), SameSite: http.SameSiteStrictMode,
	}
}

// addressOf is the peer; behind a gateway that is the gateway, for which byAddress is wide enough.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
