package sync

import (
	"testing"
	"time"

	"ccsyncd/sync/mirror"
	"ccsyncd/sync/state"
)

// While anything else is open a tick has something to look at.
func TestOnlyImportsThatHaveNotMovedForLongAreStalled(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	stuck := state.Batch{Kind: state.Import, State: state.Sent, MovedAt: now.Add(-mirror.LetGo)}
	for name, c := range map[string]struct {
		change func(*state.Batch)
		want   bool
	}{
		"an import that has not moved": {func(*state.Batch) {}, true},
		"one that moves":               {func(b *state.Batch) { b.MovedAt = b.MovedAt.Add(time.Second) }, false},
		"one that has ended":           {func(b *state.Batch) { b.State = state.Ended }, false},
		"one without an answer":        {func(b *state.Batch) { b.State = state.Sending }, false},
		"contacts that are cleared":    {func(b *state.Batch) { b.Kind = state.Replace }, false},
	} {
		other := stuck
		c.change(&other)
		if got := stalled([]state.Batch{stuck, other}, now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
