package push

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Each list that is named is an import that somebody waits for.
func TestUpdatesNameAsFewListsAsCanBe(t *testing.T) {
	t.Parallel()
	draw := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		lists, sets := 3+draw.IntN(5), make(map[string]int)
		masks := make(map[string]uint)
		for range 1 + draw.IntN(8) {
			var on []string
			var mask uint
			for id := range lists {
				if draw.IntN(3) == 0 {
					on, mask = append(on, fmt.Sprint("l", id)), mask|1<<id
				}
			}
			if mask != 0 {
				sets[strings.Join(on, " ")], masks[strings.Join(on, " ")] = 1+draw.IntN(9), mask
			}
		}
		fewest := lists
		for chosen := range uint(1) << lists {
			if met := func() bool {
				for _, mask := range masks {
					if mask&chosen == 0 {
						return false
					}
				}
				return true
			}(); met {
				fewest = min(fewest, bits.OnesCount(chosen))
			}
		}
		named := make(map[string]bool)
		for set, id := range chooseCover(sets) {
			if !slices.Contains(strings.Fields(set), id) {
				t.Fatalf("%v: contacts on %q are sent with %q", sets, set, id)
			}
			named[id] = true
		}
		if len(named) != fewest {
			t.Fatalf("%v: %d lists are named, %d would do", sets, len(named), fewest)
		}
	}
}

func TestTheSearchForTheFewestListsEnds(t *testing.T) {
	t.Parallel()
	draw := rand.New(rand.NewPCG(1, 2))
	sets := make(map[string]int)
	for range 600 {
		sets[fmt.Sprintf("l%02d l%02d", draw.IntN(50), 50+draw.IntN(50))] = 1
	}
	for set, id := range chooseCover(sets) {
		if !slices.Contains(strings.Fields(set), id) {
			t.Errorf("contacts on %q are sent with %q", set, id)
		}
	}
}
