package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// PublishedAnnotation on the boot ConfigMap says since when each public key is in it: JSON, times by key id.
const PublishedAnnotation = "loket.dev/keys-published"

const bootKey = "boot.json"

// bootConfigMap is what a pod must know before it has spoken to anybody. Kubelets bring a change to running pods.
func bootConfigMap(in Input) *corev1ac.ConfigMapApplyConfiguration {
	boot := bundle.Boot{
		TenantUID:   string(in.Tenant.UID),
		Namespace:   in.Tenant.Namespace,
		Tenant:      in.Tenant.Name,
		Keys:        in.Keys,
		WhatsAppAPI: in.Class.Spec.WhatsApp.APIBase,
		PublicURL:   in.PublicURL(),
	}
	for i := range in.Pools {
		if url := in.DeskURL(in.Pools[i].Name); url != "" {
			if boot.DeskURLs == nil {
				boot.DeskURLs = map[string]string{}
			}
			boot.DeskURLs[in.Pools[i].Name] = url
		}
	}
	for _, allow := range in.Class.Spec.Egress.Allow {
		rule := bundle.EgressRule{CIDR: allow.CIDR}
		for _, p := range allow.Ports {
			rule.Ports = append(rule.Ports, int32(p))
		}
		boot.Egress = append(boot.Egress, rule)
	}
	body, err := json.MarshalIndent(boot, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("rendering the boot file: %v", err)) // our own plain data
	}
	published, err := json.Marshal(in.Published)
	if err != nil {
		panic(fmt.Sprintf("rendering the times of keys: %v", err))
	}
	return corev1ac.ConfigMap(BootName(in.Tenant.Name), in.Tenant.Namespace).
		WithLabels(with(TenantLabels(in.Tenant.Name), labelManagedBy, appName)).
		WithAnnotations(map[string]string{PublishedAnnotation: string(published)}).
		WithOwnerReferences(owner(in)).
		WithData(map[string]string{bootKey: string(body)})
}

// Published reads since when the keys of a boot ConfigMap are published, and adds those that are not yet, as of now. Keys
// that no longer exist are dropped. Whole seconds, so that reading back gives what was written.
func Published(annotation string, keys map[string][]byte, now time.Time) map[string]time.Time {
	before := map[string]time.Time{}
	if json.Unmarshal([]byte(annotation), &before) != nil {
		before = nil // somebody edited it: all keys count as published now, which only delays a new one
	}
	out := make(map[string]time.Time, len(keys))
	for _, id := range slices.Sorted(maps.Keys(keys)) {
		at, ok := before[id]
		if !ok {
			at = now.UTC().Truncate(time.Second)
		}
		out[id] = at
	}
	return out
}
