package push

import (
	"testing"
	"time"
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
