package render

import (
	"slices"
	"testing"

	"github.com/loket-dev/loket/api/v1alpha1"
)

func TestTheSecretsOfCallsAreMountedOnceAndNoOthers(t *testing.T) {
	call := func(secret string) v1alpha1.Node {
		return v1alpha1.Node{Call: &v1alpha1.Call{SecretName: v1alpha1.ObjectName(secret)}}
	}
	flows := []v1alpha1.DialogFlow{
		{Spec: v1alpha1.DialogFlowSpec{Nodes: []v1alpha1.Node{call("call-b"), {}, call("call-a"), call("")}}},
		{Spec: v1alpha1.DialogFlowSpec{Nodes: []v1alpha1.Node{call("call-b"), call("ojk-wa")}}}, // older than the rule of the CRD
	}
	if got := CallSecrets(flows); !slices.Equal(got, []string{"call-a", "call-b"}) {
		t.Error(got)
	}
}
