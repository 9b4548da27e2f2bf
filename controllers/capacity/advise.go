package capacity

// Advise says how many workers demand calls for where somebody else decides, as in mode external. It looks from the workers that there
// are, so that it is as slow to take one away as Decide, and as blind or as sure.
//
// The state is the one of before the look, and Decide is called with it as well: what is remembered are the numbers that were carried
// out, and never those that were only advised. A HorizontalPodAutoscaler that follows a minute later would else count each look of that
// minute as a fall of its own.
func Advise(spec Spec, state State, seen Observation) Decision {
	spec.External = nil
	d, _ := Decide(spec, state, seen)
	return d
}
