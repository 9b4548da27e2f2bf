package controllers

import (
	"context"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// classFor makes a class of a test's own.
func classFor(t *testing.T, change func(*v1alpha1.TenantClass)) string {
	t.Helper()
	c := &v1alpha1.TenantClass{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "class-"},
		Spec: v1alpha1.TenantClassSpec{
			Runtime:  v1alpha1.RuntimeImage{Image: "loket.dev/bot-runtime:test"},
			Exposure: v1alpha1.Exposure{NodePort: &v1alpha1.NodePortExposure{Address: "10.199.0.2"}},
			Storage: v1alpha1.StorageOffer{
				Embedded: &v1alpha1.EmbeddedOffer{Size: resource.MustParse("5Gi")}, Postgres: &v1alpha1.PostgresOffer{},
			},
			Pods:   v1alpha1.PodOffer{Taints: []v1alpha1.OfferedLabel{{Key: "dedicated"}}},
			Egress: v1alpha1.Egress{Allow: []v1alpha1.EgressRule{{CIDR: "10.20.0.0/16", Ports: []v1alpha1.Port{5432}}}},
		},
	}
	if change != nil {
		change(c)
	}
	create(t, c)
	t.Cleanup(func() { _ = api.Delete(context.Background(), c) })
	return c.Name
}

func tenant(namespace, name, class string) *v1alpha1.BotTenant {
	return &v1alpha1.BotTenant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.BotTenantSpec{
			ClassName:   v1alpha1.ObjectName(class),
			DisplayName: v1alpha1.Text{"id": "Dinas Contoh", "en": "Example Agency"},
			Languages:   []v1alpha1.Language{"id", "en"},
			Storage:     v1alpha1.TenantStorage{Postgres: &v1alpha1.PostgresStorage{SecretName: "db-app"}},
		},
	}
}

func flow(namespace, name, start string) *v1alpha1.DialogFlow {
	return &v1alpha1.DialogFlow{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.DialogFlowSpec{
			Start: v1alpha1.Name(start),
			Nodes: []v1alpha1.Node{
				{Name: "welcome", Say: &v1alpha1.Say{Text: v1alpha1.Text{"id": "Selamat datang", "en": "Welcome"}}, Next: "broken"},
				{Name: "broken", End: &v1alpha1.End{}},
			},
		},
	}
}

func whatsapp(namespace, name, flow string) *v1alpha1.Channel {
	return &v1alpha1.Channel{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.ChannelSpec{Flow: v1alpha1.ObjectName(flow), WhatsApp: &v1alpha1.WhatsAppChannel{
			PhoneNumberID: "1234567890", BusinessAccountID: "9876543210", SecretName: "wa",
		}},
	}
}

func directory(namespace, name, configMap string) *v1alpha1.Directory {
	return &v1alpha1.Directory{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.DirectorySpec{Source: v1alpha1.DirectorySource{
			ConfigMap: &v1alpha1.ConfigMapKey{Name: configMap, Key: "rows.csv"},
		}},
	}
}

func pool(namespace, name string) *v1alpha1.AgentPool {
	return &v1alpha1.AgentPool{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.AgentPoolSpec{
			Agents:  v1alpha1.Agents{SecretName: "agents"},
			Workers: v1alpha1.Workers{Min: 1, Max: 10, ConversationsPerWorker: 60, ScaleDownAfter: metav1.Duration{Duration: time.Minute}},
		},
	}
}

// podsReady does the work of the cluster's Deployment controller, which the test's API server has not.
func podsReady(t *testing.T, namespace, name string) {
	t.Helper()
	d := &appsv1.Deployment{}
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, d); err != nil {
			return err
		}
		n := *d.Spec.Replicas
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: n, ReadyReplicas: n, UpdatedReplicas: n, AvailableReplicas: n,
		}
		return api.Status().Update(t.Context(), d)
	})
}

// says waits for a condition of an object.
func says(t *testing.T, o client.Object, kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
	t.Helper()
	var found metav1.Condition
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			return err
		}
		c := meta.FindStatusCondition(conditionsOf(o), kind)
		if c == nil {
			return fmt.Errorf("%T %s has no condition %s: %v", o, o.GetName(), kind, conditionsOf(o))
		}
		if c.Status != status || c.Reason != reason || c.ObservedGeneration != o.GetGeneration() {
			return fmt.Errorf("%T %s: %s is %s/%s (%s) of generation %d, not %s/%s of %d", o, o.GetName(), kind,
				c.Status, c.Reason, c.Message, c.ObservedGeneration, status, reason, o.GetGeneration())
		}
		found = *c
		return nil
	})
	return found
}

func conditionsOf(o client.Object) []metav1.Condition {
	switch o := o.(type) {
	case *v1alpha1.TenantClass:
		return o.Status.Conditions
	case *v1alpha1.BotTenant:
		return o.Status.Conditions
	case *v1alpha1.Channel:
		return o.Status.Conditions
	case *v1alpha1.DialogFlow:
		return o.Status.Conditions
	case *v1alpha1.Directory:
		return o.Status.Conditions
	case *v1alpha1.Knowledge:
		return o.Status.Conditions
	case *v1alpha1.AgentPool:
		return o.Status.Conditions
	}
	return nil
}

// replicas waits until a Deployment asks for so many.
func replicas(t *testing.T, namespace, name string, want int32) {
	t.Helper()
	eventually(t, func() error {
		d := &appsv1.Deployment{}
		if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, d); err != nil {
			return err
		}
		if *d.Spec.Replicas != want {
			return fmt.Errorf("Deployment %s asks for %d replicas, not %d", name, *d.Spec.Replicas, want)
		}
		return nil
	})
}
