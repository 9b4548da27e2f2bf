// Package desk plays the people at the counter: it signs in to Loket's desk as a console does, over HTTP, and answers.
package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"
)

// Agent is one signed-in person.
type Agent struct {
	Name string
	base string // http://host:port/desk/<pool>/api
	http *http.Client
}

// View is what the console shows.
type View struct {
	Agent         string         `json:"agent"`
	Seq           int64          `json:"seq"`
	Waiting       int            `json:"waiting"`
	Slots         int            `json:"slots"`
	Conversations []Conversation `json:"conversations"`
}

// Conversation is one that the agent holds.
type Conversation struct {
	ID      int64 `json:"id"`
	Contact struct {
		Name string `json:"name"`
	} `json:"contact"`
	Priority   any       `json:"priority"`
	Summary    string    `json:"summary"`
	QueuedAt   time.Time `json:"queuedAt"`
	AssignedAt time.Time `json:"assignedAt"`
	Messages   []Message `json:"messages"`
}

// Message is one line of a transcript.
type Message struct {
	ID   int64     `json:"id"`
	From string    `json:"from"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// SignIn opens a console of the pool at deskURL (…/desk/<pool>/).
func SignIn(ctx context.Context, deskURL, name, password string) (*Agent, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("making a cookie jar: %w", err)
	}
	a := &Agent{Name: name, base: strings.TrimSuffix(deskURL, "/") + "/api", http: &http.Client{Jar: jar, Timeout: 40 * time.Second}}
	err = a.call(ctx, http.MethodPost, "/session", map[string]string{"agent": name, "password": password}, nil)
	if err != nil {
		return nil, fmt.Errorf("%s signs in: %w", name, err)
	}
	return a, nil
}

// SetAvailable says whether new conversations are welcome.
func (a *Agent) SetAvailable(ctx context.Context, available bool) error {
	return a.call(ctx, http.MethodPut, "/availability", map[string]bool{"available": available}, nil)
}

// View reads the console.
func (a *Agent) View(ctx context.Context) (View, error) {
	var v View
	err := a.call(ctx, http.MethodGet, "/state", nil, &v)
	return v, err
}

// Wait returns when something happened after seq, or after about twenty seconds.
func (a *Agent) Wait(ctx context.Context, seq int64) error {
	return a.call(ctx, http.MethodGet, fmt.Sprintf("/events?after=%d&wait=20s", seq), nil, nil)
}

// Reply answers a conversation; clientID makes a repeated call one message.
func (a *Agent) Reply(ctx context.Context, conversation int64, clientID, text string) error {
	return a.call(ctx, http.MethodPost, fmt.Sprintf("/conversations/%d/messages", conversation),
		map[string]string{"clientId": clientID, "text": text}, nil)
}

// Close ends a conversation for the agent.
func (a *Agent) Close(ctx context.Context, conversation int64) error {
	return a.call(ctx, http.MethodPost, fmt.Sprintf("/conversations/%d/close", conversation), map[string]string{}, nil)
}

// SignOut ends the agent's day.
func (a *Agent) SignOut(ctx context.Context) error {
	return a.call(ctx, http.MethodDelete, "/session", nil, nil)
}

// StatusError is an answer other than 2xx.
type StatusError struct {
	Status int
	Text   string
}

func (e *StatusError) Error() string { return fmt.Sprintf("desk answered %d: %s", e.Status, e.Text) }

func (a *Agent) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return fmt.Errorf("making the call: %w", err)
	}
	req.Header.Set("X-Loket-Desk", "1")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := a.http.Do(req)
	if err != nil {
		return fmt.Errorf("calling the desk: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return fmt.Errorf("reading the desk's answer: %w", err)
	}
	if res.StatusCode/100 != 2 {
		return &StatusError{Status: res.StatusCode, Text: strings.TrimSpace(string(answer[:min(len(answer), 300)]))}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decoding the desk's answer: %w", err)
	}
	return nil
}
