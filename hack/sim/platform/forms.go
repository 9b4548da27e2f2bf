package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Form is a button that opens a form (Meta calls it a Flow).
type Form struct {
	ID     string `json:"id"`
	Screen string `json:"screen"`
	Button string `json:"button"`
	// Token comes back with the answers.
	Token string `json:"token"`
}

// Fill fills in the form that came last and sends it: texts, numbers, yes and no, and lists of these, by field.
func (c *Citizen) Fill(ctx context.Context, fields map[string]any) error {
	form, ok := c.form()
	if !ok {
		return fmt.Errorf("%s was offered no form", c.Name)
	}
	answers := object{"flow_token": form.Token}
	for name, v := range fields {
		answers[name] = v
	}
	response, err := json.Marshal(answers)
	if err != nil {
		return fmt.Errorf("the answers of a form: %w", err)
	}
	return c.SendForm(ctx, string(response))
}

// SendForm sends what a form gives as it is, whole or broken: a JSON object in a text.
func (c *Citizen) SendForm(ctx context.Context, response string) error {
	return c.send(ctx, "", object{"type": "interactive", "interactive": object{
		"type": "nfm_reply", "nfm_reply": object{"name": "flow", "body": "Sent", "response_json": response}}})
}

func (c *Citizen) form() (Form, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.received) - 1; i >= 0; i-- {
		if f := c.received[i].Form; f != nil {
			return *f, true
		}
	}
	return Form{}, false
}

type sentForm struct {
	Version string `json:"flow_message_version"`
	Token   string `json:"flow_token"`
	ID      string `json:"flow_id"`
	Button  string `json:"flow_cta"`
	Action  string `json:"flow_action"`
	Payload struct {
		Screen string `json:"screen"`
	} `json:"flow_action_payload"`
}

// check is what the platform wants of the button of a form.
func (f *sentForm) check() (*Form, string) {
	switch n := utf8.RuneCountInString(f.Button); {
	case f.Version != "3":
		return nil, "flow_message_version must be 3"
	case f.ID == "" || f.Token == "":
		return nil, "a form needs flow_id and flow_token"
	case n == 0 || n > 30:
		return nil, fmt.Sprintf("flow_cta has %d characters, 1 to 30 are allowed", n)
	case f.Action != "navigate" || f.Payload.Screen == "":
		return nil, "flow_action must be navigate, with the first screen in flow_action_payload"
	}
	return &Form{ID: f.ID, Screen: f.Payload.Screen, Button: f.Button, Token: f.Token}, ""
}
