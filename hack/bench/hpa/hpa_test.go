// Package hpa holds the simulator's rule of the HorizontalPodAutoscaler to the controller's own code. It is a module of its own: nothing
// of Kubernetes' controllers is linked into Loket.
package hpa

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/api/autoscaling/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/scale"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"

	"github.com/loket-dev/loket/hack/bench/elastic"
)

// The controller's defaults.
const (
	sync      = 15 * time.Second
	down      = 5 * time.Minute
	tolerance = 0.1
)

// desk is what the controller sees of a cluster: one scale, and one metric. Its other questions would be a mistake.
type desk struct {
	metrics.MetricsClient
	scale.ScaleInterface
	seen    elastic.Seen
	desired int
	looks   int
}

func (d *desk) Scales(string) scale.ScaleInterface { return d }

func (d *desk) Get(context.Context, schema.GroupResource, string, metav1.GetOptions) (*v1.Scale, error) {
	return &v1.Scale{
		ObjectMeta: metav1.ObjectMeta{Name: "desk", Namespace: "bench"},
		Spec:       v1.ScaleSpec{Replicas: int32(d.desired)},
		Status:     v1.ScaleStatus{Replicas: int32(d.seen.Ready + d.seen.Starting), Selector: "app=desk"},
	}, nil
}

func (d *desk) Update(_ context.Context, _ schema.GroupResource, s *v1.Scale, _ metav1.UpdateOptions) (*v1.Scale, error) {
	d.desired = int(s.Spec.Replicas)
	return s, nil
}

func (d *desk) GetExternalMetric(string, string, labels.Selector) ([]int64, time.Time, error) {
	d.looks++
	if !d.seen.OK {
		return nil, time.Time{}, errNoFigures
	}
	return []int64{1000 * int64(d.seen.WaitingForWorker+d.seen.WaitingForAgent+d.seen.Active)}, time.Now(), nil
}

// controller runs Kubernetes' own HorizontalPodAutoscaler controller, in the time of a synctest bubble.
type controller struct {
	*desk
	begin func()
	began time.Time
}

func start(ctx context.Context, t elastic.Told, target int64) *controller {
	d := &desk{desired: t.Min}
	least := int32(t.Min)
	client := fake.NewClientset(&autoscaling.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "desk", Namespace: "bench", UID: types.UID("desk")},
		Spec: autoscaling.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscaling.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "desk"},
			MinReplicas:    &least, MaxReplicas: int32(t.Max),
			Metrics: []autoscaling.MetricSpec{{Type: autoscaling.ExternalMetricSourceType, External: &autoscaling.ExternalMetricSource{
				Metric: autoscaling.MetricIdentifier{Name: "conversations"},
				Target: autoscaling.MetricTarget{Type: autoscaling.AverageValueMetricType, AverageValue: resource.NewQuantity(target, resource.DecimalSI)},
			}}},
		},
	})
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{{Group: "apps", Version: "v1"}})
	mapper.Add(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, meta.RESTScopeNamespace)
	shared := informers.NewSharedInformerFactory(client, 0)
	c := podautoscaler.NewHorizontalController(ctx, client.CoreV1(), d, client.AutoscalingV2(), mapper, d,
		shared.Autoscaling().V2().HorizontalPodAutoscalers(), shared.Core().V1().Pods(), sync, down, tolerance, 5*time.Minute, 30*time.Second)
	return &controller{desk: d, began: time.Now(), begin: func() {
		shared.Start(ctx.Done())
		go c.Run(ctx, 1)
	}}
}

// Decide lets the time go on to the tick. The controller looks at once when it sees its HPA, and each 15 s from then on.
func (c *controller) Decide(s elastic.Seen) int {
	c.seen, c.desired = s, s.Desired
	if s.T == 0 {
		c.begin()
	}
	time.Sleep(time.Until(c.began.Add(time.Duration(s.T * float64(time.Second)))))
	synctest.Wait()
	return c.desired
}

// Kubernetes holds a worker back that errs too often by the machine's clock, which in a bubble is 26 years ahead.
func init() {
	runtime.ErrorHandlers = []runtime.ErrorHandler{func(_ context.Context, err error, _ string, _ ...any) {
		if !strings.Contains(err.Error(), errNoFigures.Error()) {
			panic(err)
		}
	}}
}

var errNoFigures = errors.New("no figures")

// both asks the controller, and holds the rule to it.
type both struct {
	t       *testing.T
	real    *controller
	rule    *elastic.HPA
	changes int
	differ  int
}

func (b *both) Decide(s elastic.Seen) int {
	want, got := b.real.Decide(s), b.rule.Decide(s)
	if got < 0 {
		got = s.Desired
	}
	if got != want {
		if b.differ++; b.differ <= 5 {
			b.t.Errorf("at %.0f s, %+v: the controller asks for %d, the rule for %d", s.T, s, want, got)
		}
	}
	if want != s.Desired {
		b.changes++
	}
	return want
}

// A day has each decision that there is. Missing figures are not compared: after an error the controller looks
// at other seconds than the rule.
func TestTheRuleDecidesAsKubernetesOwnController(t *testing.T) {
	for _, class := range []string{"office"} {
		t.Run(class, func(t *testing.T) {
			trace, err := elastic.Source{Class: class, Size: "medium", Seed: 1, StartsFrom: 4, StartsTo: 20, Min: 1}.Trace()
			if err != nil {
				t.Fatal(err)
			}
			trace.Seconds, trace.TickSeconds = 86400, 5 // 15 s are three ticks
			best := elastic.Optimum(trace)
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				settings := elastic.HPADefaults()
				b := &both{t: t, real: start(ctx, trace.Told, int64(settings.Share*float64(trace.PerWorker))), rule: elastic.NewHPA(trace.Told, settings)}
				elastic.Replay(trace, best, b)
				if looks := int(trace.Seconds/sync.Seconds()) + 1; b.real.looks != looks {
					t.Errorf("the controller looked %d times, not %d", b.real.looks, looks)
				}
				if b.changes < 10 {
					t.Errorf("only %d changes", b.changes)
				}
				t.Logf("%d looks, %d changes, %d differ", b.real.looks, b.changes, b.differ)
			})
		})
	}
}
