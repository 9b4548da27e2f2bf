package scenario

// Rotation picks whom a fault strikes next: of those that are there, in order, whoever was struck least. The zero value has struck
// nobody.
type Rotation struct{ struck map[string]int }

// Next is who is next, or "" when nobody is there.
func (r *Rotation) Next(there []string) string {
	next := ""
	for _, name := range there {
		if next == "" || r.struck[name] < r.struck[next] {
			next = name
		}
	}
	return next
}

// Struck notes a blow, and says how many that makes.
func (r *Rotation) Struck(name string) int {
	if r.struck == nil {
		r.struck = map[string]int{}
	}
	r.struck[name]++
	return r.struck[name]
}

// Spared are those of some that were never struck.
func (r *Rotation) Spared(some []string) []string {
	var spared []string
	for _, name := range some {
		if r.struck[name] == 0 {
			spared = append(spared, name)
		}
	}
	return spared
}
