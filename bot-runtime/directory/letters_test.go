package directory

import (
	"math/bits"
	"math/rand/v2"
	"testing"
)

// What the letters sort out, a comparison would have sorted out as well.
func TestLettersSortOutNothingThatIsWithinItsTypos(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 157))
	const alphabet = "aaaaaiiinnneeuuukmrstldgpbyjo0123456789"
	draw := func() byte { return alphabet[random.IntN(len(alphabet))] }
	near, sorted := 0, 0
	for range 300_000 {
		form := make([]byte, 4+random.IntN(20))
		for i := range form {
			form[i] = draw()
		}
		asked := append([]byte(nil), form...)
		for range random.IntN(12) {
			switch at := random.IntN(len(asked)); random.IntN(5) {
			case 0:
				asked[at] = draw()
			case 1:
				asked = append(asked[:at], asked[at+1:]...)
			case 2:
				asked = append(asked[:at], append([]byte{draw()}, asked[at:]...)...)
			case 3:
				other := random.IntN(len(asked))
				asked[at], asked[other] = asked[other], asked[at]
			default:
				for digit := byte('0'); digit <= '9'; digit++ { // as people write 4 for a
					if l := leet("x" + string(digit)); l[1] == asked[at] {
						asked[at] = digit
					}
				}
			}
			if len(asked) == 0 {
				break
			}
		}
		sure, possible := lettersAsked(string(asked))
		has := lettersOf(string(form))
		const budget = 2
		out := bits.OnesCount64(uint64(has&^possible)) > budget || bits.OnesCount64(uint64(sure&^has)) > budget
		if out {
			sorted++
		}
		if typed(asked, form, budget) <= budget {
			near++
			if out {
				t.Fatalf("%q is sorted out for %q, which is within %d typos", form, asked, budget)
			}
		}
	}
	if near < 20_000 || sorted < 20_000 {
		t.Errorf("%d were near and %d sorted out: this proves little", near, sorted)
	}
}
