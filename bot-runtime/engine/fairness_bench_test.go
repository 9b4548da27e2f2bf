package engine

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store/storetest/pgtest"
)

// BenchmarkBesideAFlood is how long others wait for their answer while one citizen floods, over how long they wait when
// nobody does: 800 citizens write once, 100 of them a second; the flood is four connections that never pause. The bar is 2.
func BenchmarkBesideAFlood(b *testing.B) {
	besideAFlood(b, func(b *testing.B, _ string, o *others) (end func()) {
		done := make(chan struct{})
		var flood sync.WaitGroup
		for f := range 4 {
			flood.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-done:
						return
					default:
						o.write("62813000000", fmt.Sprintf("wamid.flood.%d.%d", f, n), "flood")
					}
				}
			})
		}
		return func() { close(done); flood.Wait() }
	})
}

// BenchmarkBesideAFloodedTenant is the same where all citizens of another tenant flood theirs. Its pod is a process and a session
// of its own, so that the machine is shared as between pods; on PostgreSQL it has a database on the same server.
func BenchmarkBesideAFloodedTenant(b *testing.B) {
	besideAFlood(b, func(b *testing.B, engine string, _ *others) (end func()) {
		self, err := os.Executable()
		if err != nil {
			b.Fatal(err)
		}
		cmd := exec.Command(self, "-test.run=^$", "-test.bench=^BenchmarkTheFloodedTenant$", "-test.benchtime=1x")
		cmd.Env = append(os.Environ(), floodedTenant+"="+engine)
		if engine == "postgres" {
			server, err := pgtest.Server()
			if err != nil {
				b.Fatal(err)
			}
			cmd.Env = append(cmd.Env, "LOKET_TEST_POSTGRES="+server)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.Stderr = os.Stderr
		stop, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		said, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		lines := bufio.NewScanner(said)
		for lines.Scan() && lines.Text() != flooded {
		}
		return func() {
			_ = stop.Close()
			for lines.Scan() {
				if rate, ok := strings.CutPrefix(lines.Text(), flooded+" "); ok {
					perSecond, _ := strconv.ParseFloat(rate, 64)
					b.ReportMetric(perSecond, "flood-msgs/s")
				}
			}
			if err := cmd.Wait(); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkBesideABusyNeighbour is the same where the other only computes, on as many cores as there are, and touches no database:
// what the machine makes of two, whatever Loket does.
func BenchmarkBesideABusyNeighbour(b *testing.B) {
	besideAFlood(b, func(b *testing.B, _ string, _ *others) (end func()) {
		neighbours := make([]*exec.Cmd, runtime.NumCPU())
		for i := range neighbours {
			neighbours[i] = exec.Command("sh", "-c", "while :; do :; done")
			neighbours[i].SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			if err := neighbours[i].Start(); err != nil {
				b.Fatal(err)
			}
		}
		return func() {
			for _, n := range neighbours {
				_ = n.Process.Kill()
				_ = n.Wait()
			}
		}
	})
}

// floodedTenant names the engine of the tenant that a child of the benchmark floods; it says flooded when it is, and again with how
// many messages a second it acknowledged.
const floodedTenant, flooded = "LOKET_BENCH_FLOODED_TENANT", "flooded"

// BenchmarkTheFloodedTenant is no measurement, but the other tenant's pod in BenchmarkBesideAFloodedTenant: 32 connections of
// 6,400 citizens that never pause, until its standard input ends.
func BenchmarkTheFloodedTenant(b *testing.B) {
	engine := os.Getenv(floodedTenant)
	if engine == "" {
		b.Skip("run by BenchmarkBesideAFloodedTenant")
	}
	o := newOthers(b, engine)
	over := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); close(over) }()
	var n atomic.Int64
	var once sync.Once
	var all sync.WaitGroup
	began := time.Now()
	for range 32 {
		all.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				i := n.Add(1)
				o.write(fmt.Sprintf("62814%06d", i%6400), fmt.Sprintf("wamid.flooded.%d", i), "flood")
				if i > 1000 {
					once.Do(func() { fmt.Println("\n" + flooded) })
				}
			}
		})
	}
	all.Wait()
	fmt.Printf("\n%s %.0f\n", flooded, float64(n.Load())/time.Since(began).Seconds())
	o.x.end()
}

// others are those who write now and then, and want their answer.
type others struct {
	b     *testing.B
	graph *graph
	x     *tenantUnderTest
}

func newOthers(b *testing.B, engine string) *others {
	b.Helper()
	o := &others{b: b, graph: newGraph(b)}
	i := slices.IndexFunc(engines, func(e engineUnderBench) bool { return e.name == engine })
	o.x = startOn(b, engines[i].open(b), newWire(), func(opts *Options) {
		opts.Connect, opts.Steppers = o.graph.connect(b), engines[i].steppers
	})
	o.x.apply(counting())
	return o
}

func (o *others) write(from, id, text string) {
	w := httptest.NewRecorder()
	o.x.hooks.ServeHTTP(w, signed(from, id, text))
	if w.Code != http.StatusOK {
		o.b.Errorf("message %s was answered %d", text, w.Code)
	}
}

// wait has 800 citizens write, 100 of them a second, and returns the 99th percentile of how long they waited for their answer.
func (o *others) wait(run string) time.Duration {
	o.b.Helper()
	const citizens, each = 800, 10 * time.Millisecond
	began := make([]time.Time, citizens)
	var all sync.WaitGroup
	tick := time.NewTicker(each)
	defer tick.Stop()
	for n := range citizens {
		<-tick.C
		all.Go(func() {
			began[n] = time.Now()
			o.write(fmt.Sprintf("62812%06d", n), fmt.Sprintf("wamid.%s.%d", run, n), fmt.Sprintf("%s-%d", run, n))
		})
	}
	all.Wait()
	var took []time.Duration
	for deadline := time.Now().Add(time.Minute); len(took) < citizens; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.b.Fatalf("%s: %d of %d were answered", run, len(took), citizens)
		}
		took = took[:0]
		o.graph.mu.Lock()
		for text, at := range o.graph.seen {
			if asked, ok := strings.CutPrefix(text, run+"-"); ok {
				number, _, _ := strings.Cut(asked, ":")
				n, err := strconv.Atoi(number)
				if err != nil {
					o.b.Fatal(err)
				}
				took = append(took, at.Sub(began[n]))
			}
		}
		o.graph.mu.Unlock()
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// besideAFlood measures the others' wait without a flood and with one.
func besideAFlood(b *testing.B, flood func(b *testing.B, engine string, o *others) (end func())) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			o := newOthers(b, e.name)
			var calm, beside time.Duration
			for b.Loop() {
				o.wait("warm")
				calm = o.wait("calm")
				end := flood(b, e.name, o)
				beside = o.wait("beside")
				end()
			}
			b.StopTimer()
			b.ReportMetric(float64(calm.Microseconds())/1000, "ms-calm-p99")
			b.ReportMetric(float64(beside.Microseconds())/1000, "ms-beside-p99")
			b.ReportMetric(float64(beside)/float64(calm), "times")
			o.x.end()
		})
	}
}
