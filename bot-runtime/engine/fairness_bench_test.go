package engine

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// BenchmarkBesideAFlood is how long others wait for their answer while one citizen floods, over how long they wait when
// nobody does: 800 citizens write once, 100 of them a second; the flood is four connections that never pause. The bar is 2.
func BenchmarkBesideAFlood(b *testing.B) {
	for name, open := range map[string]func(testing.TB) (s store.Store, steppers int){
		"sqlite": func(tb testing.TB) (store.Store, int) {
			return openSQLite(tb, filepath.Join(tb.TempDir(), "loket.db")), 1
		},
		"postgres": func(tb testing.TB) (store.Store, int) { return openPostgres(tb), 2 },
	} {
		b.Run(name, func(b *testing.B) {
			const others, each, flooders = 800, 10 * time.Millisecond, 4
			s, steppers := open(b)
			g := newGraph(b)
			x := startOn(b, s, newWire(), func(o *Options) { o.Connect, o.Steppers = g.connect(b), steppers })
			x.apply(counting())
			writes := func(from, id, text string) {
				w := httptest.NewRecorder()
				x.hooks.ServeHTTP(w, signed(from, id, text))
				if w.Code != http.StatusOK {
					b.Errorf("message %s was answered %d", text, w.Code)
				}
			}
			wait := func(run string) time.Duration {
				began := make([]time.Time, others)
				var all sync.WaitGroup
				tick := time.NewTicker(each)
				defer tick.Stop()
				for n := range others {
					<-tick.C
					all.Go(func() {
						began[n] = time.Now()
						writes(fmt.Sprintf("62812%06d", n), fmt.Sprintf("wamid.%s.%d", run, n), fmt.Sprintf("%s-%d", run, n))
					})
				}
				all.Wait()
				var took []time.Duration
				for deadline := time.Now().Add(time.Minute); len(took) < others; time.Sleep(10 * time.Millisecond) {
					if time.Now().After(deadline) {
						b.Fatalf("%s: %d of %d were answered", run, len(took), others)
					}
					took = took[:0]
					g.mu.Lock()
					for text, at := range g.seen {
						if asked, ok := strings.CutPrefix(text, run+"-"); ok {
							number, _, _ := strings.Cut(asked, ":")
							n, err := strconv.Atoi(number)
							if err != nil {
								b.Fatal(err)
							}
							took = append(took, at.Sub(began[n]))
						}
					}
					g.mu.Unlock()
				}
				slices.Sort(took)
				return took[len(took)*99/100]
			}
			var calm, beside time.Duration
			for b.Loop() {
				wait("warm")
				calm = wait("calm")
				done := make(chan struct{})
				var flood sync.WaitGroup
				for f := range flooders {
					flood.Go(func() {
						for n := 0; ; n++ {
							select {
							case <-done:
								return
							default:
								writes("62813000000", fmt.Sprintf("wamid.flood.%d.%d", f, n), "flood")
							}
						}
					})
				}
				beside = wait("beside")
				close(done)
				flood.Wait()
			}
			b.StopTimer()
			b.ReportMetric(float64(calm.Microseconds())/1000, "ms-calm-p99")
			b.ReportMetric(float64(beside.Microseconds())/1000, "ms-beside-p99")
			b.ReportMetric(float64(beside)/float64(calm), "times")
			x.end()
		})
	}
}
