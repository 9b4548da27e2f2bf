package controllers

import (
	"context"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/controllers/link"
	"github.com/loket-dev/loket/controllers/render"
)

// classChanged lets through what others see of a class: its spec, and whether it is the default.
var classChanged = builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))

// specChanged keeps reconcilers from waking on statuses, their own above all.
var specChanged = builder.WithPredicates(predicate.GenerationChangedPredicate{})

func addTenant(mgr ctrl.Manager, s shared, keys <-chan event.GenericEvent) error {
	inNamespace := handler.EnqueueRequestsFromMapFunc(s.tenantsIn)
	b := ctrl.NewControllerManagedBy(mgr).Named("bottenant").
		For(&v1alpha1.BotTenant{}, specChanged).
		// A tenant that was second becomes first when the older one goes.
		Watches(&v1alpha1.BotTenant{}, inNamespace, specChanged).
		Watches(&v1alpha1.TenantClass{}, handler.EnqueueRequestsFromMapFunc(s.tenantsOfClass), classChanged).
		Watches(&autoscalingv2.HorizontalPodAutoscaler{}, inNamespace, builder.WithPredicates(targetChanged)).
		WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(s.tenantsInside),
			builder.WithPredicates(predicate.LabelChangedPredicate{})).
		WatchesMetadata(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(s.tenantsThatRead)).
		WatchesRawSource(source.Channel(s.links.Events(link.KindTenant), &handler.EnqueueRequestForObject{})).
		WatchesRawSource(source.Channel(keys, handler.EnqueueRequestsFromMapFunc(s.allTenants))).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4})
	for _, o := range []client.Object{
		&v1alpha1.Channel{}, &v1alpha1.DialogFlow{}, &v1alpha1.Directory{}, &v1alpha1.Knowledge{}, &v1alpha1.AgentPool{},
	} {
		b.Watches(o, inNamespace, specChanged)
	}
	for _, o := range []client.Object{
		&appsv1.Deployment{}, &appsv1.StatefulSet{}, &corev1.Service{}, &corev1.ConfigMap{},
		&networkingv1.NetworkPolicy{}, &policyv1.PodDisruptionBudget{},
	} {
		b.Owns(o, builder.OnlyMetadata)
	}
	return b.Complete(&TenantReconciler{shared: s, rows: &rowReader{
		cache: s.client, live: mgr.GetAPIReader(), known: map[types.NamespacedName]rows{},
	}, bots: map[types.NamespacedName]botMemory{}})
}

func addTenantClass(mgr ctrl.Manager, s shared) error {
	return ctrl.NewControllerManagedBy(mgr).Named("tenantclass").
		For(&v1alpha1.TenantClass{}, classChanged).
		Watches(&v1alpha1.TenantClass{}, handler.EnqueueRequestsFromMapFunc(s.allClasses), classChanged).
		Watches(&v1alpha1.BotTenant{}, handler.EnqueueRequestsFromMapFunc(s.classes)).
		Complete(&TenantClassReconciler{s})
}

func addChannel(mgr ctrl.Manager, s shared) error {
	return s.object(mgr, bundle.KindChannel, &v1alpha1.Channel{}, &v1alpha1.ChannelList{}).
		Watches(&v1alpha1.DialogFlow{}, handler.EnqueueRequestsFromMapFunc(s.inNamespace(&v1alpha1.ChannelList{})),
			builder.WithPredicates(existence)). // a flow that comes or goes makes channels ready or not
		Complete(&ChannelReconciler{s})
}

func addDialogFlow(mgr ctrl.Manager, s shared) error {
	return s.object(mgr, bundle.KindDialogFlow, &v1alpha1.DialogFlow{}, &v1alpha1.DialogFlowList{}).
		Complete(&DialogFlowReconciler{s})
}

func addDirectory(mgr ctrl.Manager, s shared) error {
	return s.object(mgr, bundle.KindDirectory, &v1alpha1.Directory{}, &v1alpha1.DirectoryList{}).
		Complete(&DirectoryReconciler{s})
}

func addKnowledge(mgr ctrl.Manager, s shared) error {
	return s.object(mgr, bundle.KindKnowledge, &v1alpha1.Knowledge{}, &v1alpha1.KnowledgeList{}).
		Complete(&KnowledgeReconciler{s})
}

func addAgentPool(mgr ctrl.Manager, s shared) error {
	workload := handler.EnqueueRequestsFromMapFunc(s.poolsOf)
	return s.object(mgr, bundle.KindAgentPool, &v1alpha1.AgentPool{}, &v1alpha1.AgentPoolList{}).
		WatchesMetadata(&appsv1.Deployment{}, workload).
		WatchesMetadata(&appsv1.StatefulSet{}, workload).
		WatchesMetadata(&corev1.Service{}, workload).
		Watches(&v1alpha1.TenantClass{}, handler.EnqueueRequestsFromMapFunc(s.poolsOfClass), specChanged).
		Watches(&autoscalingv2.HorizontalPodAutoscaler{}, handler.EnqueueRequestsFromMapFunc(s.inNamespace(&v1alpha1.AgentPoolList{})),
			builder.WithPredicates(targetChanged)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(&AgentPoolReconciler{shared: s, pools: map[types.NamespacedName]poolMemory{}})
}

// object watches what every kind of a bundle's objects depends on: itself, its tenant, and the runtime's word.
func (s shared) object(mgr ctrl.Manager, kind bundle.Kind, o client.Object, list client.ObjectList) *builder.Builder {
	return ctrl.NewControllerManagedBy(mgr).Named(strings.ToLower(string(kind))).
		For(o, specChanged).
		Watches(&v1alpha1.BotTenant{}, handler.EnqueueRequestsFromMapFunc(s.inNamespace(list)), builder.WithPredicates(tenantChanged)).
		WatchesRawSource(source.Channel(s.links.Events(kind), &handler.EnqueueRequestForObject{}))
}

// targetChanged lets through what a pool or a tenant sees of an autoscaler: that it is there, and what it scales. Its status moves all day.
var targetChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		a, okA := e.ObjectOld.(*autoscalingv2.HorizontalPodAutoscaler)
		b, okB := e.ObjectNew.(*autoscalingv2.HorizontalPodAutoscaler)
		return !okA || !okB || a.Spec.ScaleTargetRef != b.Spec.ScaleTargetRef
	},
	GenericFunc: func(event.GenericEvent) bool { return false },
}

// existence lets only creation and deletion through.
var existence = predicate.Funcs{
	UpdateFunc:  func(event.UpdateEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

// tenantChanged lets through what a namespace's objects see of their tenant: its spec, whether it is accepted, its URL.
var tenantChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		a, okA := e.ObjectOld.(*v1alpha1.BotTenant)
		b, okB := e.ObjectNew.(*v1alpha1.BotTenant)
		if !okA || !okB {
			return true
		}
		x := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionAccepted)
		y := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionAccepted)
		return a.Generation != b.Generation || a.Status.URL != b.Status.URL || a.Status.ClassName != b.Status.ClassName ||
			(x == nil) != (y == nil) || x != nil && (x.Status != y.Status || x.Message != y.Message) ||
			!a.DeletionTimestamp.Equal(b.DeletionTimestamp)
	},
}

// inNamespace lists the objects of a kind beside another object.
func (s shared) inNamespace(list client.ObjectList) handler.MapFunc {
	return func(ctx context.Context, o client.Object) []ctrl.Request {
		return s.requests(ctx, list, client.InNamespace(o.GetNamespace()))
	}
}

func (s shared) tenantsIn(ctx context.Context, o client.Object) []ctrl.Request {
	return s.requests(ctx, &v1alpha1.BotTenantList{}, client.InNamespace(o.GetNamespace()))
}

func (s shared) tenantsInside(ctx context.Context, namespace client.Object) []ctrl.Request {
	return s.requests(ctx, &v1alpha1.BotTenantList{}, client.InNamespace(namespace.GetName()))
}

func (s shared) allTenants(ctx context.Context, _ client.Object) []ctrl.Request {
	return s.requests(ctx, &v1alpha1.BotTenantList{})
}

// allClasses: which default is in force is told at each of them.
func (s shared) allClasses(ctx context.Context, _ client.Object) []ctrl.Request {
	return s.requests(ctx, &v1alpha1.TenantClassList{})
}

// requests lists objects; what cannot be listed is logged by the cache and comes again with its next change.
func (s shared) requests(ctx context.Context, list client.ObjectList, opts ...client.ListOption) []ctrl.Request {
	list = list.DeepCopyObject().(client.ObjectList)
	if s.client.List(ctx, list, opts...) != nil {
		return nil
	}
	var out []ctrl.Request
	items, err := meta.ExtractList(list)
	if err != nil {
		return nil
	}
	for _, o := range items {
		if o, ok := o.(client.Object); ok {
			out = append(out, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(o)})
		}
	}
	return out
}

// tenantsOfClass are those that use a class, and those that would if it were the default.
func (s shared) tenantsOfClass(ctx context.Context, class client.Object) []ctrl.Request {
	var list v1alpha1.BotTenantList
	if s.client.List(ctx, &list) != nil {
		return nil
	}
	var out []ctrl.Request
	for i := range list.Items {
		t := &list.Items[i]
		if t.Spec.ClassName == "" || string(t.Spec.ClassName) == class.GetName() || t.Status.ClassName == class.GetName() {
			out = append(out, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(t)})
		}
	}
	return out
}

// tenantsThatRead are the tenants of a namespace in which a Directory names the ConfigMap.
func (s shared) tenantsThatRead(ctx context.Context, configMap client.Object) []ctrl.Request {
	var list v1alpha1.DirectoryList
	if s.client.List(ctx, &list, client.InNamespace(configMap.GetNamespace())) != nil {
		return nil
	}
	for i := range list.Items {
		if c := list.Items[i].Spec.Source.ConfigMap; c != nil && c.Name == configMap.GetName() {
			return s.tenantsIn(ctx, configMap)
		}
	}
	return nil
}

// classes is a tenant's class; when it leaves one for another, both are counted since updates are told old and new.
func (s shared) classes(_ context.Context, o client.Object) []ctrl.Request {
	t, ok := o.(*v1alpha1.BotTenant)
	if !ok || t.Status.ClassName == "" {
		return nil
	}
	return []ctrl.Request{{NamespacedName: types.NamespacedName{Name: t.Status.ClassName}}}
}

// poolsOf are the pools that a workload or Service serves: one desk's, or all of the namespace for the bot's.
func (s shared) poolsOf(ctx context.Context, o client.Object) []ctrl.Request {
	if o.GetName() == render.BotName {
		return s.requests(ctx, &v1alpha1.AgentPoolList{}, client.InNamespace(o.GetNamespace()))
	}
	pool, ok := strings.CutPrefix(o.GetName(), render.DeskName(""))
	if !ok {
		return nil
	}
	return []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: pool}}}
}

// poolsOfClass are the pools of all tenants of a class: its ceilings bound them.
func (s shared) poolsOfClass(ctx context.Context, class client.Object) []ctrl.Request {
	var list v1alpha1.BotTenantList
	if s.client.List(ctx, &list) != nil {
		return nil
	}
	var out []ctrl.Request
	for i := range list.Items {
		if t := &list.Items[i]; t.Status.ClassName == class.GetName() {
			out = append(out, s.requests(ctx, &v1alpha1.AgentPoolList{}, client.InNamespace(t.Namespace))...)
		}
	}
	return out
}

// everything stands for all objects in an event that concerns them all.
func everything() client.Object { return &metav1.PartialObjectMetadata{} }
