package main

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/serving/pkg/apis/autoscaling"
	"knative.dev/serving/pkg/autoscaler/aggregation"
	"knative.dev/serving/pkg/autoscaler/config"
	"knative.dev/serving/pkg/autoscaler/config/autoscalerconfig"
	"knative.dev/serving/pkg/autoscaler/metrics"
	"knative.dev/serving/pkg/autoscaler/scaling"

	"github.com/loket-dev/loket/hack/bench/elastic"
)

// setting is what an operator of Knative may choose.
type setting struct {
	utilisation   float64 // share of a pod's concurrency that is aimed at
	stable, delay time.Duration
	age           time.Duration // of the metric
	tuned         bool
}

func (s setting) name() string {
	switch {
	case s.tuned:
		return fmt.Sprintf("kpa tuned %.2f/%s/%s", s.utilisation, s.stable, s.delay)
	case s.age > 0:
		return fmt.Sprintf("kpa, %.0f s old", s.age.Seconds())
	}
	return "kpa"
}

// Knative's defaults are its own, read from an empty configuration.
func defaults() []setting {
	c := configured()
	d := setting{utilisation: c.ContainerConcurrencyTargetFraction, stable: c.StableWindow, delay: c.ScaleDownDelay}
	old := d
	old.age = 15 * time.Second
	return []setting{d, old}
}

// grid is small: the share that is aimed at, from the default to nothing spare, and three ways to be slower to go down.
func grid() []setting {
	var out []setting
	for _, utilisation := range []float64{0.7, 0.85, 0.95} {
		for _, slow := range []struct{ stable, delay time.Duration }{{time.Minute, 0}, {time.Minute, 15 * time.Minute}, {5 * time.Minute, 0}} {
			out = append(out, setting{utilisation: utilisation, stable: slow.stable, delay: slow.delay, tuned: true})
		}
	}
	return out[1:] // the first is the default
}

func configured() *autoscalerconfig.Config {
	c, err := config.NewConfigFromMap(map[string]string{})
	if err != nil { // of an empty map, which Knative itself ships
		panic(err)
	}
	return c
}

// kpa is Knative's autoscaler with the simulator where it has a cluster: pods are counted, and concurrency is what waits and is
// active. Its windows are Knative's own buckets of a second each, filled as its collector does: a second without a record would count
// as nobody.
type kpa struct {
	told          elastic.Told
	age           time.Duration
	scaler        scaling.UniScaler
	stable, panic *aggregation.TimedFloat64Buckets
	ready, other  int
	looks         []elastic.Seen
	log           *zap.SugaredLogger
}

func newKPA(t elastic.Told, s setting) *kpa {
	c := configured()
	k := &kpa{told: t, age: s.age, ready: t.Min, log: zap.NewNop().Sugar()}
	k.stable = aggregation.NewTimedFloat64Buckets(s.stable, config.BucketSize)
	panics := time.Duration(float64(s.stable) * c.PanicWindowPercentage / 100).Round(config.BucketSize)
	k.panic = aggregation.NewTimedFloat64Buckets(max(panics, config.BucketSize), config.BucketSize)
	k.scaler = scaling.New(context.Background(), "bench", "desk", k, k, &scaling.DeciderSpec{
		MaxScaleUpRate: c.MaxScaleUpRate, MaxScaleDownRate: c.MaxScaleDownRate, ScalingMetric: autoscaling.Concurrency,
		TargetValue: s.utilisation * float64(t.PerWorker), TotalValue: float64(t.PerWorker), TargetBurstCapacity: c.TargetBurstCapacity,
		ActivatorCapacity: c.ActivatorCapacity, PanicThreshold: c.PanicThresholdPercentage / 100, StableWindow: s.stable,
		ScaleDownDelay: s.delay, InitialScale: c.InitialScale, Reachable: true,
	})
	return k
}

// Decide is one look; Knative looks every two seconds, as the simulator does.
func (k *kpa) Decide(s elastic.Seen) int {
	now := k.told.StartsAt.Add(time.Duration(s.T * float64(time.Second)))
	k.ready, k.other = s.Ready, s.Starting
	k.looks = append(k.looks, s)
	for len(k.looks) > 1 && k.looks[1].T <= s.T-k.age.Seconds() {
		k.looks = k.looks[1:]
	}
	if seen := k.looks[0]; seen.OK && seen.T <= s.T-k.age.Seconds() {
		concurrency := float64(seen.WaitingForWorker + seen.WaitingForAgent + seen.Active)
		step := time.Duration(k.told.TickSeconds * float64(time.Second))
		for at := now.Add(config.BucketSize - max(step, config.BucketSize)); !at.After(now); at = at.Add(config.BucketSize) {
			k.stable.Record(at, concurrency)
			k.panic.Record(at, concurrency)
		}
	}
	r := k.scaler.Scale(k.log, now)
	if !r.ScaleValid {
		return -1
	}
	return min(max(int(r.DesiredPodCount), k.told.Min), k.told.Max)
}

// StableAndPanicConcurrency is what Knative's collector answers.
func (k *kpa) StableAndPanicConcurrency(_ types.NamespacedName, now time.Time) (stable, panic float64, err error) {
	if k.stable.IsEmpty(now) {
		return 0, 0, metrics.ErrNoData
	}
	return k.stable.WindowAverage(now), k.panic.WindowAverage(now), nil
}

// StableAndPanicRPS is not asked for: the metric is concurrency.
func (k *kpa) StableAndPanicRPS(types.NamespacedName, time.Time) (stable, panic float64, err error) {
	return 0, 0, metrics.ErrNoData
}

// ReadyCount and NotReadyCount are the pods.
func (k *kpa) ReadyCount() (int, error)    { return k.ready, nil }
func (k *kpa) NotReadyCount() (int, error) { return k.other, nil }
