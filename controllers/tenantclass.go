package controllers

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// TenantClassReconciler says whether a class can be used, and counts its tenants.
type TenantClassReconciler struct{ shared }

// Reconcile writes what a class is worth, and how many accepted tenants use it.
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
	var classes v1alpha1.TenantClassList
	if err := r.client.List(ctx, &classes); err != nil {
		return ctrl.Result{}, fmt.Errorf("listing TenantClasses: %w", err)
	}
	after := before.DeepCopy()
	after.Status.ObservedGeneration = before.Generation
	after.Status.Tenants = 0
	for i := range list.Items {
		if t := &list.Items[i]; t.Status.ClassName == before.Name && accepted(t) {
			after.Status.Tenants++
		}
	}
	set(&after.Status.Conditions, before.Generation, metav1.NewTime(r.now()), classReady(before, defaultClass(classes.Items)))
	tenants.WithLabelValues(before.Name).Set(float64(after.Status.Tenants))
	return r.write(ctx, before, after, equality.Semantic.DeepEqual(before.Status, after.Status),
		before.Status.Conditions, after.Status.Conditions, 0)
}

// classReady says whether tenants can use a class; inForce is the default class, nil where there is none.
func classReady(class, inForce *v1alpha1.TenantClass) metav1.Condition {
	selector, err := admits(class)
	if err != nil {
		return no(v1alpha1.ConditionReady, v1alpha1.ReasonBadSelector, fmt.Sprintf("nobody can use it: spec.allowedNamespaces.selector: %v", err))
	}
	whom := "every namespace of a tenant may use it"
	if !selector.Empty() {
		whom = fmt.Sprintf("namespaces labelled %s may use it", cut(selector.String(), 500))
	}
	switch {
	case class.Annotations[v1alpha1.DefaultClassAnnotation] != "true":
		return yes(v1alpha1.ConditionReady, v1alpha1.ReasonOffered, whom+" by name")
	case inForce != nil && inForce.Name != class.Name:
		return yes(v1alpha1.ConditionReady, v1alpha1.ReasonAnotherDefault, fmt.Sprintf(
			"%s by name; TenantClass %s is a default too, and the one in force; take annotation %s from one of them", whom, inForce.Name, v1alpha1.DefaultClassAnnotation))
	default:
		return yes(v1alpha1.ConditionReady, v1alpha1.ReasonOffered, whom+"; it is the default for new tenants")
	}
}
