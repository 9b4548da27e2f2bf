package controllers

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// TenantClassReconciler counts the tenants of a class.
type TenantClassReconciler struct{ shared }

// Reconcile writes how many accepted tenants use the class.
func (r *TenantClassReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	before := &v1alpha1.TenantClass{}
	if err := r.client.Get(ctx, req.NamespacedName, before); err != nil {
		if client.IgnoreNotFound(err) == nil {
			tenants.DeleteLabelValues(req.Name)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	var list v1alpha1.BotTenantList
	if err := r.client.List(ctx, &list); err != nil {
		return ctrl.Result{}, fmt.Errorf("listing BotTenants: %w", err)
	}
	after := before.DeepCopy()
	after.Status.ObservedGeneration = before.Generation
	after.Status.Tenants = 0
	for i := range list.Items {
		if t := &list.Items[i]; t.Status.ClassName == before.Name && accepted(t) {
			after.Status.Tenants++
		}
	}
	tenants.WithLabelValues(before.Name).Set(float64(after.Status.Tenants))
	return r.write(ctx, before, after, equality.Semantic.DeepEqual(before.Status, after.Status), nil, nil, 0)
}
