package dialog

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrNewerFormat: the state was written by a newer binary. Leave the conversation to one.
var ErrNewerFormat = errors.New("the conversation's state has a newer format")

// State is what a conversation remembers between steps. It is stored as JSON, some hundred bytes; fields are short because
// there is one a conversation, for years. An absent state is a conversation that begins with its next message.
type State struct {
	Format int `json:"f"`
	// Node where the conversation waits; empty when the next message starts anew.
	Node string `json:"n,omitempty"`
	// Language that was chosen or detected; empty while nothing told.
	Language string `json:"l,omitempty"`
	// Retries used at the ask where the conversation waits.
	Retries int `json:"r,omitempty"`
	// Generation of the newest timer.
	Generation int64             `json:"g,omitempty"`
	Variables  map[string]any    `json:"v,omitempty"` // string, float64 or bool
	Found      map[string]*Found `json:"d,omitempty"`
}

// Decode reads a stored state; empty is a new conversation. The error is ErrNewerFormat, or says that it cannot be read.
func Decode(stored []byte) (State, error) {
	s := State{Format: Format}
	if len(stored) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(stored, &s); err != nil {
		return State{Format: Format}, fmt.Errorf("the conversation's state cannot be read: %w", err)
	}
	if s.Format > Format {
		return State{}, ErrNewerFormat
	}
	s.Format = Format
	return s, nil
}

// encode writes the state; values beyond MaxStateBytes are dropped, the largest first, and named.
func (s *State) encode() (stored []byte, dropped []string) {
	for {
		stored, err := json.Marshal(s)
		if err != nil {
			panic(err) // plain values: a number is finite, see assign
		}
		if len(stored) <= MaxStateBytes {
			return stored, dropped
		}
		largest, size := "", -1
		for name, v := range s.Variables {
			if text, ok := v.(string); ok && (len(text) > size || len(text) == size && name < largest) {
				largest, size = name, len(text)
			}
		}
		if size < 0 {
			s.Found = nil // only look-ups are left: three names each
			dropped = append(dropped, "found")
			continue
		}
		delete(s.Variables, largest)
		dropped = append(dropped, largest)
	}
}

func (s *State) set(name string, v any) {
	if s.Variables == nil {
		s.Variables = map[string]any{}
	}
	s.Variables[name] = v
}

// begin forgets the last enquiry; the language stays.
func (s *State) begin() {
	*s = State{Format: Format, Language: s.Language, Generation: s.Generation}
}

// cut shortens a text to so many bytes, at a character's end.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// maxQueryBytes is how much of a look-up's query is kept.
const maxQueryBytes = 256
