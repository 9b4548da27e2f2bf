package webchat

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/loket-dev/loket/bot-runtime/message"
)

const tokenBytes = 32

// newToken is 256 random bits. Nothing of it is kept: it counts once something was said with it.
func newToken() string {
	var b [tokenBytes]byte
	_, _ = rand.Read(b[:]) // never fails: the program stops instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// citizen is who holds a token, known by its hash alone.
type citizen struct {
	identity message.Identity
	// prefix of the citizen's client ids, which are unique only within one browser.
	prefix string
}

func (s *Server) citizen(token string) (citizen, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenBytes {
		return citizen{}, false
	}
	sum := sha256.Sum256([]byte(token))
	hash := hex.EncodeToString(sum[:])
	return citizen{
		identity: message.Identity{Scope: s.Name, Kind: message.IdentityWebChat, Value: hash},
		prefix:   hash[:16] + "-",
	}, true
}

// known lets only requests with a token through.
func (s *Server) known(next func(http.ResponseWriter, *http.Request, citizen)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		who, ok := s.citizen(token)
		if !found || !ok {
			noToken.write(w)
			return
		}
		next(w, r, who)
	}
}

// crossOrigin reports whether the request may go on. A browser names the page's origin on every post and on every call from
// another site; what comes without one is no page.
func (s *Server) crossOrigin(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Add("Vary", "Origin")
	origin := strings.ToLower(r.Header.Get("Origin"))
	if origin == "" {
		return true
	}
	host := strings.ToLower(r.Host)
	own := host != "" && (origin == "https://"+host || origin == "http://"+host)
	if !own && !s.origins[origin] {
		foreignOrigin.write(w)
		return false
	}
	if own {
		return true
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	if r.Method != http.MethodOptions {
		return true
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return false
}

var clientID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// said is what a Post says, or why it says nothing.
func said(p Post) (message.In, *refusal) {
	if !clientID.MatchString(p.ClientID) {
		return message.In{}, badRequest("clientId is not 1 to 64 letters, digits, - or _")
	}
	text := strings.ReplaceAll(strings.ToValidUTF8(p.Text, "\uFFFD"), "\x00", "\uFFFD")
	if utf8.RuneCountInString(text) > MaxText {
		return message.In{}, tooLong("the text is over 4096 characters")
	}
	if p.ChoiceID != "" {
		if len(p.ChoiceID) > MaxChoiceID || !utf8.ValidString(p.ChoiceID) || strings.ContainsRune(p.ChoiceID, 0) {
			return message.In{}, badRequest("choiceID is not the id of a choice")
		}
		return message.In{Kind: message.InChoice, ChoiceID: p.ChoiceID, Text: cut(text)}, nil
	}
	if strings.TrimSpace(text) == "" {
		return message.In{}, badRequest("there is neither a text nor a choice")
	}
	return message.In{Kind: message.InText, Text: cut(text)}, nil
}

// cut keeps message.In's bound of 8 kB: 4,096 characters can be twice that.
func cut(s string) string {
	const limit = 8 << 10
	if len(s) <= limit {
		return s
	}
	end := limit
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
