package bundle

import (
	"slices"
	"strings"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// CallSecrets are the Secrets that the calls of flows and the sources of directories name, each once and in order.
func (o Objects) CallSecrets() []string {
	var names []string
	add := func(name v1alpha1.CallSecretName) {
		if strings.HasPrefix(string(name), "call-") { // an object may be older than the rule of its CRD
			names = append(names, string(name))
		}
	}
	for i := range o.Flows {
		for _, n := range o.Flows[i].Spec.Nodes {
			if n.Call != nil {
				add(n.Call.SecretName)
			}
		}
	}
	for i := range o.Directories {
		if http := o.Directories[i].Spec.Source.HTTP; http != nil {
			add(http.SecretName)
		}
		if pg := o.Directories[i].Spec.Source.Postgres; pg != nil {
			add(pg.SecretName)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
