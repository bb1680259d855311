package push

import (
	"testing"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

func TestAnImportIsExpectedToTakeWhatThoseBeforeItTook(t *testing.T) {
	t.Parallel()
	const s = time.Second
	small, large, quick := sample{Rows: 100, Took: 2 * s}, sample{Rows: 10_100, Took: 12 * s}, sample{Rows: 10_000, Took: s}
	for name, c := range map[string]struct {
		pace pace
		rows int
		want time.Duration
	}{
		"none was before":               {pace{}, 100, 0},
		"a small one was":               {pace{Small: small}, 40_000, 2 * s},
		"a large one was":               {pace{Large: large}, 5050, 6 * s},
		"it says little of larger ones": {pace{Large: large}, 39_999, 24 * s},
		"both were: a smaller one":      {pace{small, large}, 50, 1950 * time.Millisecond},
		"both were: one between":        {pace{small, large}, 5100, 7 * s},
		"both were: a larger one":       {pace{small, large}, 20_100, 22 * s},
		"the small one took as long":    {pace{small, quick}, 5000, s / 2},
		"never less than nothing":       {pace{sample{Rows: 4000, Took: s}, sample{Rows: 5000, Took: 5 * s}}, 1, 0},
	} {
		if got := c.pace.expected(c.rows); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// The times that an activity tells are whole seconds.
func TestAnImportTookWhatItTellsOrAsLongAsItWasWaitedFor(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for name, c := range map[string]struct {
		state              string
		rows               int
		created, completed time.Duration // after the import was sent; both 0: not told
		want               pace
	}{
		"it tells":             {ccapi.StateCompleted, 3, s, 3 * s, pace{Small: sample{3, 2*s + s/2}}},
		"it tells nothing":     {ccapi.StateCompleted, 3, 0, 0, pace{Small: sample{3, 10 * s}}},
		"it ended before":      {ccapi.StateCompleted, 3, 3 * s, s, pace{Small: sample{3, 10 * s}}},
		"it tells more":        {ccapi.StateCompleted, 3, s, 300 * s, pace{Small: sample{3, 10 * s}}},
		"as large as large is": {ccapi.StateCompleted, largeFrom, s, 3 * s, pace{Large: sample{largeFrom, 2*s + s/2}}},
		"as small as small is": {ccapi.StateCompleted, largeFrom - 1, s, 3 * s, pace{Small: sample{largeFrom - 1, 2*s + s/2}}},
		"it failed":            {ccapi.StateFailed, 3, s, 3 * s, pace{}},
		"it was of nobody":     {ccapi.StateCompleted, 0, s, 3 * s, pace{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inRun(t, away, func(t *testing.T, o *Outbox) {
				b := o.batch(t, state.Sending, "ann@example.com")
				b.Contacts = c.rows
				a := ccapi.Activity{State: c.state}
				if c.completed != 0 {
					a.CreatedAt, a.CompletedAt = o.now().Add(c.created), o.now().Add(c.completed)
				}
				time.Sleep(10 * s)
				if err := o.learnPace(t.Context(), b, a); err != nil {
					t.Fatal(err)
				}
				if got, err := o.readPace(t.Context()); got != c.want || err != nil {
					t.Errorf("%+v (%v), want %+v", got, err, c.want)
				}
			})
		})
	}
}
