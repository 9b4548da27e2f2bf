package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/sim/platform"
)

// hook is a webhook of one text message, signed as Meta does it.
type hook struct {
	town   *town
	waba   string
	number string
	secret string
}

func (w *town) newHook() hook {
	w.Helper()
	h := hook{town: w}
	for _, c := range sampleObjects(w).Channels {
		if c.Spec.WhatsApp != nil {
			h.number, h.waba = c.Spec.WhatsApp.PhoneNumberID, c.Spec.WhatsApp.BusinessAccountID
		}
	}
	secret, err := os.ReadFile(filepath.Join(w.dir, "channels", "wa", "appSecret"))
	if err != nil {
		w.Fatal(err)
	}
	h.secret = string(secret)
	return h
}

// body has text as it is: JSON, or not.
func (h hook) body(from, id, text string, at time.Time) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{"messaging_product":"whatsapp",`+
		`"metadata":{"display_phone_number":"62811","phone_number_id":%q},"contacts":[{"profile":{"name":"X"},"wa_id":%q}],`+
		`"messages":[{"from":%q,"id":%q,"timestamp":"%d","type":"text","text":{"body":%s}}]}}]}]}`, h.waba, h.number, from, from, id, at.Unix(), text)
}

// post sends a body and returns the status; 0 when there was no answer.
func (h hook) post(body []byte, header map[string]string) int {
	h.town.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+h.town.public+"/hooks/wa", bytes.NewReader(body))
	if err != nil {
		h.town.Fatal(err)
	}
	r.Header.Set("X-Hub-Signature-256", platform.Signature(h.secret, body))
	for k, v := range header {
		r.Header.Set(k, v)
	}
	code, _ := h.town.do(r)
	return code
}

func packed(t testing.TB, body io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(z, body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bomb is so many mebibytes of blanks, each packed by itself and a kilobyte long: a reader of gzip takes them for one.
func bomb(t testing.TB, mebibytes int) []byte {
	t.Helper()
	return bytes.Repeat(packed(t, bytes.NewReader(bytes.Repeat([]byte(" "), 1<<20))), mebibytes)
}

// TestABodyThatIsTooMuchIsRefusedInBoundedTimeAndNothingIsStored: the signatures hold, as they would for an app whose secret is
// known to somebody; each refusal is cheap, and the citizen who writes beside them is answered.
func TestABodyThatIsTooMuchIsRefusedInBoundedTimeAndNothingIsStored(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.start(nil)
	w.apply(countingObjects(t))
	h := w.newHook()
	zipped := map[string]string{"Content-Encoding": "gzip"}
	deep := []byte(strings.Repeat(`{"entry":[`, 200_000) + strings.Repeat(`]}`, 200_000))
	nested := h.body("62811", "deep", strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000), time.Now())
	whole := h.body("62811", "cut", `"halo"`, time.Now())
	for name, c := range map[string]struct {
		body   []byte
		header map[string]string
		status int
	}{
		"five megabytes":                      {bytes.Repeat([]byte(" "), 5<<20), nil, http.StatusRequestEntityTooLarge},
		"a gigabyte in a megabyte of gzip":    {bomb(t, 1024), zipped, http.StatusRequestEntityTooLarge},
		"gzip of gzip":                        {packed(t, bytes.NewReader(bomb(t, 1024))), zipped, http.StatusBadRequest},
		"gzip that is cut short":              {packed(t, bytes.NewReader(whole))[:40], zipped, http.StatusBadRequest},
		"gzip that is none":                   {whole, zipped, http.StatusBadRequest},
		"another encoding":                    {whole, map[string]string{"Content-Encoding": "br"}, http.StatusUnsupportedMediaType},
		"nested two hundred thousand deep":    {deep, nil, http.StatusBadRequest},
		"a text nested a hundred thousand":    {nested, nil, http.StatusBadRequest},
		"a message that is cut short":         {whole[:len(whole)-7], nil, http.StatusBadRequest},
		"no body":                             {nil, nil, http.StatusBadRequest},
		"a number where the envelope belongs": {[]byte("7"), nil, http.StatusBadRequest},
		"a body with NULs":                    {append([]byte{0, 0}, whole...), nil, http.StatusBadRequest},
	} {
		began := time.Now()
		if code := h.post(c.body, c.header); code != c.status {
			t.Errorf("%s: answered %d, want %d", name, code, c.status)
		}
		if took := time.Since(began); took > patience/2 {
			t.Errorf("%s: refused after %v", name, took)
		}
	}
	if n := w.metric("loket_messages_accepted_total") + w.metric("loket_raw_events_total"); n != 0 {
		t.Errorf("%v things of refused webhooks were stored", n)
	}
	siti := w.platform.NewCitizen("Siti", platform.WithNumber)
	say(t, siti, "1")
	hears(t, siti, 0, "1:1")
}

// A body may hold half a message that is good and half that is not: what is good is kept, whole.
func TestAnOddPartOfABodyIsKeptApartAndItsNeighboursAreAnswered(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.start(nil)
	w.apply(countingObjects(t))
	h := w.newHook()
	siti := w.platform.NewCitizen("Siti", platform.WithNumber)
	say(t, siti, "1")
	hears(t, siti, 0, "1:1")
	before := w.metric("loket_messages_accepted_total")
	now := time.Now()
	for name, c := range map[string]struct {
		text   string
		at     time.Time
		stored float64
	}{
		"invalid UTF-8":                        {"\"hal\xff\xfe\"", now, 1},
		"half a surrogate":                     {`"\ud83d"`, now, 1},
		"a NUL":                                {`"a\u0000b"`, now, 1},
		"a text that is a list":                {`[1,2]`, now, 1},
		"a hundred thousand characters":        {`"` + strings.Repeat("x", 100_000) + `"`, now, 1},
		"from the day after tomorrow":          {`"halo"`, now.Add(48 * time.Hour), 1},
		"from before the telephone":            {`"halo"`, time.Unix(1, 0), 0},
		"older than can be told from a repeat": {`"halo"`, now.Add(-36 * 24 * time.Hour), 0},
	} {
		if code := h.post(h.body("6281199", "odd "+name, c.text, c.at), nil); code != http.StatusOK {
			t.Errorf("%s: answered %d; anything but 200 comes again for a week", name, code)
		}
		after := w.metric("loket_messages_accepted_total")
		if after-before != c.stored {
			t.Errorf("%s: %v were stored, want %v", name, after-before, c.stored)
		}
		before = after
	}
	if n := w.metric("loket_messages_stale_total"); n != 2 {
		t.Errorf("%v were counted as stale, want 2", n)
	}
	w.until("all is handled", func() bool { return w.metric("loket_due") == 0 })
	if n := w.metric("loket_step_failures_total"); n != 0 {
		t.Errorf("%v steps failed", n)
	}
}

// The first of two bodies with one id counts, whatever the second says and whenever it says it was sent.
func TestAnIdThatComesWithAnotherBodyChangesNothing(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.start(nil)
	w.apply(countingObjects(t))
	h := w.newHook()
	now := time.Now()
	for i, body := range [][]byte{
		h.body("6281177", "same", `"first"`, now),
		h.body("6281177", "same", `"second"`, now),
		h.body("6281177", "same", `"third"`, now.Add(-30*time.Hour)),
		h.body("6281166", "same", `"of another"`, now),
	} {
		if code := h.post(body, nil); code != http.StatusOK {
			t.Errorf("body %d: answered %d", i, code)
		}
	}
	if stored, again := w.metric("loket_messages_accepted_total"), w.metric("loket_messages_duplicate_total"); stored != 1 || again != 3 {
		t.Errorf("%v were stored and %v were duplicates, want 1 and 3", stored, again)
	}
}

// TestASlowCallerIsCutOffAndHoldsUpNobody: header and body have their time, which is not a citizen's.
func TestASlowCallerIsCutOffAndHoldsUpNobody(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.start(nil)
	w.apply(countingObjects(t))
	cut := make(chan string, 400)
	dial := func(first string) net.Conn {
		c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", w.public)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, first); err != nil {
			t.Fatal(err)
		}
		return c
	}
	began := time.Now()
	trickle := func(name string, c net.Conn, drop string) {
		go func() { // ends when the server cuts it off
			defer c.Close()
			for {
				if _, err := io.WriteString(c, drop); err != nil {
					break
				}
				_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
				if _, err := bufio.NewReader(c).ReadByte(); err == nil || err == io.EOF {
					break // answered, or closed
				}
				if time.Since(began) > patience {
					cut <- name + " was not"
					return
				}
			}
			cut <- name
		}()
	}
	for n := range 100 {
		trickle("header", dial("POST /hooks/wa HTTP/1.1\r\nHost: x\r\n"), fmt.Sprintf("X-Slow-%d: a\r\n", n))
		trickle("body", dial("POST /hooks/wa HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"), " ")
	}
	siti := w.platform.NewCitizen("Siti", platform.WithNumber)
	say(t, siti, "1") // while they trickle
	hears(t, siti, 0, "1:1")
	for range 200 {
		if got := <-cut; strings.HasSuffix(got, "not") {
			t.Fatalf("a slow %s cut off within %v", got, patience)
		}
	}
	if n := w.metric("loket_messages_accepted_total"); n != 1 {
		t.Errorf("%v messages were stored, want 1", n)
	}
}

// A browser's posts are bounded as well.
func TestABrowsersBodyThatIsTooMuchIsRefused(t *testing.T) {
	w := newTown(t, platform.Faults{})
	w.start(nil)
	w.apply(countingObjects(t))
	post := func(body string, header map[string]string) int {
		r, err := http.NewRequest(http.MethodPost, "http://"+w.public+"/chat/web/api/messages", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+strings.Repeat("A", 43))
		for k, v := range header {
			r.Header.Set(k, v)
		}
		code, _ := w.do(r)
		return code
	}
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"a megabyte":                     {`{"clientId":"a","text":"` + strings.Repeat("x", 1<<20) + `"}`, http.StatusRequestEntityTooLarge},
		"nested deep":                    {strings.Repeat(`[`, 12_000), http.StatusBadRequest},
		"a clientId that is a path":      {`{"clientId":"../../x","text":"halo"}`, http.StatusBadRequest},
		"two posts in one":               {`{"clientId":"a","text":"halo"}{"clientId":"b","text":"halo"}`, http.StatusBadRequest},
		"nothing":                        {``, http.StatusBadRequest},
		"five thousand characters":       {`{"clientId":"a","text":"` + strings.Repeat("x", 5000) + `"}`, http.StatusRequestEntityTooLarge},
		"invalid UTF-8, which is mended": {"{\"clientId\":\"a\",\"text\":\"hal\xff\"}", http.StatusAccepted},
	} {
		if code := post(c.body, nil); code != c.status {
			t.Errorf("%s: answered %d, want %d", name, code, c.status)
		}
	}
	if n := w.metric("loket_messages_accepted_total"); n != 1 {
		t.Errorf("%v messages were stored, want the one that was accepted", n)
	}
}
