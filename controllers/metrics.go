package controllers

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// The operator's own metrics, beside those of controller-runtime. What citizens and agents do is measured by the runtimes.
var (
	tenants = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "loket_tenants", Help: "Accepted tenants by class.",
	}, []string{"class"})
	workersWanted = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "loket_pool_workers_wanted", Help: "Workers that a pool shall have, as capacity decided.",
	}, []string{"namespace", "pool"})
	poolFigures = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "loket_pool_capacity", Help: "What a pool's number of workers was decided by, and what follows for people: " +
			"figure waiting, active, arrivals_per_second, start_seconds, people_needed, people_expected_wait_seconds.",
	}, []string{"namespace", "pool", "figure"})
)

func init() {
	metrics.Registry.MustRegister(tenants, workersWanted, poolFigures)
}
