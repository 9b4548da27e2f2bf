package controllers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// classAt is a class that was made at a second of a minute.
func classAt(name string, second int, isDefault bool) v1alpha1.TenantClass {
	c := v1alpha1.TenantClass{ObjectMeta: metav1.ObjectMeta{
		Name: name, CreationTimestamp: metav1.NewTime(time.Date(2026, 11, 24, 12, 0, second, 0, time.UTC)),
	}}
	if isDefault {
		c.Annotations = map[string]string{v1alpha1.DefaultClassAnnotation: "true"}
	}
	return c
}

func TestWhichClassATenantUses(t *testing.T) {
	old, young, twin := classAt("old", 1, true), classAt("young", 2, true), classAt("twin", 2, true)
	plain := classAt("plain", 3, false)
	all := []v1alpha1.TenantClass{old, young, twin, plain}
	accepted := []metav1.Condition{yes(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "")}
	refused := []metav1.Condition{no(v1alpha1.ConditionAccepted, v1alpha1.ReasonNoClass, "")}
	for name, c := range map[string]struct {
		wish   v1alpha1.ObjectName
		status v1alpha1.BotTenantStatus
		want   string
	}{
		"the newest default, of two made in one second the first by name": {want: "twin"},
		"the named one, default or not":                                   {wish: "plain", want: "plain"},
		"none when the named one is not there":                            {wish: "golden"},
		"the one it has, whatever is the default since":                   {status: v1alpha1.BotTenantStatus{ClassName: "plain", Conditions: accepted}, want: "plain"},
		"the default when the one it had is gone":                         {status: v1alpha1.BotTenantStatus{ClassName: "golden", Conditions: accepted}, want: "twin"},
		"the one it had, also after a while in which it was refused":      {status: v1alpha1.BotTenantStatus{ClassName: "plain", Conditions: refused}, want: "plain"},
		"the named one, whatever it had":                                  {wish: "old", status: v1alpha1.BotTenantStatus{ClassName: "plain", Conditions: accepted}, want: "old"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 { // the cache lists in no order
				classes := slices.Clone(all)
				rand.Shuffle(len(classes), func(i, j int) { classes[i], classes[j] = classes[j], classes[i] })
				a := application{tenant: &v1alpha1.BotTenant{Spec: v1alpha1.BotTenantSpec{ClassName: c.wish}, Status: c.status}, classes: classes}
				got := ""
				if class := a.class(); class != nil {
					got = class.Name
				}
				if got != c.want {
					t.Fatalf("it uses %q, not %q", got, c.want)
				}
			}
		})
	}
}

// Tenants may not list TenantClasses: the message must say what there is.
func TestATenantWithoutAClassIsToldWhichThereAre(t *testing.T) {
	says := func(wish v1alpha1.ObjectName, classes ...v1alpha1.TenantClass) string {
		return hasAClass(application{tenant: &v1alpha1.BotTenant{Spec: v1alpha1.BotTenantSpec{ClassName: wish}}, classes: classes}).message
	}
	if got, want := says("golden", classAt("b", 1, false), classAt("a", 2, false)), "TenantClass golden is not there; spec.className may be a, b"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if got, want := says("golden"), "TenantClass golden is not there; no class is offered to this namespace yet"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if got := says("", classAt("a", 2, false)); !strings.Contains(got, "spec.className may be a") {
		t.Errorf("%q names no class", got)
	}
	var many []v1alpha1.TenantClass
	for i := range 300 {
		many = append(many, classAt(fmt.Sprintf("class-%03d", i), 1, false))
	}
	if got := says("golden", many...); len(got) > 300 || !strings.HasSuffix(got, "and 290 more") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

func TestWhatATenantMayAskOfTheNodes(t *testing.T) {
	gold := v1alpha1.LabelValue("gold")
	offer := v1alpha1.PodOffer{
		PriorityClassNames: []v1alpha1.PriorityClassName{"citizens"},
		Taints:             []v1alpha1.OfferedLabel{{Key: "dedicated", Value: &gold}, {Key: "spot"}},
		NodeLabels:         []v1alpha1.OfferedLabel{{Key: "tier", Value: &gold}, {Key: "disk"}},
	}
	tolerates := func(key string, operator corev1.TolerationOperator, value string) v1alpha1.PodOverrides {
		return v1alpha1.PodOverrides{Tolerations: []corev1.Toleration{{Key: key, Operator: operator, Value: value}}}
	}
	selects := func(key string, value v1alpha1.LabelValue) v1alpha1.PodOverrides {
		return v1alpha1.PodOverrides{NodeSelector: map[string]v1alpha1.LabelValue{key: value}}
	}
	for name, c := range map[string]struct {
		wish  v1alpha1.PodOverrides
		offer v1alpha1.PodOffer
		not   string
	}{
		"nothing, of nothing":                  {},
		"a priority of nothing":                {v1alpha1.PodOverrides{PriorityClassName: "citizens"}, v1alpha1.PodOffer{}, "pods.priorityClassName citizens"},
		"a priority on offer":                  {v1alpha1.PodOverrides{PriorityClassName: "citizens"}, offer, ""},
		"another priority":                     {v1alpha1.PodOverrides{PriorityClassName: "platform"}, offer, "pods.priorityClassName platform"},
		"a taint on offer":                     {tolerates("dedicated", "", "gold"), offer, ""},
		"another value of a taint on offer":    {tolerates("dedicated", corev1.TolerationOpEqual, "iron"), offer, "pods.tolerations of dedicated"},
		"every value, where one is on offer":   {tolerates("dedicated", corev1.TolerationOpExists, ""), offer, "pods.tolerations of dedicated"},
		"every value, where every is on offer": {tolerates("spot", corev1.TolerationOpExists, ""), offer, ""},
		"every taint of the cluster":           {tolerates("", corev1.TolerationOpExists, ""), offer, "pods.tolerations of every taint"},
		"nodes on offer":                       {selects("tier", "gold"), offer, ""},
		"nodes of any value":                   {selects("disk", "ssd"), offer, ""},
		"nodes of somebody else":               {selects("tier", "iron"), offer, "pods.nodeSelector tier=iron"},
		"the control plane's nodes":            {selects("node-role.kubernetes.io/control-plane", ""), offer, "pods.nodeSelector node-role"},
	} {
		t.Run(name, func(t *testing.T) {
			class := classAt("standard", 1, true)
			class.Spec.Pods = c.offer
			got := podsAreOffered(application{tenant: &v1alpha1.BotTenant{Spec: v1alpha1.BotTenantSpec{Pods: c.wish}}, classes: []v1alpha1.TenantClass{class}})
			switch {
			case c.not == "" && got != nil:
				t.Errorf("refused: %s", got.message)
			case c.not != "" && (got == nil || got.reason != v1alpha1.ReasonPodsNotOffered || !strings.Contains(got.message, c.not)):
				t.Errorf("%+v does not refuse %s", got, c.not)
			}
		})
	}
}
