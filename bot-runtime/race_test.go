//go:build race

package main

// underRace: the race detector makes everything ten times slower.
const underRace = true
