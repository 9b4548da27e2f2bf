package engine

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// metrics are what a pod counts. Labels are of closed sets and of channels' and pools' names: never a contact, a body or an
// error's text.
type metrics struct {
	accepted, duplicates, stale, identityConflicts prometheus.Counter
	refused                                        *prometheus.CounterVec // channel, reason
	rawEvents                                      *prometheus.CounterVec // channel, kind
	foreign                                        *prometheus.CounterVec // channel
	steps, stepFailures, problems                  *prometheus.CounterVec
	stepSeconds                                    prometheus.Histogram
	sends                                          *prometheus.CounterVec // channel, outcome
	resends, doubled, beyond, callsOver            prometheus.Counter
	repairedLanes, dropped, statuses               prometheus.Counter
	storeErrors                                    *prometheus.CounterVec // act
	due                                            *prometheus.GaugeVec   // kind
	pool                                           *prometheus.GaugeVec   // pool, state
	bundleVersion                                  prometheus.Gauge
	storeUp                                        prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "loket", Name: name, Help: help})
		r.MustRegister(c)
		return c
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "loket", Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "loket", Name: name, Help: help}, labels)
		r.MustRegister(g)
		return g
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "loket", Name: name, Help: help})
		r.MustRegister(g)
		return g
	}
	m := &metrics{
		accepted:          counter("messages_accepted_total", "Citizens' messages stored and acknowledged."),
		duplicates:        counter("messages_duplicate_total", "Messages that a platform delivered again."),
		stale:             counter("messages_stale_total", "Messages older than the dedupe horizon, refused."),
		identityConflicts: counter("identity_conflicts_total", "Messages whose identities belong to two contacts."),
		refused:           counters("webhooks_refused_total", "Webhooks not acknowledged, by channel and reason.", "channel", "reason"),
		rawEvents:         counters("raw_events_total", "Webhook parts that Loket does not know, kept as they came.", "channel", "kind"),
		foreign:           counters("foreign_entries_total", "Entries of signed webhooks that are another account's, left out.", "channel"),
		steps:             counters("steps_total", "Inbox rows handled by a dialog or passed to the desk, by kind.", "kind"),
		stepFailures:      counters("step_failures_total", "Lanes whose step failed; after three the message is a dead letter.", "reason"),
		problems:          counters("expression_problems_total", "Expressions of a flow that failed at run time.", "flow"),
		stepSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "loket", Name: "step_seconds",
			Help: "Time of one lane's step, without its transaction.", Buckets: prometheus.ExponentialBuckets(50e-6, 4, 8)}),
		sends:         counters("sends_total", "Attempts to send, by channel and outcome.", "channel", "outcome"),
		resends:       counter("sends_requeued_total", "Messages queued again after an outcome that stayed unknown."),
		doubled:       counter("sends_doubled_total", "Messages that a platform took twice: the citizen may have seen them twice."),
		callsOver:     counter("calls_unanswered_total", "Outside calls of dialogs whose time was over before an answer came."),
		beyond:        counter("messages_unanswered_total", "Messages that a citizen wrote beyond what is answered within a minute."),
		repairedLanes: counter("lanes_repaired_total", "Lanes the janitor had to repair. Anything but 0 is a bug in Loket."),
		dropped:       counter("rows_dropped_total", "Rows dropped because they were past retention."),
		statuses:      counter("statuses_applied_total", "Delivery statuses worked off."),
		storeErrors:   counters("store_errors_total", "Acts of the store that failed, by act.", "act"),
		due:           gauges("due", "Rows that wait to be worked on, at the last look.", "kind"),
		pool:          gauges("pool_conversations", "Conversations of a pool at the last look.", "pool", "state"),
		bundleVersion: gauge("bundle_version", "Version of the bundle that this pod runs."),
		storeUp:       gauge("store_up", "1 while the database answers."),
	}
	r.MustRegister(m.stepSeconds)
	for _, reason := range []string{failedStep, unreadableState, killedProcess} { // from 0: a first count is an increase only then
		m.stepFailures.WithLabelValues(reason)
	}
	return m
}

// Why a lane's step failed.
const (
	failedStep      = "step"
	unreadableState = "unreadable state"
	killedProcess   = "killed the process"
)

// watch has the problems of flows counted from 0.
func (m *metrics) watch(flows map[string]*Flow) {
	for name := range flows {
		m.problems.WithLabelValues(name)
	}
}

func (m *metrics) acceptedBatch(a store.Accepted) {
	m.accepted.Add(float64(a.Stored))
	m.duplicates.Add(float64(a.Duplicates))
	m.stale.Add(float64(a.Stale))
	m.identityConflicts.Add(float64(a.IdentityConflicts))
}

func (m *metrics) looked(d store.Due) {
	m.due.WithLabelValues("lanes").Set(float64(d.Lanes))
	m.due.WithLabelValues("timers").Set(float64(d.Timers))
	m.due.WithLabelValues("sends").Set(float64(d.Sends))
	m.due.WithLabelValues("statuses").Set(float64(d.Statuses))
	m.due.WithLabelValues("unknown").Set(float64(d.Unknown))
}

func (m *metrics) pools(counts []store.PoolCount) {
	m.pool.Reset()
	for _, c := range counts {
		m.pool.WithLabelValues(c.Pool, "waitingForWorker").Set(float64(c.WaitingForWorker))
		m.pool.WithLabelValues(c.Pool, "waitingForAgent").Set(float64(c.WaitingForAgent))
		m.pool.WithLabelValues(c.Pool, "active").Set(float64(c.Active))
	}
}

func (m *metrics) stepped(began time.Time, now time.Time) {
	m.stepSeconds.Observe(now.Sub(began).Seconds())
}
