package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/hack/sim/check"
	simdesk "github.com/loket-dev/loket/hack/sim/desk"
	"github.com/loket-dev/loket/hack/sim/journal"
	"github.com/loket-dev/loket/hack/sim/platform"
)

func TestMain(m *testing.M) {
	if raw := os.Getenv(childEnv); raw != "" {
		if err := serveChild(raw); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections() // of the simulated agents
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func TestALicenceQuestionIsAnsweredOnceAndALookalikeIsWarnedOf(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.start(nil)
	w.apply(sampleObjects(t))
	siti := w.platform.NewCitizen("Siti", platform.WithNumber)
	say(t, siti, "apakah Dana Mekar Jaya itu resmi kak?")
	n := hears(t, siti, 0, "KEP-12/D.05/2021")
	budi := w.platform.NewCitizen("Budi", platform.WithoutNumber)
	say(t, budi, "dana mekar jaya cepat")
	hears(t, budi, 0, "tidak")
	for _, r := range w.records() {
		if r.Kind == journal.SendIn && r.Citizen == "Budi" && strings.Contains(r.Text, "KEP-12") && !strings.Contains(strings.ToLower(r.Text), "tidak") {
			t.Errorf("a look-alike was called licensed: %q", r.Text)
		}
	}
	if n != siti.Count() {
		t.Errorf("Siti got %d messages, the answer was number %d", siti.Count(), n)
	}
}

func TestAWebhookThatIsForgedOrForSomebodyElseIsRefusedAndNothingStored(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.start(nil)
	w.apply(sampleObjects(t))
	if err := w.platform.Handshake(context.Background()); err != nil {
		t.Error(err)
	}
	account := sampleObjects(t).Channels
	number, waba := "", ""
	for _, c := range account {
		if c.Spec.WhatsApp != nil {
			number, waba = c.Spec.WhatsApp.PhoneNumberID, c.Spec.WhatsApp.BusinessAccountID
		}
	}
	body := func(waba, number string) []byte {
		return []byte(fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{"messaging_product":"whatsapp",`+
			`"metadata":{"display_phone_number":"62811","phone_number_id":%q},"contacts":[{"profile":{"name":"X"},"wa_id":"62811","user_id":"ID.1"}],`+
			`"messages":[{"from":"62811","from_user_id":"ID.1","id":"wamid.x","timestamp":"%d","type":"text","text":{"body":"halo"}}]}}]}]}`,
			waba, number, time.Now().Unix()))
	}
	secret, err := os.ReadFile(filepath.Join(w.dir, "channels", "wa", "appSecret"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body      []byte
		signature string
	}{
		"forged":              {body(waba, number), platform.Signature("another secret", body(waba, number))},
		"unsigned":            {body(waba, number), ""},
		"for another account": {body("999999", number), platform.Signature(string(secret), body("999999", number))},
		"for another number":  {body(waba, "999999"), platform.Signature(string(secret), body(waba, "999999"))},
		"malformed":           {[]byte(`{"entry":`), platform.Signature(string(secret), []byte(`{"entry":`))},
	} {
		code, _, err := w.platform.Post(context.Background(), c.body, c.signature)
		if err != nil || code/100 != 4 {
			t.Errorf("%s: answered %d, %v; want 4xx", name, code, err)
		}
	}
	if n := w.metric("loket_messages_accepted_total") + w.metric("loket_raw_events_total"); n != 0 {
		t.Errorf("%v things of refused webhooks were stored", n)
	}
}

func TestAPersonTakesOverAnswersClosesAndIsRated(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.start(nil)
	w.apply(sampleObjects(t))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	agent, err := simdesk.SignIn(ctx, "http://"+w.public+"/desk/contact-centre/", devAgent, "of-the-test")
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.SetAvailable(ctx, true); err != nil {
		t.Fatal(err)
	}
	siti := w.platform.NewCitizen("Siti", platform.WithNumber)
	say(t, siti, "mau bicara dengan petugas")
	n := hears(t, siti, 0, "petugas")
	var view simdesk.View
	w.until("the conversation is the agent's", func() bool {
		view, err = agent.View(ctx)
		return err == nil && len(view.Conversations) == 1
	})
	conversation := view.Conversations[0].ID
	say(t, siti, "saya ragu dengan sebuah aplikasi")
	w.until("the agent reads what the citizen wrote", func() bool {
		view, err = agent.View(ctx)
		if err != nil || len(view.Conversations) != 1 {
			return false
		}
		m := view.Conversations[0].Messages
		return m[len(m)-1].Text == "saya ragu dengan sebuah aplikasi"
	})
	if siti.Count() != n {
		t.Errorf("the bot spoke while a person has the conversation: %d messages, want %d", siti.Count(), n)
	}
	for range 2 { // a click that the console repeats
		if err := agent.Reply(ctx, conversation, "c1", "Selamat siang, saya Rini."); err != nil {
			t.Fatal(err)
		}
	}
	n = hears(t, siti, n, "saya Rini")
	if err := agent.Close(ctx, conversation); err != nil {
		t.Fatal(err)
	}
	n = hears(t, siti, n, "seberapa puas")
	say(t, siti, "5")
	hears(t, siti, n, "terima kasih atas penilaian")
	w.until("the pool's finished work is counted", func() bool {
		s := w.status()
		return len(s.Pools) == 1 && s.Pools[0].Arrived == 1 && s.Pools[0].Finished == 1 && s.Pools[0].Active == 0
	})
	replies := 0
	for _, r := range w.records() {
		if r.Kind == journal.SendIn && strings.Contains(r.Text, "saya Rini") {
			replies++
		}
	}
	if replies != 1 {
		t.Errorf("the agent's reply was sent %d times", replies)
	}
	if err := agent.SignOut(ctx); err != nil {
		t.Error(err)
	}
}

func TestWhoAsksForASkillComesToSomebodyWhoHasItAndAfterItsTimeToAnybody(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.start(nil)
	accounts := filepath.Join(w.dir, "agents", "contact-centre")
	hash, err := os.ReadFile(filepath.Join(accounts, devAgent))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(accounts, "rini"), hash, 0o600); err != nil {
		t.Fatal(err)
	}
	objects := sampleObjects(t)
	const within = 1500 * time.Millisecond
	pool := &objects.Pools[0].Spec
	pool.ConversationsPerAgent, pool.Queue.SkillsWithin.Duration = 1, within
	pool.Agents.Skills = []v1alpha1.AgentSkill{{Name: "english", Agents: []v1alpha1.AgentName{devAgent}}}
	w.apply(objects)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	signIn := func(name string) *simdesk.Agent {
		agent, err := simdesk.SignIn(ctx, "http://"+w.public+"/desk/contact-centre/", name, "of-the-test")
		if err == nil {
			err = agent.SetAvailable(ctx, true)
		}
		if err != nil {
			t.Fatal(err)
		}
		return agent
	}
	rini, speaks := signIn("rini"), signIn(devAgent)
	given := func(agent *simdesk.Agent, citizen string) simdesk.Conversation {
		var held simdesk.Conversation
		w.until(citizen+" is "+agent.Name+"'s", func() bool {
			view, err := agent.View(ctx)
			if err != nil || len(view.Conversations) != 1 {
				return false
			}
			held = view.Conversations[0]
			return held.Contact.Name == citizen
		})
		return held
	}
	say(t, w.platform.NewCitizen("Jane", platform.WithNumber), "hello, can I talk to a human please")
	given(speaks, "Jane")
	say(t, w.platform.NewCitizen("John", platform.WithNumber), "hello, can I talk to a human please")
	john := given(rini, "John") // nothing else happens meanwhile: it is the pod that looks again
	if waited := john.AssignedAt.Sub(john.QueuedAt); waited < within {
		t.Errorf("rini, who does not have the skill, was asked after %s", waited)
	}
	if err := speaks.SignOut(ctx); err != nil {
		t.Fatal(err)
	}
	if err := rini.Close(ctx, john.ID); err != nil {
		t.Fatal(err)
	}
	pool.Queue.SkillsWithin.Duration = 24 * time.Hour
	w.apply(objects)
	say(t, w.platform.NewCitizen("Mary", platform.WithNumber), "hello, can I talk to a human please")
	given(rini, "Mary") // nobody who has the skill is there
}

func TestAnEditedFlowServesWithoutARestartAndABrokenOneDoesNotSpoilIt(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.start(nil)
	w.apply(countingObjects(t))
	siti := w.platform.NewCitizen("Siti", platform.WithNumber)
	say(t, siti, "satu")
	n := hears(t, siti, 0, "satu:1")
	edit := countingObjects(t)
	edit.Flows[0].Spec.Nodes[1].Ask.Text["id"] = "kini {{ said }}:{{ n }}"
	w.apply(edit)
	say(t, siti, "dua")
	n = hears(t, siti, n, "dua:2") // a conversation stays in the revision that it began with
	budi := w.platform.NewCitizen("Budi", platform.WithNumber)
	say(t, budi, "satu")
	m := hears(t, budi, 0, "kini satu:1")
	edit.Flows[0].Spec.Nodes[1].SafePoint = true
	w.apply(edit)
	say(t, siti, "tiga")
	n = hears(t, siti, n, "kini tiga:3") // until it waits where the newest takes it over
	broken := countingObjects(t)
	broken.Flows[0].Spec.Nodes[1].Next = "nowhere"
	w.apply(broken)
	say(t, siti, "empat")
	hears(t, siti, n, "kini empat:4")
	say(t, budi, "dua")
	hears(t, budi, m, "kini dua:2")
	for _, v := range w.status().Verdicts {
		if v.Kind == bundle.KindDialogFlow && (v.Good || len(v.Findings) == 0) {
			t.Errorf("the broken flow's verdict: %+v", v)
		}
	}
}

func TestADatabaseThatCannotBeOpenedIsAPodThatIsNotReadyAndMendsItself(t *testing.T) {
	w := newTown(t, platform.Faults{})
	var there atomic.Bool
	w.start(func(p *pod) {
		open := p.open
		p.open = func(ctx context.Context) (store.Store, error) {
			if !there.Load() {
				return nil, errors.New("connection refused")
			}
			return open(ctx)
		}
	})
	w.until("the listeners answer", func() bool { return w.ready() == http.StatusServiceUnavailable })
	r, err := http.NewRequest(http.MethodPost, "http://"+w.public+"/hooks/wa", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := w.do(r); code != http.StatusServiceUnavailable {
		t.Errorf("a webhook was answered %d, want 503", code)
	}
	if s := w.status(); s.ETag != "" {
		t.Errorf("a pod without its store speaks for the tenant: %+v", s)
	}
	there.Store(true)
	w.apply(sampleObjects(t))
}

// A series that begins with its first count has no increase: Prometheus would tell nobody of the first failure.
func TestWhatAlarmsCountIsThereBeforeItHappens(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.start(nil)
	w.apply(sampleObjects(t))
	page, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	counted := regexp.MustCompile(`(?:increase|rate)\((loket_\w+)`).FindAllSubmatch(page, -1)
	if len(counted) < 5 {
		t.Fatalf("docs/operate.md has %d alarms that count", len(counted))
	}
	for _, m := range counted {
		w.until(string(m[1])+" is there", func() bool {
			r, err := http.NewRequest(http.MethodGet, "http://"+w.internal+"/metrics", nil)
			if err != nil {
				t.Fatal(err)
			}
			_, body := w.do(r)
			return bytes.Contains(body, append([]byte("\n"), m[1]...))
		})
	}
}

// crowd lets citizens write numbers to the counting flow, each after the last was acknowledged, and returns when all are
// acknowledged.
func (w *town) crowd(citizens, messages int, written func(total int)) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	var total atomic.Int64
	var all sync.WaitGroup
	for range citizens {
		c := w.platform.NewCitizen("", platform.WithNumber)
		all.Go(func() {
			for n := 1; n <= messages; n++ {
				if err := c.Say(ctx, fmt.Sprint(n)); err != nil {
					w.Errorf("%s: %v", c.Name, err)
					return
				}
				written(int(total.Add(1)))
			}
		})
	}
	all.Wait()
}

// answered waits until every citizen has as many answers as they wrote, and has the journal judged.
func (w *town) answered(messages int) check.Report {
	w.Helper()
	w.until("everything is answered", func() bool {
		for _, c := range w.platform.Citizens() {
			if c.Count() < messages {
				return false
			}
		}
		return true
	})
	report := check.Count(w.records())
	if !report.OK() {
		w.Errorf("%s", report)
	}
	return report
}

func TestRedeliveryAndLostLinesDoNotDoubleOrLoseAnything(t *testing.T) {
	w := newTown(t, platform.Faults{Redeliver: 0.5, Refuse: 0.05})
	w.start(nil)
	w.apply(countingObjects(t))
	w.crowd(20, 10, func(int) {})
	t.Log(w.answered(10))
	if n := w.metric("loket_lanes_repaired_total"); n != 0 {
		t.Errorf("%v lanes had to be repaired", n)
	}
}

func TestADrainLosesNothingAndAnotherPodGoesOn(t *testing.T) {
	w := newTown(t, platform.Faults{})
	end := w.start(nil)
	w.apply(countingObjects(t))
	half := make(chan struct{})
	go func() {
		<-half
		end()
		w.start(nil)
	}()
	w.crowd(20, 10, func(total int) {
		if total == 100 {
			close(half)
		}
	})
	if report := w.answered(10); report.Doubled != 0 {
		t.Errorf("%d answers were sent twice by a pod that was ended in good order", report.Doubled)
	}
}

func TestKilledInTheMiddleEveryAcknowledgedMessageIsAnsweredOnceAndInOrder(t *testing.T) {
	w := newTown(t, platform.Faults{Redeliver: 0.1})
	pod := w.child("bot-0", w.public, w.internal)
	pod.start()
	w.apply(countingObjects(t))
	kills := make(chan struct{}, 8)
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		for range kills {
			pod.kill()
			pod.start()
		}
	}()
	w.crowd(25, 20, func(total int) {
		if total%120 == 0 {
			kills <- struct{}{}
		}
	})
	close(kills)
	<-killed
	report := w.answered(20)
	t.Log(report)
	w.until("the janitor of the last pod has looked", func() bool { return w.ready() == http.StatusOK })
	if n := w.metric("loket_lanes_repaired_total"); n != 0 {
		t.Errorf("%v lanes had to be repaired", n)
	}
	pod.kill()
}
