// Package v1alpha1 holds the custom resources of Loket, group loket.dev: one file a kind.
//
// Here live types, defaults, the CEL rules that admission enforces, and the names of conditions and reasons.
// Nothing here reads a cluster or judges a dialog: the runtime does that, and its verdicts come back as conditions.
// The package imports apimachinery only, so that both programs can share it.
//
// +kubebuilder:object:generate=true
// +groupName=loket.dev
package v1alpha1
