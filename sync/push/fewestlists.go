package push

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// coverWork bounds the search for the fewest lists, in sets looked at. Accounts have few lists that
// are worth telling apart, and then the search ends long before.
const coverWork = 5_000_000

// cover searches the fewest lists that meet every set.
type cover struct {
	sets  [][]string
	reach map[string]int // contacts that a list would serve
	best  []string
	work  int
}

// chooseCover gives each set of lists one of its lists, so that as few lists as possible are named
// in all: each is an import of its own. sets has how many contacts are on just these lists, ids
// separated by blanks.
func chooseCover(sets map[string]int) map[string]string {
	c := &cover{reach: make(map[string]int)}
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		ids := strings.Fields(set)
		for _, id := range ids {
			c.reach[id] += sets[set]
		}
		c.sets = append(c.sets, ids)
	}
	for _, ids := range c.sets {
		slices.SortStableFunc(ids, func(x, y string) int { return cmp.Compare(c.reach[y], c.reach[x]) })
	}
	slices.SortStableFunc(c.sets, func(x, y []string) int { return cmp.Compare(len(x), len(y)) })
	c.search(nil)
	chosen := make(map[string]string, len(sets))
	for set := range sets {
		on := strings.Fields(set)
		chosen[set] = c.best[slices.IndexFunc(c.best, func(id string) bool { return slices.Contains(on, id) })]
	}
	return chosen
}

// search completes a choice, the widest lists first, and keeps the best one found.
func (c *cover) search(named []string) {
	i := slices.IndexFunc(c.sets, func(ids []string) bool {
		return !slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(named, id) })
	})
	switch {
	case i < 0:
		c.best = slices.Clone(named)
		return
	case c.best != nil && (len(named)+2 > len(c.best) || c.work > coverWork):
		return
	}
	c.work += len(c.sets)
	for _, id := range c.sets[i] {
		c.search(append(slices.Clip(named), id))
		if c.best != nil && len(named)+1 >= len(c.best) {
			return
		}
	}
}
