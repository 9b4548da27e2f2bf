// Command goflow measures RapidPro's engine (github.com/nyaruka/goflow) with the same two questions that Loket's BenchmarkStep asks:
// start plus two answers, the session written down and read again around each.
//
// It is a module of its own and runs as a process of its own: goflow is under the AGPL, and nothing of it is linked into Loket or
// handed out with it. It prints one line as go test -bench does.
package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/nyaruka/gocommon/uuids"
	"github.com/nyaruka/goflow/assets"
	"github.com/nyaruka/goflow/assets/static"
	"github.com/nyaruka/goflow/envs"
	"github.com/nyaruka/goflow/flows"
	"github.com/nyaruka/goflow/flows/engine"
	"github.com/nyaruka/goflow/flows/events"
	"github.com/nyaruka/goflow/flows/resumes"
	"github.com/nyaruka/goflow/flows/triggers"
)

//go:embed two-questions.json
var flowFile []byte

const flowUUID = "8c1f6a52-7d1c-4d86-9b58-0f9e2f1f7a10"

// citizen is who writes; the counter's first words come before anything is known of them.
const citizen = `{"uuid": "8c1f6a52-7d1c-4d86-9b58-0f9e2f1f7a50", "id": 1, "name": "Siti", "created_on": "2026-01-05T02:00:00Z",
	"language": "eng", "timezone": "Asia/Jakarta", "urns": ["tel:+628110000001"], "fields": {}}`

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "goflow:", err)
		os.Exit(1)
	}
}

func run() error {
	c, err := newCounter()
	if err != nil {
		return err
	}
	// Whoever is measured must do the work.
	said, err := c.talk()
	if err != nil {
		return err
	}
	want := []string{"What is your name?", "How old are you, Siti?", "Thank you, Siti, 42.", "More?"}
	if fmt.Sprint(said) != fmt.Sprint(want) {
		return fmt.Errorf("it said %q, not %q", said, want)
	}
	var failed error
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.talk(); err != nil {
				failed = err
				b.FailNow()
			}
		}
	})
	if failed != nil {
		return failed
	}
	fmt.Println("BenchmarkGoflowStep", result, result.MemString())
	return nil
}

// counter is the flow as goflow has compiled it.
type counter struct {
	engine flows.Engine
	assets flows.SessionAssets
	flow   flows.Flow
	env    envs.Environment
}

func newCounter() (*counter, error) {
	source, err := static.NewSource(flowFile)
	if err != nil {
		return nil, fmt.Errorf("reading the flow: %w", err)
	}
	env := envs.NewBuilder().WithAllowedLanguages("eng", "ind").Build()
	all, err := engine.NewSessionAssets(env, source, nil)
	if err != nil {
		return nil, fmt.Errorf("compiling the flow: %w", err)
	}
	flow, err := all.Flows().Get(flowUUID)
	if err != nil {
		return nil, fmt.Errorf("compiling the flow: %w", err)
	}
	return &counter{engine: engine.NewBuilder().Build(), assets: all, flow: flow, env: env}, nil
}

// talk is one conversation: start, the name, the age. It returns what was said to the citizen.
func (c *counter) talk() ([]string, error) {
	contact, err := flows.ReadContact(c.assets, json.RawMessage(citizen), assets.PanicOnMissing)
	if err != nil {
		return nil, fmt.Errorf("reading who writes: %w", err)
	}
	trigger := triggers.NewBuilder(c.env, c.flow.Reference(false), contact).Manual().Build() // a message that starts it would answer its first question
	session, sprint, err := c.engine.NewSession(c.assets, trigger)
	if err != nil {
		return nil, fmt.Errorf("starting: %w", err)
	}
	said := texts(nil, sprint)
	for _, answer := range []string{"Siti", "42"} {
		stored, err := json.Marshal(session)
		if err != nil {
			return nil, fmt.Errorf("writing the session down: %w", err)
		}
		if session, err = c.engine.ReadSession(c.assets, stored, assets.PanicOnMissing); err != nil {
			return nil, fmt.Errorf("reading the session: %w", err)
		}
		if sprint, err = session.Resume(resumes.NewMsg(nil, nil, message(contact, answer))); err != nil {
			return nil, fmt.Errorf("answering %s: %w", answer, err)
		}
		said = texts(said, sprint)
	}
	if _, err := json.Marshal(session); err != nil {
		return nil, fmt.Errorf("writing the session down: %w", err)
	}
	return said, nil
}

func message(contact *flows.Contact, text string) *flows.MsgIn {
	return flows.NewMsgIn(flows.MsgUUID(uuids.New()), contact.URNs()[0].URN(), nil, text, nil)
}

func texts(said []string, sprint flows.Sprint) []string {
	for _, e := range sprint.Events() {
		if created, ok := e.(*events.MsgCreatedEvent); ok {
			said = append(said, created.Msg.Text())
		}
	}
	return said
}
