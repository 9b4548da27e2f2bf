//go:build race

package engine

// underRace: the race detector makes everything ten times slower.
const underRace = true
