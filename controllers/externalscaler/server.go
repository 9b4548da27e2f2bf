// Package externalscaler answers KEDA how many workers an AgentPool wants, in the protocol of KEDA's external scalers.
//
// It decides nothing: the leading operator writes what demand calls for into a pool's status.workersWanted (mode external), and every
// replica of the operator reads it from its cache, so that it does not matter which one KEDA has reached, nor whether the leader is
// another than a moment ago. What is not known is answered with an error: KEDA and its HorizontalPodAutoscaler leave the number as it
// is then.
//
// Whoever reaches the port is believed to be KEDA, which names the ScaledObject's namespace: a pool is looked for there and nowhere
// else. A NetworkPolicy keeps others away, and certificates where TLSDir is set.
package externalscaler

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/externalscaler/wire"
)

// Options of New.
type Options struct {
	// Listener is where KEDA calls; Start closes it.
	Listener net.Listener
	// TLSDir is a folder with tls.crt, tls.key and ca.crt: only who brings a certificate of that CA is answered. Empty is without TLS.
	TLSDir string
	// Pools are read and watched here.
	Pools cache.Cache
	// Lease is the leader's, which Live reads; without a name there is one operator, and it leads.
	Lease types.NamespacedName
	Live  client.Reader
}

// Server is a Runnable of a manager.
type Server struct {
	wire.UnimplementedExternalScalerServer
	options   Options
	streams   streams
	heartbeat heartbeat
	ending    chan struct{} // closed when streams shall end
}

// New makes a Server, or says what of the certificates cannot be used.
func New(o Options) (*Server, error) {
	if o.TLSDir != "" {
		if _, err := mutual(o.TLSDir); err != nil {
			return nil, err
		}
	}
	return &Server{options: o, ending: make(chan struct{})}, nil
}

// NeedLeaderElection says that every replica answers.
func (s *Server) NeedLeaderElection() bool { return false }

const (
	// stopWithin is how long calls that are under way may take when the operator ends.
	stopWithin = 5 * time.Second
	// mostBytes of a question: a reference with its metadata.
	mostBytes = 64 << 10
	// deadAfter is how long a connection may say nothing before it is asked, and again until it counts as gone.
	deadAfter = 30 * time.Second
)

// Start answers until the context ends.
func (s *Server) Start(ctx context.Context) error {
	defer func() { _ = s.options.Listener.Close() }() // also when nothing was served
	pools, err := s.options.Pools.GetInformer(ctx, &v1alpha1.AgentPool{})
	if err != nil {
		return fmt.Errorf("watching AgentPools for KEDA: %w", err)
	}
	watch, err := pools.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: s.changed, UpdateFunc: func(_, o any) { s.changed(o) }, DeleteFunc: s.changed,
	})
	if err != nil {
		return fmt.Errorf("watching AgentPools for KEDA: %w", err)
	}
	defer func() { _ = pools.RemoveEventHandler(watch) }()

	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(mostBytes),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: deadAfter, Timeout: deadAfter}),
	}
	if s.options.TLSDir != "" {
		options = append(options, grpc.Creds(credentials.NewTLS(freshly(s.options.TLSDir))))
	}
	server := grpc.NewServer(options...)
	wire.RegisterExternalScalerServer(server, s)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.listenToLeader(ctx)
		close(s.ending)
		late := time.AfterFunc(stopWithin, server.Stop)
		defer late.Stop()
		server.GracefulStop()
	}()
	if err := server.Serve(s.options.Listener); err != nil && ctx.Err() == nil {
		return fmt.Errorf("answering KEDA at %s: %w", s.options.Listener.Addr(), err)
	}
	<-ended
	return nil
}

// changed wakes the streams of a pool.
func (s *Server) changed(o any) {
	if gone, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
		o = gone.Obj
	}
	if pool, ok := o.(client.Object); ok {
		s.streams.tell(client.ObjectKeyFromObject(pool))
	}
}
