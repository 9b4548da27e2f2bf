package main

import "embed"

// sources are what the cluster's programs are built from. They are in this command itself, so that it
// builds them from wherever it is run, and the same ones while somebody edits the tree.
//
//go:embed go.mod go.sum tools.go cmd
var sources embed.FS
