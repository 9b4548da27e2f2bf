package platform_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/sim/journal"
	"github.com/loket-dev/loket/hack/sim/platform"
)

// business is the other side: it acknowledges webhooks with a status, and keeps their bodies.
type business struct {
	mu     sync.Mutex
	bodies [][]byte
	status atomic.Int32
	server *httptest.Server
}

const token, secret = "the-token", "the-secret"

func meet(t *testing.T, f platform.Faults) (*business, *platform.Platform, *httptest.Server, string) {
	t.Helper()
	b := &business{}
	b.status.Store(200)
	b.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
			return
		}
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Hub-Signature-256") != platform.Signature(secret, body) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		b.mu.Lock()
		b.bodies = append(b.bodies, body)
		b.mu.Unlock()
		w.WriteHeader(int(b.status.Load()))
	}))
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	p := platform.New(platform.Options{Journal: j, Faults: f, Seed: 1, StatusDelay: time.Millisecond, RetryAfter: 5 * time.Millisecond,
		Account: platform.Account{Templates: approved, BusinessAccountID: "100", PhoneNumberID: "200", AppSecret: secret, AccessToken: token, VerifyToken: "v", Webhook: b.server.URL}})
	graph := httptest.NewServer(p)
	t.Cleanup(func() {
		graph.Close()
		p.Close()
		b.server.Close()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, p, graph, path
}

// all are the bodies so far.
func (b *business) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var bodies []string
	for _, body := range b.bodies {
		bodies = append(bodies, string(body))
	}
	return bodies
}

// seen waits until a webhook holds a text.
func (b *business) seen(t *testing.T, text string) string {
	t.Helper()
	for range 1000 {
		b.mu.Lock()
		for _, body := range b.bodies {
			if strings.Contains(string(body), text) {
				b.mu.Unlock()
				return string(body)
			}
		}
		b.mu.Unlock()
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("no webhook holds %q", text)
	return ""
}

func send(t *testing.T, graph *httptest.Server, bearer, body string) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, graph.URL+"/v26.0/200/messages", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, string(answer), err
}

func TestAWebhookIsSignedOverItsEscapedBytes(t *testing.T) {
	b, p, _, _ := meet(t, platform.Faults{})
	c := p.NewCitizen("Müller 😀", platform.WithNumber)
	if err := c.Say(t.Context(), "apakah ini résmi?"); err != nil {
		t.Fatal(err)
	}
	body := b.seen(t, `r\u00e9smi`)
	if !strings.Contains(body, `M\u00fcller \ud83d\ude00`) || !bytes.Equal([]byte(body), bytes.ToValidUTF8([]byte(body), nil)) {
		t.Fatal(body)
	}
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
}

func TestACitizenIsKnownByNumberOrByBusinessScopedIDOrByBothInTurn(t *testing.T) {
	for mode, want := range map[platform.Mode][]bool{
		platform.WithNumber: {true, true}, platform.WithoutNumber: {false, false}, platform.Changing: {true, false}} {
		b, p, _, _ := meet(t, platform.Faults{})
		c := p.NewCitizen("Ani", mode)
		for i, shown := range want {
			text := fmt.Sprintf("message-%d", i)
			if err := c.Say(t.Context(), text); err != nil {
				t.Fatal(err)
			}
			body := b.seen(t, text)
			if got := strings.Contains(body, `"from":"`+c.Phone); got != shown || !strings.Contains(body, c.BSUID) {
				t.Fatalf("%s, message %d: number shown %v, want %v: %s", mode, i, got, shown, body)
			}
		}
	}
}

func TestAWebhookThatIsNotAcknowledgedIsDeliveredAgain(t *testing.T) {
	b, p, _, path := meet(t, platform.Faults{})
	b.status.Store(503)
	said := make(chan error, 1)
	go func() { said <- p.NewCitizen("", platform.WithNumber).Say(t.Context(), "halo") }()
	b.seen(t, "halo")
	select {
	case err := <-said:
		t.Fatal("a 503 is no acknowledgement", err)
	default:
	}
	b.status.Store(200)
	if err := <-said; err != nil {
		t.Fatal(err)
	}
	records, err := journal.ReadFile(path)
	if err != nil || len(records) < 4 || records[1].Status != 503 || records[len(records)-1].Status != 200 {
		t.Fatalf("%v %v", records, err)
	}
}

func TestAnAcknowledgedWebhookComesAtMostFiveTimesMore(t *testing.T) {
	b, p, _, _ := meet(t, platform.Faults{Redeliver: 1})
	if err := p.NewCitizen("", platform.WithNumber).Say(t.Context(), "halo"); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		b.mu.Lock()
		n := len(b.bodies)
		b.mu.Unlock()
		if n == 6 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("not delivered six times")
}

func TestTheHandshakeWantsItsChallengeBack(t *testing.T) {
	_, p, _, _ := meet(t, platform.Faults{})
	if err := p.Handshake(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestASendReachesThePhoneAndItsStatusesEchoTheCallbackData(t *testing.T) {
	b, p, graph, _ := meet(t, platform.Faults{})
	c := p.NewCitizen("", platform.WithoutNumber)
	status, answer, err := send(t, graph, token, `{"messaging_product":"whatsapp","recipient":"`+c.BSUID+`","type":"interactive","biz_opaque_callback_data":"ref-1",
		"interactive":{"type":"button","body":{"text":"Pilih"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"Ya"}}]}}}`)
	if err != nil || status != 200 || !strings.Contains(answer, "wamid.") || !strings.Contains(answer, c.BSUID) {
		t.Fatal(status, answer, err)
	}
	got, err := c.Messages(t.Context(), 0)
	if err != nil || got[0].Text != "Pilih" || got[0].Choices[0].Title != "Ya" {
		t.Fatal(got, err)
	}
	for _, s := range []string{"sent", "delivered", "read"} {
		if body := b.seen(t, `"status":"`+s+`"`); !strings.Contains(body, "ref-1") || strings.Contains(body, c.Phone) {
			t.Fatal(body)
		}
	}
	if err := c.Tap(t.Context(), "ya"); err != nil {
		t.Fatal(err)
	}
	b.seen(t, `button_reply`)
}

func TestWhatTheRealPlatformWouldRefuseIsRefusedAndNoted(t *testing.T) {
	_, p, graph, path := meet(t, platform.Faults{})
	c := p.NewCitizen("", platform.WithNumber)
	to := `{"messaging_product":"whatsapp","to":"+` + c.Phone + `","biz_opaque_callback_data":"r",`
	button := func(title string) string {
		return to + `"type":"interactive","interactive":{"type":"button","body":{"text":"x"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"` + title + `"}}]}}}`
	}
	for name, body := range map[string]string{
		"a text of 4,097 characters":      to + `"type":"text","text":{"body":"` + strings.Repeat("é", 4097) + `"}}`,
		"a button title of 21 characters": button(strings.Repeat("t", 21)),
		"an empty button title":           button(""),
		"a number without plus":           strings.Replace(button("ok"), "+", "", 1),
		"no type":                         to + `"text":{"body":"x"}}`,
		"no JSON":                         `{`,
		"a business-scoped id in to":      `{"messaging_product":"whatsapp","to":"+` + c.BSUID + `","type":"text","text":{"body":"x"}}`,
	} {
		status, answer, err := send(t, graph, token, body)
		if err != nil || status != 400 || !strings.Contains(answer, `"code":1`) {
			t.Errorf("%s: %d %s %v", name, status, answer, err)
		}
	}
	if status, answer, _ := send(t, graph, "wrong", button("ok")); status != 401 || !strings.Contains(answer, `"code":190`) {
		t.Error(status, answer)
	}
	records, err := journal.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	violations := 0
	for _, r := range records {
		if r.Kind == journal.Violation {
			violations++
		}
	}
	if violations != 6 || c.Count() != 0 {
		t.Fatalf("%d violations, %d messages on the phone", violations, c.Count())
	}
}

func TestASendCanBeAcceptedAndItsLineCut(t *testing.T) {
	_, p, graph, path := meet(t, platform.Faults{Cut: 1})
	c := p.NewCitizen("", platform.WithNumber)
	_, _, err := send(t, graph, token, `{"messaging_product":"whatsapp","to":"+`+c.Phone+`","type":"text","text":{"body":"x"},"biz_opaque_callback_data":"r"}`)
	if err == nil {
		t.Fatal("an answer came")
	}
	if got, err := c.Messages(t.Context(), 0); err != nil || got[0].Text != "x" {
		t.Fatal(got, err)
	}
	records, err := journal.ReadFile(path)
	if err != nil || !records[1].Cut || records[1].Ref != "r" {
		t.Fatal(records, err)
	}
}

func TestARefusedSendIsNotOnThePhone(t *testing.T) {
	_, p, graph, _ := meet(t, platform.Faults{Refuse: 1})
	c := p.NewCitizen("", platform.WithNumber)
	status, answer, err := send(t, graph, token, `{"messaging_product":"whatsapp","to":"+`+c.Phone+`","type":"text","text":{"body":"x"}}`)
	if err != nil || status != 500 || !strings.Contains(answer, "131000") || c.Count() != 0 {
		t.Fatal(status, answer, err, c.Count())
	}
}

func TestWaitingForAnAnswerThatDoesNotComeNamesTheCitizen(t *testing.T) {
	_, p, _, _ := meet(t, platform.Faults{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := p.NewCitizen("Budi", platform.WithNumber).Messages(ctx, 0); err == nil || !strings.Contains(err.Error(), "Budi") {
		t.Fatal(err)
	}
}

func TestABlindCutIsToldOfOnlyOnceTheMessageIsSentAgain(t *testing.T) {
	b, p, graph, path := meet(t, platform.Faults{Blind: 1})
	c := p.NewCitizen("", platform.WithNumber)
	body := `{"messaging_product":"whatsapp","to":"+` + c.Phone + `","type":"text","text":{"body":"x"},"biz_opaque_callback_data":"r"}`
	if _, _, err := send(t, graph, token, body); err == nil {
		t.Fatal("an answer came")
	}
	if err := c.Say(t.Context(), "still there"); err != nil { // a webhook later: statuses would have come
		t.Fatal(err)
	}
	for _, seen := range b.all() {
		if strings.Contains(seen, `"statuses"`) {
			t.Fatalf("the platform told of what it took blindly: %s", seen)
		}
	}
	if status, answer, err := send(t, graph, token, body); status != 200 {
		t.Fatal(status, answer, err)
	}
	records, err := journal.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var taken []string
	for _, r := range records {
		if r.Kind == journal.SendReply {
			taken = append(taken, r.ID)
		}
	}
	if len(taken) != 2 {
		t.Fatal(records)
	}
	for _, id := range taken {
		b.seen(t, `"id":"`+id)
	}
}

func TestForgedWebhooksAreDeliveredBesideTheOthersAndNamedInTheJournal(t *testing.T) {
	_, p, _, path := meet(t, platform.Faults{Forge: 1})
	for range 10 {
		if err := p.NewCitizen("", platform.WithNumber).Say(t.Context(), "halo"); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		records, err := journal.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for _, r := range records {
			if r.Kind == journal.ForgedAck && r.Status == 403 {
				refused++ // the business of this test refuses a wrong signature only
			}
		}
		if refused > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("nothing forged was refused")
}

func TestASendToACitizenWhoHangsIsNeitherTakenNorAnswered(t *testing.T) {
	_, p, graph, _ := meet(t, platform.Faults{Hang: "Ani"})
	c := p.NewCitizen("Ani", platform.WithNumber)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, graph.URL+"/v26.0/200/messages",
		strings.NewReader(`{"messaging_product":"whatsapp","to":"+`+c.Phone+`","type":"text","text":{"body":"x"}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if _, err := http.DefaultClient.Do(req); err == nil || c.Count() != 0 {
		t.Fatal(err, c.Count())
	}
}

func TestCitizensAreSpreadOverTheAccountsNumbers(t *testing.T) {
	b := &business{}
	b.status.Store(200)
	hooks := map[string]int{}
	b.server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		defer b.mu.Unlock()
		if strings.Contains(string(body), `"phone_number_id":"`+strings.TrimPrefix(r.URL.Path, "/hooks/")+`"`) {
			hooks[r.URL.Path]++
		}
	}))
	j, err := journal.Open(filepath.Join(t.TempDir(), "journal.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	p := platform.New(platform.Options{Journal: j, Account: platform.Account{PhoneNumberID: "200", Webhook: b.server.URL + "/hooks/200",
		More: []platform.Number{{PhoneNumberID: "201", Webhook: b.server.URL + "/hooks/201"}}}})
	t.Cleanup(func() { p.Close(); b.server.Close(); _ = j.Close() })
	for range 4 {
		if err := p.NewCitizen("", platform.WithNumber).Say(t.Context(), "halo"); err != nil {
			t.Fatal(err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if hooks["/hooks/200"] != 2 || hooks["/hooks/201"] != 2 {
		t.Fatal(hooks)
	}
}

func TestAFormIsShownFilledInAndSentBackWithItsToken(t *testing.T) {
	b, p, graph, _ := meet(t, platform.Faults{})
	c := p.NewCitizen("", platform.WithNumber)
	if err := c.Fill(t.Context(), nil); err == nil {
		t.Error("a form was filled in that never came")
	}
	form := `{"messaging_product":"whatsapp","to":"+` + c.Phone + `","type":"interactive","interactive":{"type":"flow","body":{"text":"Tell us."},"action":{"name":"flow","parameters":
		{"flow_message_version":"3","flow_token":"report","flow_id":"12345","flow_cta":"Fill in","flow_action":"navigate","flow_action_payload":{"screen":"FIRST"}}}}}`
	for name, broken := range map[string]string{
		"no token":                 strings.Replace(form, `"report"`, `""`, 1),
		"no screen":                strings.Replace(form, `"FIRST"`, `""`, 1),
		"a label of 31 characters": strings.Replace(form, "Fill in", strings.Repeat("x", 31), 1),
		"another action":           strings.Replace(form, `"name":"flow"`, `"name":"form"`, 1),
	} {
		if status, answer, err := send(t, graph, token, broken); status != 400 || !strings.Contains(answer, `"code":100`) {
			t.Errorf("%s: %d %s %v", name, status, answer, err)
		}
	}
	if status, answer, err := send(t, graph, token, form); status != 200 {
		t.Fatal(status, answer, err)
	}
	got, err := c.Messages(t.Context(), 0)
	if err != nil || got[0].Form == nil || *got[0].Form != (platform.Form{ID: "12345", Screen: "FIRST", Button: "Fill in", Token: "report"}) {
		t.Fatal(got, err)
	}
	if err := c.Fill(t.Context(), map[string]any{"who": "Dana", "sum": 500}); err != nil {
		t.Fatal(err)
	}
	body := b.seen(t, `nfm_reply`)
	if !strings.Contains(body, `\"flow_token\":\"report\"`) || !strings.Contains(body, `\"sum\":500`) {
		t.Error(body)
	}
}

// approved are the templates of the business.
var approved = []platform.Template{{Name: "reminder", Language: "id", Body: "{{1}}, pengaduan {{2}} belum lengkap."}, {Name: "reminder", Language: "en_US", Body: "Complaint {{ticket}} is not complete."}}

func TestAfterADayThePlatformTakesNothingButTemplatesThatAreApproved(t *testing.T) {
	b, p, graph, path := meet(t, platform.Faults{})
	c := p.NewCitizen("", platform.WithNumber)
	if err := c.Say(t.Context(), "halo"); err != nil {
		t.Fatal(err)
	}
	b.seen(t, "halo")
	to := `{"messaging_product":"whatsapp","to":"+` + c.Phone + `",`
	text := to + `"type":"text","text":{"body":"free"}}`
	template := func(name, language, parameters string) string {
		return to + `"type":"template","template":{"name":"` + name + `","language":{"code":"` + language + `"},"components":[{"type":"body","parameters":[` + parameters + `]}]}}`
	}
	const siti, number, named = `{"type":"text","text":"Siti"}`, `{"type":"text","text":"P-1"}`, `{"type":"text","parameter_name":"ticket","text":"P-1"}`
	if status, answer, err := send(t, graph, token, text); status != 200 {
		t.Fatal(status, answer, err)
	}
	c.Pass(25 * time.Hour)
	for _, s := range []struct {
		body         string
		status, code int
	}{
		{text, 400, 131047},
		{template("reminder", "id", siti+","+number), 200, 0},
		{template("reminder", "en_US", named), 200, 0},
		{template("reminder", "en", named), 404, 132001},
		{template("nobody_knows", "id", siti), 404, 132001},
		{template("reminder", "id", siti), 400, 132000},
		{template("reminder", "en_US", number), 400, 132012},
		{template("reminder", "id", siti+`,{"type":"text","text":"a\nb"}`), 400, 132012},
		{template("reminder", "id", siti+`,{"type":"text","text":""}`), 400, 131008},
	} {
		status, answer, err := send(t, graph, token, s.body)
		if err != nil || status != s.status || s.code > 0 && !strings.Contains(answer, fmt.Sprintf(`"code":%d`, s.code)) {
			t.Errorf("%s: %d %s %v", s.body, status, answer, err)
		}
	}
	got, err := c.Messages(t.Context(), 0)
	if err != nil || len(got) != 3 || got[1].Text != "Siti, pengaduan P-1 belum lengkap." || got[1].Template != "reminder" || got[2].Text != "Complaint P-1 is not complete." {
		t.Errorf("%+v %v", got, err)
	}
	if err := c.Say(t.Context(), "here I am"); err != nil {
		t.Fatal(err)
	}
	if status, answer, err := send(t, graph, token, text); status != 200 {
		t.Error(status, answer, err)
	}
	records, err := journal.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Kind == journal.Violation {
			t.Errorf("what may happen in good order is called a violation: %s", r.Note)
		}
	}
}
