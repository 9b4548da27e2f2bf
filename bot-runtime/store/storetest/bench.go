package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// Benchmark measures acceptance by batches of 1 and 50, and turns of 1 and 16 lanes, each with one answer to send. The figure
// to look at is messages/s.
func Benchmark(b *testing.B, open func(b *testing.B) store.Store) {
	var serial atomic.Int64
	fresh := func(n, citizens int) store.Batch {
		var batch store.Batch
		for range n {
			i := int(serial.Add(1))
			batch.Messages = append(batch.Messages, from(number(i%citizens), fmt.Sprintf("b%d", i), "halo"))
		}
		return batch
	}
	for _, n := range []int{1, 50} {
		b.Run(fmt.Sprintf("accept of %d", n), func(b *testing.B) {
			s := open(b)
			for b.Loop() {
				must(s.Accept(b.Context(), fresh(n, 10_000)))
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "messages/s")
		})
	}
	for _, k := range []int{1, 16} {
		b.Run(fmt.Sprintf("turn of %d", k), func(b *testing.B) {
			s := open(b)
			left := 0
			for b.Loop() {
				if left < k {
					b.StopTimer()
					left = 0
					for range 8 { // each citizen once: a lane each
						left += must(s.Accept(b.Context(), fresh(400, 100_000))).Stored
					}
					b.StartTimer()
				}
				left -= must(s.Turn(b.Context(), k, func(l store.Lane) (store.Outcome, error) {
					out := handled(l)
					out.Send = []store.Outgoing{answer("re-"+l.Inbox[0].ExternalID, "Selamat datang")}
					return out, nil
				}))
			}
			b.ReportMetric(float64(b.N*k)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
