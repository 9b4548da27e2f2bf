//go:build !keda

package controllers

import "sigs.k8s.io/controller-runtime/pkg/envtest"

// prepare changes nothing of the API server; with the tag keda it does (keda_test.go).
func prepare(*envtest.Environment) error { return nil }
