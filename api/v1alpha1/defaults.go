package v1alpha1

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The Default methods fill what is absent with what the API server fills in, for objects that never met one: those a test or
// the simulator builds. A test proves them equal to the defaults in the CRDs. A zero value counts as absent: no field with a
// default has a valid zero, but for a pointer, of which nil is absent.

// Default fills in the class's defaults.
func (c *TenantClass) Default() {
	s := &c.Spec
	if e := s.Storage.Embedded; e != nil {
		if e.Size.IsZero() {
			e.Size = resource.MustParse("5Gi")
		}
		or(&e.AccessMode, corev1.ReadWriteOncePod)
	}
	or(&s.Runtime.PullPolicy, corev1.PullIfNotPresent)
	or(&s.WhatsApp.APIBase, "https://graph.facebook.com/v26.0")
	or(&s.Ceilings.BotReplicas, 10)
	or(&s.Ceilings.WorkersPerPool, 50)
	or(&s.Ceilings.Retention, metav1.Duration{Duration: 8760 * time.Hour})
}

// Default fills in the tenant's defaults.
func (t *BotTenant) Default() {
	s := &t.Spec
	or(&s.TimeZone, "Asia/Jakarta")
	or(&s.Bot.Replicas, 2)
	if b := s.Bot.Scaling; b != nil {
		or(&b.WaitingPerPod, 50)
		or(&b.Within, metav1.Duration{Duration: 5 * time.Second})
		or(&b.ScaleDownAfter, metav1.Duration{Duration: 15 * time.Minute})
	}
	or(&s.Retention.Messages, metav1.Duration{Duration: 2160 * time.Hour})
}

// Default fills in a number's throughput.
func (c *Channel) Default() {
	if w := c.Spec.WhatsApp; w != nil {
		or(&w.MessagesPerSecond, 80)
	}
}

// Default fills in the flow's defaults, node by node.
func (f *DialogFlow) Default() {
	s := &f.Spec
	for i := range s.Variables {
		or(&s.Variables[i].Type, VariableString)
	}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if n.Ask != nil {
			or(&n.Ask.Type, AskText)
			or(&n.Ask.Retries, 2)
		}
		if n.Lookup != nil {
			or(&n.Lookup.Query, "input.text")
		}
		if n.Call != nil {
			or(&n.Call.Method, CallGet)
			or(&n.Call.Timeout, metav1.Duration{Duration: 5 * time.Second})
		}
		if n.Understand != nil {
			or(&n.Understand.Query, "input.text")
			or(&n.Understand.Confidence, 50)
		}
		if n.Handoff != nil {
			or(&n.Handoff.Priority, PriorityNormal)
		}
		if n.Survey != nil {
			or(&n.Survey.Scale, ScaleCSAT)
		}
	}
	for i := range s.Tests {
		for k := range s.Tests[i].Calls {
			or(&s.Tests[i].Calls[k].Status, 200)
		}
	}
}

// Default fills in the names of columns, how a list is fetched, and how often everybody may ask.
func (d *Directory) Default() {
	m := &d.Spec.Mapping
	or(&m.Name, "name")
	or(&m.Aliases, "aliases")
	or(&m.Licence, "licence")
	or(&m.Type, "type")
	or(&m.Status, "status")
	or(&m.Sites, "sites")
	or(&m.Phones, "phones")
	or(&m.Emails, "emails")
	if h := d.Spec.Source.HTTP; h != nil {
		or(&h.Format, FormatCSV)
		h.Fetching.Default()
	}
	if p := d.Spec.Source.Postgres; p != nil {
		p.Fetching.Default()
	}
	if p := d.Spec.Public; p != nil {
		or(&p.RequestsPerMinute, 60)
	}
}

// Default fills in how a list is fetched.
func (f *Fetching) Default() {
	or(&f.Interval, metav1.Duration{Duration: time.Hour})
	or(&f.MaxMegabytes, 16)
	or(&f.LargestDropPercent, 20)
}

// Default does nothing: answers have no defaults.
func (k *Knowledge) Default() {}

// Default fills in the pool's defaults.
func (p *AgentPool) Default() {
	s := &p.Spec
	or(&s.ConversationsPerAgent, 4)
	or(&s.Queue.MaxWaiting, 1000)
	or(&s.Queue.SkillsWithin, metav1.Duration{Duration: time.Minute})
	or(&s.ServiceLevel.Percent, 80)
	or(&s.ServiceLevel.Within, metav1.Duration{Duration: time.Minute})
	w := &s.Workers
	or(&w.Mode, WorkersAuto)
	or(&w.Min, 1)
	or(&w.Max, 10)
	or(&w.ConversationsPerWorker, 60)
	or(&w.ScaleDownAfter, metav1.Duration{Duration: 15 * time.Minute})
	or(&w.Replicas, new(int32(1)))
}

// or gives a field a value where it has none.
func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
