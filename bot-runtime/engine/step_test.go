package engine

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// shelf keeps revisions by hash.
type shelf struct {
	store.Config
	bodies map[string][]byte
}

func (s *shelf) Revision(_ context.Context, hash string) ([]byte, error) {
	if body, ok := s.bodies[hash]; ok {
		return body, nil
	}
	return nil, store.ErrNotFound
}

// talk is one conversation and a stepper, without a store.
type talk struct {
	t       *testing.T
	shelf   *shelf
	stepper *stepper
	live    *Live
	lane    store.Lane
	rows    int64
}

var monday = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

func newTalk(t *testing.T, objects bundle.Objects) *talk {
	x := &talk{t: t, shelf: &shelf{bodies: map[string][]byte{}}}
	x.stepper = newStepper(x.shelf, func() *Live { return x.live }, newReporter(newMetrics(prometheus.NewRegistry()), logr.Discard(), time.Now), time.Second)
	x.lane = store.Lane{Now: monday, Conversation: store.Conversation{ID: 7, Channel: "wa", Owner: store.OwnerBot}}
	x.serve(objects)
	return x
}

// serve makes objects live, and keeps their revisions.
func (x *talk) serve(objects bundle.Objects) {
	x.t.Helper()
	e := New(Options{Connect: func(string, v1alpha1.ChannelSpec, Doors) Connection { return Connection{Window: message.Window} }, Log: logr.Discard()})
	b := bundle.From(objects)
	set := store.LiveSet{Version: 1, Hash: b.Hash()}
	var err error
	if set.Bundle, err = json.Marshal(bundle.Wrap(b)); err != nil {
		x.t.Fatal(err)
	}
	for _, o := range b.Objects {
		body, err := json.Marshal(o)
		if err != nil {
			x.t.Fatal(err)
		}
		x.shelf.bodies[o.Hash] = body
		set.Objects = append(set.Objects, store.LiveObject{Kind: string(o.Kind), Name: o.Name, Hash: o.Hash, Body: body})
	}
	if x.live, err = e.load(set); err != nil {
		x.t.Fatal(err)
	}
}

// step handles rows as a turn does; a lane that is skipped is claimed again after its revision was fetched.
func (x *talk) step(rows ...store.Item) store.Outcome {
	x.t.Helper()
	for i := range rows {
		x.rows++
		rows[i].ID, rows[i].MessageID = x.rows, x.rows
	}
	x.lane.Inbox = rows
	out, err := x.stepper.step(x.lane)
	if err == nil && out.Skip > 0 {
		x.stepper.fetch(context.Background())
		out, err = x.stepper.step(x.lane)
	}
	if err != nil {
		x.t.Fatal(err)
	}
	if out.Skip == 0 {
		x.lane.Format, x.lane.State = out.Format, out.State
		if out.Handoff != nil {
			x.lane.Conversation.Owner = store.OwnerQueue
		}
	}
	return out
}

func says(text string) store.Item {
	return store.Item{Kind: store.ItemMessage, ExternalID: "wamid." + text, At: monday, Body: message.In{Kind: message.InText, Text: text}}
}

func texts(out store.Outcome) []string {
	var all []string
	for _, s := range out.Send {
		all = append(all, s.Body.Text)
	}
	return all
}

func (x *talk) want(out store.Outcome, want ...string) {
	x.t.Helper()
	if diff := cmp.Diff(want, texts(out)); diff != "" {
		x.t.Errorf("the bot said (-want +got):\n%s", diff)
	}
}

// questions is a flow of two questions and an end, with a prefix that tells revisions apart.
func questions(prefix string, second v1alpha1.Name) bundle.Objects {
	flow := v1alpha1.DialogFlow{Spec: v1alpha1.DialogFlowSpec{Start: "name", Variables: []v1alpha1.VariableDeclaration{{Name: "x", Type: "string"}},
		Nodes: []v1alpha1.Node{
			{Name: "name", Next: second, Ask: &v1alpha1.Ask{As: "x", Type: "text", Text: v1alpha1.Text{"id": v1alpha1.Sentence(prefix + " nama?")}}},
			{Name: second, Next: "done", Ask: &v1alpha1.Ask{As: "x", Type: "text", Text: v1alpha1.Text{"id": v1alpha1.Sentence(prefix + " kota?")}}},
			{Name: "done", End: &v1alpha1.End{Text: v1alpha1.Text{"id": v1alpha1.Sentence(prefix + " selesai")}}},
		}}}
	flow.Name = "q"
	return tenantWith(flow)
}

func TestALaneWaitsForANewerBinaryOrForItsChannel(t *testing.T) {
	x := newTalk(t, questions("v1", "city"))
	x.lane.Format = stateFormat + 1
	if out := x.step(says("halo")); out.Skip == 0 {
		t.Error("a state of a newer format was stepped")
	}
	x.lane.Format = 0
	x.lane.Conversation.Channel = "gone"
	for waited, rest := range map[time.Duration]time.Duration{0: time.Second, 20 * time.Second: 20 * time.Second, time.Hour: time.Minute} {
		message := says("halo")
		x.lane.Now = message.At.Add(waited)
		if out := x.step(message); out.Skip != rest {
			t.Errorf("a message of a channel that is gone, %s old, rests %s, want %s", waited, out.Skip, rest)
		}
	}
}

func TestTheSameMessageSteppedAgainMakesTheSameIdsAndAnotherMakesOthers(t *testing.T) {
	x := newTalk(t, questions("v1", "city"))
	before := x.lane
	a := x.step(says("halo"))
	x.lane = before
	b := x.step(says("halo"))
	x.lane = before
	c := x.step(says("hai"))
	if a.Send[0].ID != b.Send[0].ID {
		t.Error("a step that was repeated after a lost commit would be sent twice")
	}
	if a.Send[0].ID == c.Send[0].ID {
		t.Error("two messages were answered with one id: the second answer would be dropped as known")
	}
}

func TestAnAnswerExpiresWithTheWindowCountedFromThePlatformsTime(t *testing.T) {
	x := newTalk(t, questions("v1", "city"))
	row := says("halo")
	row.At = monday.Add(-20 * time.Hour) // delivered late
	out := x.step(row)
	if want := row.At.Add(message.Window); !out.Send[0].Expires.Equal(want) {
		t.Errorf("the answer expires at %s, want %s", out.Send[0].Expires, want)
	}
}

// counter is a flow that hands every message to a pool, surveys after it, and ends.
func counterFlow() bundle.Objects {
	flow := v1alpha1.DialogFlow{Spec: v1alpha1.DialogFlowSpec{Start: "person", Nodes: []v1alpha1.Node{
		{Name: "person", Next: "rate", Handoff: &v1alpha1.Handoff{Pool: "centre", Priority: "urgent", Skills: []v1alpha1.Skill{"syariah", "english"}, Text: v1alpha1.Text{"id": "Sebentar."}}},
		{Name: "rate", Next: "done", Survey: &v1alpha1.Survey{Text: v1alpha1.Text{"id": "Nilai 1-5?"}, Thanks: v1alpha1.Text{"id": "Terima kasih."}}},
		{Name: "done", End: &v1alpha1.End{}},
	}}}
	flow.Name = "counter"
	o := tenantWith(flow)
	pool := v1alpha1.AgentPool{Spec: v1alpha1.AgentPoolSpec{ConversationsPerAgent: 4, Queue: v1alpha1.Queue{MaxWaiting: 100}}}
	pool.Name = "centre"
	o.Pools = []v1alpha1.AgentPool{pool}
	return o
}

func TestTheBotIsSilentWhileAPersonHasTheConversation(t *testing.T) {
	x := newTalk(t, counterFlow())
	out := x.step(says("tolong"), says("cepat"))
	x.want(out, "Sebentar.")
	if diff := cmp.Diff(&store.Handoff{Pool: "centre", Priority: 2, Skills: []string{"english", "syariah"}}, out.Handoff); diff != "" {
		t.Fatalf("hand-off (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{2}, out.ToDesk); diff != "" {
		t.Errorf("what came after the hand-off in the same turn must reach the desk:\n%s", diff)
	}
	x.lane.Conversation.Owner = store.OwnerAgent
	out = x.step(says("halo?"), store.Item{Kind: store.ItemTimer, Name: "survey", Generation: 1})
	x.want(out)
	if diff := cmp.Diff([]int64{3}, out.ToDesk); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(out.Handled) != 2 {
		t.Errorf("%d of 2 rows were handled: the lane would spin", len(out.Handled))
	}
	x.lane.Conversation.Language = "en"
	chosen := says("selamat siang")
	chosen.Body.Language = "id"
	if out = x.step(chosen); out.Language != "id" {
		t.Errorf("a language chosen while a person has the conversation is noted for the desk: got %q", out.Language)
	}
}

func TestAfterTheAgentHasClosedTheBotIsBackAndTheRatingIsTheAgents(t *testing.T) {
	x := newTalk(t, counterFlow())
	x.step(says("tolong"))
	x.lane.Conversation.Owner = store.OwnerBot // the store's close has done so
	out := x.step(store.Item{Kind: store.ItemClosed, Pool: "centre", Agent: "siti"})
	x.want(out, "Nilai 1-5?")
	out = x.step(says("5"))
	if diff := cmp.Diff(&store.Rating{Scale: "csat", Score: 5, Pool: "centre", Agent: "siti"}, out.Rating); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if out.Finished {
		t.Error("an enquiry that a person took part in was counted as the bot's")
	}
}
