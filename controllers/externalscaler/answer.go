package externalscaler

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/externalscaler/wire"
)

const (
	// keyPool of a trigger's metadata names the AgentPool.
	keyPool = "pool"
	// metricWorkers is the one metric: the workers that a pool wants, of which each replica is one.
	metricWorkers = "workers"
)

// IsActive says whether a pool wants any worker.
func (s *Server) IsActive(ctx context.Context, ref *wire.ScaledObjectRef) (*wire.IsActiveResponse, error) {
	wanted, err := s.wanted(ctx, ref)
	if err != nil {
		return nil, err
	}
	return &wire.IsActiveResponse{Result: wanted > 0}, nil
}

// StreamIsActive says the same at once and with each change. While it is not known, nothing is said, and what was said stays true.
func (s *Server) StreamIsActive(ref *wire.ScaledObjectRef, stream grpc.ServerStreamingServer[wire.IsActiveResponse]) error {
	name, err := poolOf(ref)
	if err != nil {
		return err
	}
	news, leave := s.streams.join(name)
	defer leave()
	var said *bool
	for {
		if wanted, err := s.wanted(stream.Context(), ref); err == nil {
			if active := wanted > 0; said == nil || *said != active {
				if err := stream.Send(&wire.IsActiveResponse{Result: active}); err != nil {
					return err
				}
				said = &active
			}
		}
		select {
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		case <-s.ending: // a good end: after an error KEDA would wait longer each time before it asks the next operator
			return nil
		case <-news:
		}
	}
}

// GetMetricSpec names the metric and its target. A trigger that can never be answered is told so here, when KEDA first looks at it.
func (s *Server) GetMetricSpec(ctx context.Context, ref *wire.ScaledObjectRef) (*wire.GetMetricSpecResponse, error) {
	if _, err := s.pool(ctx, ref); err != nil {
		return nil, err
	}
	return &wire.GetMetricSpecResponse{MetricSpecs: []*wire.MetricSpec{
		{MetricName: metricWorkers, TargetSize: 1, TargetSizeFloat: 1},
	}}, nil
}

// GetMetrics is how many workers a pool wants.
func (s *Server) GetMetrics(ctx context.Context, q *wire.GetMetricsRequest) (*wire.GetMetricsResponse, error) {
	if name := q.GetMetricName(); name != metricWorkers {
		return nil, status.Errorf(codes.InvalidArgument, "metric %q: the one metric is %q", name, metricWorkers)
	}
	wanted, err := s.wanted(ctx, q.GetScaledObjectRef())
	if err != nil {
		return nil, err
	}
	return &wire.GetMetricsResponse{MetricValues: []*wire.MetricValue{
		{MetricName: metricWorkers, MetricValue: int64(wanted), MetricValueFloat: float64(wanted)},
	}}, nil
}

// wanted is how many workers a pool wants as of now, or why nobody can say.
func (s *Server) wanted(ctx context.Context, ref *wire.ScaledObjectRef) (int32, error) {
	pool, err := s.pool(ctx, ref)
	switch {
	case err != nil:
		return 0, err
	case !s.leads():
		return 0, status.Error(codes.Unavailable, "no operator has renewed its lease lately, so that nobody looks at the pool; its workers stay as they are")
	case pool.Status.WorkersWanted == nil:
		return 0, status.Errorf(codes.Unavailable, "AgentPool %s in namespace %s: the operator has not said yet how many workers it wants; "+
			"its status says why", pool.Name, pool.Namespace)
	}
	return *pool.Status.WorkersWanted, nil
}

// pool is the one that a trigger is about, when somebody else than Loket decides its workers.
func (s *Server) pool(ctx context.Context, ref *wire.ScaledObjectRef) (*v1alpha1.AgentPool, error) {
	name, err := poolOf(ref)
	if err != nil {
		return nil, err
	}
	pool := &v1alpha1.AgentPool{}
	switch err := s.options.Pools.Get(ctx, name, pool); {
	case apierrors.IsNotFound(err):
		return nil, status.Errorf(codes.NotFound, "%s: no AgentPool %q in namespace %s", keyPool, name.Name, name.Namespace)
	case err != nil:
		return nil, status.Errorf(codes.Unavailable, "reading AgentPool %s of namespace %s: %v", name.Name, name.Namespace, err)
	case pool.Spec.Workers.Mode != v1alpha1.WorkersExternal:
		return nil, status.Errorf(codes.FailedPrecondition, "AgentPool %s in namespace %s decides its workers itself, since spec.workers.mode is %s; "+
			"set it to external, or delete ScaledObject %s", name.Name, name.Namespace, v1alpha1.WorkersAuto, ref.GetName())
	}
	return pool, nil
}

// poolOf is where a trigger's pool is: its name from the metadata, its namespace the ScaledObject's.
func poolOf(ref *wire.ScaledObjectRef) (types.NamespacedName, error) {
	name := types.NamespacedName{Namespace: ref.GetNamespace(), Name: ref.GetScalerMetadata()[keyPool]}
	switch {
	case name.Namespace == "":
		return name, status.Error(codes.InvalidArgument, "scaledObjectRef.namespace is empty; KEDA sets it to the ScaledObject's")
	case name.Name == "":
		return name, status.Errorf(codes.InvalidArgument, "trigger metadata: %s is missing; set it to the name of an AgentPool of namespace %s",
			keyPool, name.Namespace)
	}
	return name, nil
}
