package link

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// The most that a custom resource's status takes; see package v1alpha1.
const (
	maxPath    = 256
	maxReason  = 63
	maxMessage = 512
)

// reason is what a condition's reason may look like, by the rules of Kubernetes.
var reason = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`)

// clean makes a status fit for the objects it will be written to. What a runtime says is its tenant's affair: it may be
// wrong about its own objects, but it must neither break a write nor paint over somebody's terminal.
func clean(s *bundle.Status) {
	for i := range s.Verdicts {
		v := &s.Verdicts[i]
		v.Findings = v.Findings[:min(len(v.Findings), bundle.MaxFindings)]
		for j := range v.Findings {
			f := &v.Findings[j]
			f.Path = oneLine(f.Path, maxPath)
			f.Reason = knownForm(f.Reason, v1alpha1.ReasonFinding)
			f.Message = oneLine(f.Message, maxMessage)
		}
	}
	for i := range s.Channels {
		h := &s.Channels[i]
		h.Message = oneLine(h.Message, maxMessage)
		if h.Reason != "" {
			h.Reason = knownForm(h.Reason, v1alpha1.ReasonUnhealthy)
		}
	}
	for i := range s.Pools {
		p := &s.Pools[i]
		p.WaitingForWorker, p.WaitingForAgent = max(p.WaitingForWorker, 0), max(p.WaitingForAgent, 0)
		p.Active, p.Agents = max(p.Active, 0), max(p.Agents, 0)
	}
	s.Durability = oneLine(s.Durability, maxReason)
	s.StoreError = oneLine(s.StoreError, maxMessage)
}

func knownForm(s, otherwise string) string {
	if len(s) > maxReason || !reason.MatchString(s) {
		return otherwise
	}
	return s
}

// oneLine drops control characters and what is beyond max characters. Validation counts characters, as this does.
func oneLine(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return -1
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r): // also bidi overrides
			return -1
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) <= limit {
		return strings.TrimSpace(s)
	}
	cut := []rune(s)[:limit-1]
	return strings.TrimSpace(string(cut)) + "…"
}
