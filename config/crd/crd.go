// Package crd is the generated CustomResourceDefinitions, for programs that judge files as the API server would (api/admission).
package crd

import "embed"

// Bases holds one YAML file a kind, under bases/.
//
//go:embed bases/*.yaml
var Bases embed.FS
