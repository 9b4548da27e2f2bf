package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"time"

	"github.com/loket-dev/loket/hack/sim/control"
	"github.com/loket-dev/loket/hack/sim/load"
	"github.com/loket-dev/loket/hack/sim/platform"
	"github.com/loket-dev/loket/hack/sim/scenario"
)

// numberID and hookOf are of the n-th business number of a town, from 0: the sample's own, and further ones.
func numberID(n int) string { return fmt.Sprintf("20015715715716%d", n) }
func hookOf(n int) string   { return fmt.Sprintf("wa%d", n) }

// more are n further numbers of the sample's account, at this address.
func more(n int, public string) []platform.Number {
	var numbers []platform.Number
	for i := range n {
		numbers = append(numbers, platform.Number{PhoneNumberID: numberID(i), Webhook: "http://" + public + "/hooks/" + hookOf(i)})
	}
	return numbers
}

// rig is the town's platform by its control API, as a scenario drives it.
func (w *town) rig(plan load.Plan) scenario.Run {
	w.Helper()
	ctx, end := context.WithCancel(context.Background())
	server := httptest.NewServer(control.New(ctx, w.platform, filepath.Join(w.dir, "journal.jsonl")))
	w.Cleanup(func() { end(); server.Close() })
	at := w.database
	if at == "" {
		at = w.file()
	}
	return scenario.Run{Sim: control.Client{Base: server.URL}, Store: at, Plan: plan, Quiet: 20 * time.Second,
		Log: func(format string, args ...any) { w.Logf(format, args...) }}
}

// figuresOf reads Loket's own figures of pods, by the address of their internal port. A pod that is gone has none.
func figuresOf(internal ...string) func(context.Context) map[string]scenario.Figures {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) map[string]scenario.Figures {
		all := map[string]scenario.Figures{}
		for _, at := range internal {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/metrics", nil)
			if err != nil {
				continue
			}
			res, err := client.Do(r)
			if err != nil {
				continue
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err == nil && res.StatusCode == http.StatusOK {
				all[at] = scenario.ParseFigures(string(body))
			}
		}
		return all
	}
}
