package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// stateFormat is the highest version that this file reads. What it writes around a dialog's own state is the same in all.
const stateFormat = dialog.Format

// How long a lane rests that cannot be stepped here: long enough not to spin, short enough that a newer pod, or a revision,
// has it at once.
const (
	skipSoon = time.Second
	skipLong = time.Minute
)

// patienceFor is how long a lane rests whose channel serves nothing here: as long as its first message has waited. This pod may
// be the last to load a new channel; and one that is gone for good may leave ten thousand lanes.
func patienceFor(lane store.Lane) time.Duration {
	if len(lane.Inbox) == 0 || lane.Inbox[0].Kind != store.ItemMessage {
		return skipLong
	}
	return min(max(lane.Now.Sub(lane.Inbox[0].At), skipSoon), skipLong)
}

// memory is what the engine keeps of a conversation, around the dialog's own state.
//
// A conversation stays in the revision that it began with, the hash of its flow's object, until its enquiry ends, or until it
// waits at a safe point of the newest one (dialog.Program.Takes). From a revision that can no longer be had, or that no longer
// compiles against what is live, it goes on in the newest where that has a node of the same name and kind, and else begins anew.
type memory struct {
	Flow     string `json:"flow,omitempty"`
	Revision string `json:"rev,omitempty"`
	// Kind of the node where it waits.
	Kind string `json:"kind,omitempty"`
	// Handed: a person took part in this enquiry.
	Handed bool `json:"handed,omitempty"`
	// Pool and Agent served last: whom a rating is about.
	Pool   string          `json:"pool,omitempty"`
	Agent  string          `json:"agent,omitempty"`
	Pace   allowance       `json:"pace,omitzero"`
	Dialog json.RawMessage `json:"s,omitempty"`
}

// stepper turns claimed lanes into outcomes. It is pure but for what it reads of what is live.
type stepper struct {
	store  store.Config
	live   func() *Live
	report *reporter
	slack  time.Duration // of calls: see Timing
}

func newStepper(s store.Config, live func() *Live, report *reporter, slack time.Duration) *stepper {
	return &stepper{store: s, live: live, report: report, slack: slack}
}

// step is the function of store.Turn.
func (s *stepper) step(lane store.Lane) (out store.Outcome, err error) {
	if lane.Format > stateFormat {
		return store.Outcome{Skip: skipSoon}, nil // a newer binary's: it will come
	}
	began := time.Now()
	defer func() { s.report.stepped(began, time.Now()) }()
	live := s.live()
	ch, ok := live.Channels[lane.Conversation.Channel]
	if !ok {
		return store.Outcome{Skip: patienceFor(lane)}, nil // the messages wait for their channel
	}
	newest, ok := live.Flows[ch.Flow]
	if !ok {
		return store.Outcome{Skip: patienceFor(lane)}, nil
	}
	var m memory
	if len(lane.State) > 0 {
		if err := json.Unmarshal(lane.State, &m); err != nil {
			m = memory{} // cannot be read: begin anew rather than never answer again
			s.report.stepFailures.WithLabelValues(unreadableState).Inc()
		}
	}
	flow, known := s.flowFor(live, newest, &m)
	if !known {
		return store.Outcome{Skip: skipSoon}, nil // its revision is being fetched
	}
	t := &turn{stepper: s, live: live, channel: ch, newest: newest, flow: flow, lane: lane, memory: m, owner: lane.Conversation.Owner,
		lastIn: lane.Conversation.LastInAt, timers: map[string]int{}}
	err = t.run()
	if errors.Is(err, dialog.ErrNewerFormat) {
		return store.Outcome{Skip: skipSoon}, nil
	}
	if err != nil {
		s.report.stepFailures.WithLabelValues(failedStep).Inc()
		return store.Outcome{}, err
	}
	return t.out, nil
}

// flowFor is the revision that answers now; false while it has to be fetched.
func (s *stepper) flowFor(live *Live, newest *Flow, m *memory) (*Flow, bool) {
	if m.Revision == "" || m.Flow == newest.Name && (m.Revision == newest.Hash || newest.Program.Takes(m.Dialog, m.Kind)) || waitsNowhere(m.Dialog) {
		return newest, true
	}
	old, known := live.of(m.Flow, m.Revision)
	if !known {
		return nil, false
	}
	if old == nil {
		if stands, err := dialog.Decode(m.Dialog); err != nil || m.Flow != newest.Name || newest.Program.KindOf(stands.Node) != m.Kind {
			m.Dialog = nil
		}
		return newest, true
	}
	return old, true
}

// waitsNowhere says that a conversation's next message begins an enquiry.
func waitsNowhere(state []byte) bool {
	s, err := dialog.Decode(state)
	return err != nil || s.Node == ""
}

// fetch gets the revisions that lanes wait for, outside any turn.
func (s *stepper) fetch(ctx context.Context) { s.live().fetch(ctx, s.store, s.report) }

// turn is one lane's step: its inbox rows one by one, in order.
type turn struct {
	*stepper
	live    *Live
	channel *Channel
	newest  *Flow
	flow    *Flow
	lane    store.Lane
	memory  memory
	owner   store.Owner
	lastIn  time.Time
	timers  map[string]int // name → index in out.Timers
	out     store.Outcome
}

func (t *turn) run() error {
	t.out.Language = t.lane.Conversation.Language
	for rest := t.lane.Inbox; len(rest) > 0; {
		// One at a time from the front, since an answer or a trigger lets the messages go on that wait before it.
		at := slices.IndexFunc(rest, t.goes)
		if at < 0 {
			break
		}
		if err := t.row(rest[at], t.lane.Poisoned && rest[at].ID == t.lane.Inbox[0].ID); err != nil {
			return err
		}
		t.out.Handled = append(t.out.Handled, rest[at].ID)
		if t.lane.Poisoned {
			break // the others have their own three tries
		}
		if t.out.Call != nil && !t.parked() {
			break // interrupted at once: what comes next may ask for another call, and an outcome holds one
		}
		rest = slices.Delete(slices.Clone(rest), at, at+1)
	}
	if len(t.out.Handled) == 0 {
		t.out = store.Outcome{Park: parkedFor}
		return nil
	}
	t.memory.Flow, t.memory.Revision = t.flow.Name, t.flow.Hash
	stands, err := dialog.Decode(t.memory.Dialog)
	if err != nil {
		stands = dialog.State{} // the step has begun anew and written what can be read
	}
	t.memory.Kind = t.flow.Program.KindOf(stands.Node)
	state, err := json.Marshal(t.memory)
	if err != nil {
		return fmt.Errorf("writing the conversation's state: %w", err)
	}
	// No newer a format than needed: an older pod may go on with it.
	t.out.Format, t.out.State = max(1, stands.Format), state
	if stands.Node != "" { // else nothing of this revision is asked for any more
		t.out.Revision = t.flow.Hash
	}
	return nil
}

// parked says whether the conversation waits for the answer of a call.
func (t *turn) parked() bool {
	stands, err := dialog.Decode(t.memory.Dialog)
	return err == nil && t.flow.Program.KindOf(stands.Node) == "call"
}

// parkedFor is how long a lane rests whose messages wait for an answer; the answer wakes it.
const parkedFor = 10 * time.Second

// goes says whether a row can be handled now: a message waits while its conversation waits for the answer of a call.
func (t *turn) goes(row store.Item) bool {
	return row.Kind != store.ItemMessage || t.owner != store.OwnerBot || t.lane.Poisoned && row.ID == t.lane.Inbox[0].ID ||
		!t.flow.Program.Waits(t.memory.Dialog, row.Body)
}

// row handles one inbox row.
func (t *turn) row(row store.Item, poisoned bool) error {
	t.report.steps.WithLabelValues(string(row.Kind)).Inc()
	switch row.Kind {
	case store.ItemMessage:
		if row.At.After(t.lastIn) {
			t.lastIn = row.At
		}
		if t.owner != store.OwnerBot {
			t.out.ToDesk = append(t.out.ToDesk, row.MessageID)
			if state, ok := t.flow.Program.Speak(t.memory.Dialog, row.Body.Language); ok {
				t.memory.Dialog, t.out.Language = state, row.Body.Language
			}
			return nil
		}
		in := dialog.Input{Kind: dialog.InputMessage, Message: row.Body, At: row.At}
		allowed, first := t.memory.Pace.take(row.At)
		switch {
		case poisoned:
			in.Kind = dialog.InputApology
		case first:
			in.Kind = dialog.InputTooMany
		}
		if !allowed {
			t.report.beyond.Inc()
			if !first {
				return nil // kept in the transcript, and told once
			}
		}
		cause := "in/" + row.ExternalID
		if row.Generation > 0 { // replayed: what was said the first time was the apology
			cause += "/again/" + strconv.FormatInt(row.Generation, 10)
		}
		return t.dialog(in, cause)
	case store.ItemTimer:
		if t.owner != store.OwnerBot || poisoned {
			return nil // a person speaks: the bot's reminders are void
		}
		return t.dialog(dialog.Input{Kind: dialog.InputTimer, At: t.lane.Now, Timer: row.Name, Generation: row.Generation},
			"timer/"+row.Name+"/"+strconv.FormatInt(row.Generation, 10))
	case store.ItemAnswer:
		in := dialog.Input{Kind: dialog.InputAnswer, At: t.lane.Now, Generation: row.Generation, Answer: dialog.CallAnswer{Outcome: dialog.CallUnknown}}
		if len(row.Answer) > 0 && !poisoned {
			if err := json.Unmarshal(row.Answer, &in.Answer); err != nil {
				in.Answer = dialog.CallAnswer{Outcome: dialog.CallUnknown}
			}
		}
		if t.owner != store.OwnerBot { // a person speaks: it is kept for when the bot is back where it was interrupted, else late
			t.memory.Dialog, _ = t.flow.Program.Keep(t.memory.Dialog, row.Generation, in.Answer)
			return nil
		}
		return t.dialog(in, "answer/"+strconv.FormatInt(row.Generation, 10))
	case store.ItemClosed:
		if row.Pool != "" {
			t.memory.Pool, t.memory.Agent = row.Pool, row.Agent
		}
		if t.owner != store.OwnerBot {
			return nil // it is with the next person already
		}
		in := dialog.Input{Kind: dialog.InputClosed, At: t.lane.Now}
		if poisoned {
			in.Kind = dialog.InputApology
		}
		return t.dialog(in, "closed/"+strconv.FormatInt(row.ID, 10))
	}
	return nil // a kind of a newer binary's: handled by doing nothing, it would block the lane for ever
}

// dialog steps the flow and gathers what it wants. Cause names what happened, the same at every try.
func (t *turn) dialog(in dialog.Input, cause string) error {
	in.Contact = dialog.Contact{Name: t.lane.Conversation.DisplayName, Channel: t.lane.Conversation.Channel}
	env := t.live.env(t.lane.Now)
	env.Forms = t.channel.spec.WhatsApp != nil
	state, result, err := t.flow.Program.Step(t.memory.Dialog, in, env)
	if err != nil {
		return err
	}
	t.memory.Dialog = state
	for ordinal, say := range result.Say {
		t.out.Send = append(t.out.Send, store.Outgoing{
			ID:     outgoingID(t.lane.Conversation, cause, ordinal),
			Author: message.AuthorBot, Class: message.ClassAnswer, Body: say, Expires: t.expiry(say),
		})
	}
	for _, timer := range result.Timers {
		t.timer(timer)
	}
	if result.Uncall {
		t.out.Uncall, t.out.Call = true, nil
	}
	if c := result.Call; c != nil {
		request, err := json.Marshal(c.Request)
		if err != nil {
			return fmt.Errorf("writing a call: %w", err)
		}
		t.out.Call = &store.Call{ID: outgoingID(t.lane.Conversation, cause, callOrdinal), Generation: c.Generation, Request: request,
			Within: c.Within + t.slack}
	}
	if result.Language != "" {
		t.out.Language = result.Language
	}
	if r := result.Rating; r != nil {
		t.out.Rating = &store.Rating{Scale: string(r.Scale), Score: r.Score, Pool: t.memory.Pool, Agent: t.memory.Agent}
	}
	if result.Handoff != nil {
		t.out.Handoff = &store.Handoff{Pool: result.Handoff.Pool, Priority: priority(result.Handoff.Priority),
			Skills: result.Handoff.Skills, Summary: result.Handoff.Summary}
		t.owner = store.OwnerQueue
		t.memory.Handed, t.memory.Pool, t.memory.Agent = true, result.Handoff.Pool, ""
	}
	if len(result.Problems) > 0 {
		t.report.problems.WithLabelValues(t.flow.Name).Add(float64(len(result.Problems)))
		if t.report.fresh("problem/" + t.flow.Name) { // without its text, which may quote the citizen
			t.report.log.Info("expressions of a flow fail at run time; try the conversation with `bot-runtime chat`", "flow", t.flow.Name)
		}
	}
	if result.Ended {
		t.out.Finished = t.out.Finished || !t.memory.Handed
		t.memory.Handed = false
		t.flow = t.newest // the next enquiry begins in what is live
	}
	return nil
}

// expiry is when the platform's window closes; the zero time where there is none, and for a template, which may go at any time.
func (t *turn) expiry(say message.Out) time.Time {
	if t.channel.Window == 0 || say.Template != nil {
		return time.Time{}
	}
	return t.lastIn.Add(t.channel.Window)
}

// timer notes a timer; the last word on a name counts.
func (t *turn) timer(in dialog.Timer) {
	out := store.Timer{Name: in.Name, Generation: in.Generation}
	if in.DueIn > 0 {
		out.DueAt = t.lane.Now.Add(in.DueIn)
	}
	if i, ok := t.timers[in.Name]; ok {
		t.out.Timers[i] = out
		return
	}
	t.timers[in.Name] = len(t.out.Timers)
	t.out.Timers = append(t.out.Timers, out)
}

// callOrdinal tells the id of a call from those of the messages of the same cause.
const callOrdinal = -1

// outgoings is the name space of outgoing messages' ids.
var outgoings = uuid.MustParse("5d1f8f0e-7a57-4c0e-9d7d-3f1a15700157")

// outgoingID is the same whenever the same cause is stepped again in the same conversation, so that a step repeated after a
// lost commit, or after a failover that lost the database's tail, sends nothing twice.
func outgoingID(c store.Conversation, cause string, ordinal int) string {
	name := c.Channel + "\x00" + strconv.FormatInt(c.ID, 10) + "\x00" + cause + "\x00" + strconv.Itoa(ordinal)
	return uuid.NewSHA1(outgoings, []byte(name)).String()
}

// priority as the queue orders by it, higher first.
func priority(p string) int {
	switch v1alpha1.Priority(p) {
	case v1alpha1.PriorityUrgent:
		return 2
	case v1alpha1.PriorityHigh:
		return 1
	}
	return 0
}
