package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/loket-dev/loket/hack/sim/check"
	"github.com/loket-dev/loket/hack/sim/load"
	"github.com/loket-dev/loket/hack/sim/platform"
	"github.com/loket-dev/loket/hack/sim/surge"
)

// Client drives a simulator from elsewhere.
type Client struct {
	// Base is the control API's address, such as http://127.0.0.1:9157.
	Base string
}

// Handshake subscribes the webhook.
func (c Client) Handshake(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/control/handshake", struct{}{}, nil)
}

// Faults sets what goes wrong from now on.
func (c Client) Faults(ctx context.Context, f platform.Faults) error {
	return c.call(ctx, http.MethodPost, "/control/faults", f, nil)
}

// NewCitizen makes a person.
func (c Client) NewCitizen(ctx context.Context, name string, mode platform.Mode) (Citizen, error) {
	var out Citizen
	err := c.call(ctx, http.MethodPost, "/control/citizens", Citizen{Name: name, Mode: mode}, &out)
	return out, err
}

// Say lets a citizen write, and returns once it is acknowledged.
func (c Client) Say(ctx context.Context, who Citizen, text string) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/control/citizens/%d/say", who.N), Say{Text: text}, nil)
}

// Tap lets a citizen tap a choice.
func (c Client) Tap(ctx context.Context, who Citizen, title string) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/control/citizens/%d/tap", who.N), Say{Text: title}, nil)
}

// Fill lets a citizen fill in the form that came last.
func (c Client) Fill(ctx context.Context, who Citizen, fields map[string]any) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/control/citizens/%d/fill", who.N), Fill{Fields: fields}, nil)
}

// Messages are what reached the phone after the first n; empty when nothing came within wait.
func (c Client) Messages(ctx context.Context, who Citizen, n int, wait time.Duration) ([]platform.Received, error) {
	var out []platform.Received
	q := url.Values{"after": {fmt.Sprint(n)}, "wait": {wait.String()}}
	err := c.call(ctx, http.MethodGet, fmt.Sprintf("/control/citizens/%d/messages?%s", who.N, q.Encode()), nil, &out)
	return out, err
}

// StartLoad begins a load; Load waits for it.
func (c Client) StartLoad(ctx context.Context, plan load.Plan) error {
	return c.call(ctx, http.MethodPost, "/control/load", plan, nil)
}

// Load says whether the load is over, waiting up to wait.
func (c Client) Load(ctx context.Context, wait time.Duration) (LoadState, error) {
	var out LoadState
	err := c.call(ctx, http.MethodGet, "/control/load?wait="+wait.String(), nil, &out)
	return out, err
}

// StartSurge begins a surge.
func (c Client) StartSurge(ctx context.Context, plan surge.Plan) error {
	return c.call(ctx, http.MethodPost, "/control/surge", plan, nil)
}

// Surge says how far it is.
func (c Client) Surge(ctx context.Context) (surge.Progress, error) {
	var out surge.Progress
	err := c.call(ctx, http.MethodGet, "/control/surge", nil, &out)
	return out, err
}

// Mark notes in the journal what goes on from here.
func (c Client) Mark(ctx context.Context, note string) error {
	return c.call(ctx, http.MethodPost, "/control/mark", Mark{Note: note}, nil)
}

// Check judges the journal as a run of the counting flow, with what else is known of it.
func (c Client) Check(ctx context.Context, terms check.Terms) (check.Report, error) {
	var out check.Report
	err := c.call(ctx, http.MethodPost, "/control/check", terms, &out)
	return out, err
}

func (c Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+path, body)
	if err != nil {
		return fmt.Errorf("making the call: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("calling the simulator: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("reading the simulator's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("simulator: %s %s answered %d: %s", method, path, res.StatusCode, strings.TrimSpace(string(answer)))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decoding the simulator's answer: %w", err)
	}
	return nil
}
