package controllers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// application is a BotTenant that wants to be taken up, with everything that decides about it.
type application struct {
	tenant          *v1alpha1.BotTenant
	siblings        []v1alpha1.BotTenant // all of the namespace
	namespaceLabels map[string]string
	classes         []v1alpha1.TenantClass
}

// refusal is why a tenant is not taken up, for its condition as it is.
type refusal struct {
	reason, message string
}

// acceptance are asked in order; the first that objects decides.
var acceptance = []func(application) *refusal{
	namespaceIsATenant,
	isTheOldest,
	hasAClass,
	classIsForTheNamespace,
	storageIsOffered,
	podsAreOffered,
}

// accept says with which class a tenant is taken up, or why it is not.
func accept(a application) (*v1alpha1.TenantClass, *refusal) {
	for _, objection := range acceptance {
		if r := objection(a); r != nil {
			return nil, r
		}
	}
	return a.class(), nil
}

// namespaceIsATenant: the operator may write in labelled namespaces only, whoever made the BotTenant.
func namespaceIsATenant(a application) *refusal {
	if a.namespaceLabels[v1alpha1.TenantLabel] == "true" {
		return nil
	}
	return &refusal{v1alpha1.ReasonNamespaceNotLabelled, fmt.Sprintf(
		"the operator may write only in namespaces labelled %s=true; the platform team labels namespace %s",
		v1alpha1.TenantLabel, a.tenant.Namespace)}
}

func isTheOldest(a application) *refusal {
	oldest := oldestTenant(a.siblings)
	if oldest == nil || oldest.UID == a.tenant.UID {
		return nil
	}
	return &refusal{v1alpha1.ReasonNotOldest, fmt.Sprintf(
		"a namespace is one tenant, and BotTenant %s is older; delete one of them or use a namespace of its own", oldest.Name)}
}

func hasAClass(a application) *refusal {
	switch {
	case a.class() != nil:
		return nil
	case a.tenant.Spec.ClassName != "":
		return &refusal{v1alpha1.ReasonNoClass, fmt.Sprintf("TenantClass %s is not there; %s", a.tenant.Spec.ClassName, a.offer())}
	default:
		return &refusal{v1alpha1.ReasonNoClass, fmt.Sprintf(
			"no TenantClass is the default, for which the platform team annotates one with %s=true; %s", v1alpha1.DefaultClassAnnotation, a.offer())}
	}
}

// classesNamed is how many classes a message names at most.
const classesNamed = 10

// offer names the classes that the namespace may use: a tenant may read no TenantClass.
func (a application) offer() string {
	var names []string
	for i := range a.classes {
		if selector, err := admits(&a.classes[i]); err == nil && selector.Matches(labels.Set(a.namespaceLabels)) {
			names = append(names, a.classes[i].Name)
		}
	}
	if len(names) == 0 {
		return "no class is offered to this namespace yet"
	}
	slices.Sort(names)
	more := ""
	if n := len(names) - classesNamed; n > 0 {
		names, more = names[:classesNamed], fmt.Sprintf(" and %d more", n)
	}
	return "spec.className may be " + strings.Join(names, ", ") + more
}

// admits is the selector of the namespaces that may use a class; without one that is every namespace of a tenant.
func admits(class *v1alpha1.TenantClass) (labels.Selector, error) {
	if class.Spec.AllowedNamespaces == nil {
		return labels.Everything(), nil
	}
	return metav1.LabelSelectorAsSelector(&class.Spec.AllowedNamespaces.Selector)
}

func classIsForTheNamespace(a application) *refusal {
	class := a.class()
	selector, err := admits(class)
	if err != nil {
		return &refusal{v1alpha1.ReasonNotAllowed, fmt.Sprintf(
			"allowedNamespaces of TenantClass %s selects nothing: %v", class.Name, err)}
	}
	if selector.Matches(labels.Set(a.namespaceLabels)) {
		return nil
	}
	return &refusal{v1alpha1.ReasonNotAllowed, fmt.Sprintf(
		"TenantClass %s is not for namespace %s: it asks for namespaces labelled %s", class.Name, a.tenant.Namespace, selector)}
}

func storageIsOffered(a application) *refusal {
	class, wish := a.class(), a.tenant.Spec.Storage
	switch {
	case wish.Embedded != nil && class.Spec.Storage.Embedded == nil:
		return &refusal{v1alpha1.ReasonStorageNotOffered, fmt.Sprintf(
			"TenantClass %s does not offer storage embedded; use postgres or another class", class.Name)}
	case wish.Postgres != nil && class.Spec.Storage.Postgres == nil:
		return &refusal{v1alpha1.ReasonStorageNotOffered, fmt.Sprintf(
			"TenantClass %s does not offer storage postgres; use embedded or another class", class.Name)}
	}
	return nil
}

// podsAreOffered refuses rather than cuts: pods without the toleration or selector that they ask for would run where somebody
// had a reason not to have them.
func podsAreOffered(a application) *refusal {
	class, wish := a.class(), a.tenant.Spec.Pods
	offer := class.Spec.Pods
	refuse := func(format string, args ...any) *refusal {
		return &refusal{v1alpha1.ReasonPodsNotOffered, fmt.Sprintf("TenantClass %s does not offer %s; leave it out, or have the platform team list it in spec.pods of the class",
			class.Name, fmt.Sprintf(format, args...))}
	}
	if name := wish.PriorityClassName; name != "" && !slices.Contains(offer.PriorityClassNames, name) {
		return refuse("pods.priorityClassName %s", name)
	}
	for _, t := range wish.Tolerations {
		value := v1alpha1.LabelValue(t.Value)
		if !offers(offer.Taints, t.Key, value, t.Operator == corev1.TolerationOpExists) {
			return refuse("pods.tolerations of %s", cmp.Or(t.Key, "every taint"))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(wish.NodeSelector)) {
		if value := wish.NodeSelector[key]; !offers(offer.NodeLabels, key, value, false) {
			return refuse("pods.nodeSelector %s=%s", key, value)
		}
	}
	return nil
}

// offers says whether a key with a value, or with every value, is on a list.
func offers(list []v1alpha1.OfferedLabel, key string, value v1alpha1.LabelValue, every bool) bool {
	return slices.ContainsFunc(list, func(o v1alpha1.OfferedLabel) bool {
		return o.Key == key && (o.Value == nil || !every && *o.Value == value)
	})
}

// class is the named one; or else the one that the tenant has, since another would move its addresses and roll its pods; or
// else the default.
func (a application) class() *v1alpha1.TenantClass {
	name := string(a.tenant.Spec.ClassName)
	if name != "" {
		return a.named(name)
	}
	if kept := a.named(a.tenant.Status.ClassName); kept != nil {
		return kept
	}
	return defaultClass(a.classes)
}

func (a application) named(name string) *v1alpha1.TenantClass {
	i := slices.IndexFunc(a.classes, func(c v1alpha1.TenantClass) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &a.classes[i]
}

// defaultClass is, of several, the newest and then the first by name, as Kubernetes does with StorageClasses. Times are in
// whole seconds: without the name a cache, which lists in no order, would decide.
func defaultClass(classes []v1alpha1.TenantClass) *v1alpha1.TenantClass {
	var found *v1alpha1.TenantClass
	for i := range classes {
		c := &classes[i]
		if c.Annotations[v1alpha1.DefaultClassAnnotation] != "true" {
			continue
		}
		if found == nil || cmp.Or(found.CreationTimestamp.Compare(c.CreationTimestamp.Time), cmp.Compare(c.Name, found.Name)) < 0 {
			found = c
		}
	}
	return found
}

// oldestTenant is the one that a namespace belongs to: by creation time, then name.
func oldestTenant(tenants []v1alpha1.BotTenant) *v1alpha1.BotTenant {
	if len(tenants) == 0 {
		return nil
	}
	oldest := slices.MinFunc(tenants, func(a, b v1alpha1.BotTenant) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return &oldest
}

// withinCeilings cuts a tenant's wishes to what its class allows, and says what was cut.
func withinCeilings(tenant v1alpha1.BotTenant, class *v1alpha1.TenantClass) (v1alpha1.BotTenant, []string) {
	tenant = *tenant.DeepCopy()
	var cuts []string
	ceilings := class.Spec.Ceilings
	if most := ceilings.BotReplicas; most > 0 && tenant.Spec.Bot.Replicas > most {
		cuts = append(cuts, fmt.Sprintf("bot.replicas %d is cut to %d", tenant.Spec.Bot.Replicas, most))
		tenant.Spec.Bot.Replicas = most
	}
	if s := tenant.Spec.Bot.Scaling; s != nil && ceilings.BotReplicas > 0 && s.Max > ceilings.BotReplicas {
		cuts = append(cuts, fmt.Sprintf("bot.scaling.max %d is cut to %d", s.Max, ceilings.BotReplicas))
		s.Max = ceilings.BotReplicas
	}
	if most := ceilings.Retention.Duration; most > 0 && tenant.Spec.Retention.Messages.Duration > most {
		cuts = append(cuts, fmt.Sprintf("retention.messages %s is cut to %s", short(tenant.Spec.Retention.Messages.Duration), short(most)))
		tenant.Spec.Retention.Messages.Duration = most
	}
	return tenant, cuts
}

// short prints whole hours as people write them: 8760h, not 8760h0m0s.
func short(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.String()
}
