package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/loket-dev/loket/hack/sim/control"
	"github.com/loket-dev/loket/hack/sim/desk"
	"github.com/loket-dev/loket/hack/sim/platform"
)

// What the sample is called, and the sign-in of its demo agents (config/samples/kontak157-demo/secrets.yaml).
const (
	tenant        = "ojk"
	pool          = "contact-centre"
	agentName     = "agent1"
	agentPassword = "loket-demo-1"
	patience      = 30 * time.Second
)

func (d *demo) sim() control.Client { return control.Client{Base: "http://" + d.node + ":30157"} }

// handshake is what Meta does when a webhook is subscribed.
func (d *demo) handshake(ctx context.Context) (string, error) {
	if err := d.sim().Handshake(ctx); err != nil {
		return "", err
	}
	return "the webhook gave hub.challenge back", nil
}

// citizenAsks is the main job: one institution is licensed, one is nowhere, one is a near-identical fake.
func (d *demo) citizenAsks(ctx context.Context) (string, error) {
	for _, q := range []struct {
		mode      platform.Mode
		ask       string
		want, not string
	}{
		{platform.WithNumber, "apakah Dana Mekar Jaya itu resmi kak?", "berizin", "tidak terdaftar"},
		{platform.WithoutNumber, "Dana Cepat Kilat Sejahtera", "tidak", "Situs resmi"},
		{platform.Changing, "Dana Mekar Jaya Cepat", "tidak", "Dana Mekar Jaya Cepat berizin"},
	} {
		talk, err := d.meet(ctx, "", q.mode)
		if err != nil {
			return "", err
		}
		text, err := talk.ask(ctx, q.ask)
		if err != nil {
			return "", err
		}
		if low := strings.ToLower(text); !strings.Contains(low, q.want) || strings.Contains(low, strings.ToLower(q.not)) {
			return "", fmt.Errorf("%q was answered %q", q.ask, text)
		}
	}
	return "a licensed one, an unknown one and a near-identical fake: told apart", nil
}

// handOff: the citizen asks for a person, an agent answers at the desk and closes, the citizen rates.
func (d *demo) handOff(ctx context.Context) (string, error) {
	talk, err := d.meet(ctx, "Siti", platform.WithNumber)
	if err != nil {
		return "", err
	}
	asked := time.Now()
	if _, err := talk.ask(ctx, "saya mau bicara dengan petugas"); err != nil {
		return "", err
	}
	url, err := d.deskURL(ctx)
	if err != nil {
		return "", err
	}
	agent, err := desk.SignIn(ctx, url, agentName, agentPassword)
	if err != nil {
		return "", err
	}
	if err := agent.SetAvailable(ctx, true); err != nil {
		return "", err
	}
	conversation, err := given(ctx, agent, "Siti")
	if err != nil {
		return "", err
	}
	fmt.Printf("     agent1 sees %s's conversation with %d messages\n", conversation.Contact.Name, len(conversation.Messages))
	if len(conversation.Messages) == 0 {
		return "", errors.New("the agent was given a conversation without its transcript")
	}
	if err := agent.Reply(ctx, conversation.ID, fmt.Sprintf("demo-%d", asked.UnixNano()), "Selamat siang Ibu Siti, ada yang bisa saya bantu?"); err != nil {
		return "", err
	}
	if _, err := talk.hear(ctx); err != nil {
		return "", err
	}
	answered := time.Since(asked)
	if err := agent.Close(ctx, conversation.ID); err != nil {
		return "", err
	}
	survey, err := talk.hear(ctx)
	if err != nil {
		return "", err
	}
	if len(survey) == 0 {
		return "", errors.New("no survey came")
	}
	if _, err := talk.ask(ctx, "5"); err != nil {
		return "", err
	}
	return fmt.Sprintf("agent1 answered after %s, rating 5/5", answered.Round(100*time.Millisecond)), agent.SignOut(ctx)
}

// given waits until the desk has given the citizen's conversation to the agent.
func given(ctx context.Context, agent *desk.Agent, citizen string) (desk.Conversation, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		view, err := agent.View(ctx)
		if err != nil {
			return desk.Conversation{}, err
		}
		for _, c := range view.Conversations {
			if c.Contact.Name == citizen {
				return c, nil
			}
		}
		if err := agent.Wait(ctx, view.Seq); err != nil {
			return desk.Conversation{}, fmt.Errorf("waiting for %s's conversation: %w", citizen, err)
		}
	}
}

// talk is one citizen's conversation, printed as it goes.
type talk struct {
	client control.Client
	who    control.Citizen
	heard  int
}

func (d *demo) meet(ctx context.Context, name string, mode platform.Mode) (*talk, error) {
	who, err := d.sim().NewCitizen(ctx, name, mode)
	return &talk{client: d.sim(), who: who}, err
}

// ask writes and returns the first answer.
func (t *talk) ask(ctx context.Context, text string) (string, error) {
	fmt.Printf("     %-10s > %s\n", t.who.Name, text)
	if err := t.client.Say(ctx, t.who, text); err != nil {
		return "", err
	}
	return t.hear(ctx)
}

// hear returns what reaches the citizen next.
func (t *talk) hear(ctx context.Context) (string, error) {
	got, err := t.client.Messages(ctx, t.who, t.heard, patience)
	if err != nil {
		return "", err
	}
	if len(got) == 0 {
		return "", fmt.Errorf("nothing reached %s within %s", t.who.Name, patience)
	}
	t.heard += len(got)
	var all []string
	for _, m := range got {
		fmt.Printf("     %-10s < %s\n", tenant, strings.ReplaceAll(m.Text, "\n", "\n                  "))
		for _, c := range m.Choices {
			fmt.Printf("     %-10s   [%s]\n", "", c.Title)
		}
		all = append(all, m.Text)
	}
	return strings.Join(all, "\n"), nil
}
