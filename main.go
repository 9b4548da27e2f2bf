// Command loket is the operator: it brings tenants' workloads to what their custom resources say.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"
	_ "time/tzdata" // the image holds no time zones, and pools' hours and forecasts are told in their tenants'

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/loket-dev/loket/controllers"
	"github.com/loket-dev/loket/controllers/externalscaler"
	"github.com/loket-dev/loket/controllers/signing"
)

func main() {
	if err := run(ctrl.SetupSignalHandler(), os.Args[1:]); err != nil {
		slog.Error("the operator stops", "error", err)
		os.Exit(1)
	}
}

// settings are what the command line and the pod say.
type settings struct {
	leaderElect bool
	metrics     string
	probes      string
	signingDir  string
	keda        string
	kedaTLS     string
	namespace   string
}

func parse(args []string) (settings, error) {
	s := settings{namespace: os.Getenv("POD_NAMESPACE")}
	f := flag.NewFlagSet("loket", flag.ContinueOnError)
	f.BoolVar(&s.leaderElect, "leader-elect", false, "run beside other replicas: only the leader acts")
	f.StringVar(&s.metrics, "metrics-bind-address", ":8080", "where /metrics is served; 0 serves none")
	f.StringVar(&s.probes, "health-probe-bind-address", ":8081", "where /healthz and /readyz are served; 0 serves none")
	f.StringVar(&s.signingDir, "signing-dir", "/etc/loket/signing", "folder of the signing keys: <kid>.key (PEM, PKCS8, Ed25519), and current, which names the one to sign with")
	f.StringVar(&s.keda, "keda-bind-address", "0", "where KEDA's external scaler is served (gRPC); 0 serves none")
	f.StringVar(&s.kedaTLS, "keda-tls-dir", "", "folder with tls.crt, tls.key and ca.crt: KEDA must bring a certificate of that CA; without TLS when empty")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if s.kedaTLS != "" && s.keda == "0" {
		return s, fmt.Errorf("--keda-tls-dir is set, but nothing is served: set --keda-bind-address as well")
	}
	if s.namespace == "" {
		return s, fmt.Errorf("POD_NAMESPACE is not set; set it from metadata.namespace, since NetworkPolicies name it")
	}
	return s, nil
}

func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	logger := logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	keys, err := signing.Open(s.signingDir)
	if err != nil {
		return err
	}
	cluster, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("looking for the cluster: %w", err)
	}
	mgr, err := newManager(cluster, s, logger)
	if err != nil {
		return err
	}
	if err := controllers.Setup(mgr, controllers.Options{Namespace: s.namespace, Keys: keys}); err != nil {
		return err
	}
	if err := serveKEDA(mgr, s); err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("adding the health check: %w", err)
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("adding the readiness check: %w", err)
	}
	return mgr.Start(ctx)
}

// serveKEDA answers KEDA on every replica.
func serveKEDA(mgr ctrl.Manager, s settings) error {
	if s.keda == "0" {
		return nil
	}
	listener, err := net.Listen("tcp", s.keda)
	if err != nil {
		return fmt.Errorf("listening for KEDA (--keda-bind-address): %w", err)
	}
	o := externalscaler.Options{Listener: listener, TLSDir: s.kedaTLS, Pools: mgr.GetCache(), Live: mgr.GetAPIReader()}
	if s.leaderElect {
		o.Lease = types.NamespacedName{Namespace: s.namespace, Name: leaseName}
	}
	server, err := externalscaler.New(o)
	if err != nil {
		return err
	}
	if err := mgr.Add(server); err != nil {
		return fmt.Errorf("adding KEDA's external scaler: %w", err)
	}
	return nil
}

// leaseName is of the leader's lease.
const leaseName = "loket-operator"

func newManager(cluster *rest.Config, s settings, logger logr.Logger) (ctrl.Manager, error) {
	options, err := controllers.ManagerOptions()
	if err != nil {
		return nil, err
	}
	grace := 20 * time.Second
	options.Logger = logger
	options.Metrics = metricsserver.Options{BindAddress: s.metrics}
	options.HealthProbeBindAddress = s.probes
	options.LeaderElection = s.leaderElect
	options.LeaderElectionID = leaseName
	options.LeaderElectionNamespace = s.namespace
	options.LeaderElectionReleaseOnCancel = true // main returns as soon as the manager does
	options.GracefulShutdownTimeout = &grace
	cluster.QPS, cluster.Burst = 50, 100 // a tenant's first objects are a dozen writes
	mgr, err := ctrl.NewManager(cluster, options)
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	return mgr, nil
}
