package bundle

import (
	"slices"
	"testing"

	"github.com/loket-dev/loket/api/v1alpha1"
)

func TestTheSecretsOfCallsAreMountedOnceAndNoOthers(t *testing.T) {
	call := func(secret v1alpha1.CallSecretName) v1alpha1.Node {
		return v1alpha1.Node{Call: &v1alpha1.Call{SecretName: secret}}
	}
	flows := []v1alpha1.DialogFlow{
		{Spec: v1alpha1.DialogFlowSpec{Nodes: []v1alpha1.Node{call("call-b"), {}, call("call-a"), call("")}}},
		{Spec: v1alpha1.DialogFlowSpec{Nodes: []v1alpha1.Node{call("call-b"), call("ojk-wa")}}}, // older than the rule of the CRD
	}
	list := func(secret v1alpha1.CallSecretName) v1alpha1.Directory {
		return v1alpha1.Directory{Spec: v1alpha1.DirectorySpec{Source: v1alpha1.DirectorySource{HTTP: &v1alpha1.HTTPSource{SecretName: secret}}}}
	}
	directories := []v1alpha1.Directory{{}, list("call-b"), list(""), list("call-c")}
	if got := (Objects{Flows: flows, Directories: directories}).CallSecrets(); !slices.Equal(got, []string{"call-a", "call-b", "call-c"}) {
		t.Error(got)
	}
}
