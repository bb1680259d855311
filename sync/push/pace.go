package push

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/state"
)

// factPace is how long this account's latest imports took, a small one and a large one.
const factPace = "import_pace"

// pace is how long imports of an account take.
type pace struct {
	Small sample `json:"small"`
	Large sample `json:"large"`
}

// sample is one import.
type sample struct {
	Rows int           `json:"rows"`
	Took time.Duration `json:"took"`
}

// largeFrom is how many rows make an import a large one.
const largeFrom = 5000

// expected foretells how long an import takes; 0: nobody knows.
func (p *pace) expected(rows int) time.Duration {
	small, large := p.Small, p.Large
	switch {
	case small.Took == 0 && large.Took == 0:
		return 0
	case large.Took == 0:
		return small.Took
	case small.Took == 0 || small.Took >= large.Took:
		return large.Took * time.Duration(min(rows, 2*large.Rows)) / time.Duration(large.Rows)
	}
	perRow := (large.Took - small.Took) / time.Duration(large.Rows-small.Rows)
	return max(0, small.Took+perRow*time.Duration(rows-small.Rows))
}

func (b *base) readPace(ctx context.Context) (p pace, err error) {
	text, err := b.State.Fact(ctx, factPace)
	if err != nil || text == "" {
		return p, err
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("read %s: %w", factPace, err)
	}
	return p, nil
}

// learnPace takes in how long an import took that has ended well: by the times that it tells, which
// are whole seconds, else by our own.
func (b *base) learnPace(ctx context.Context, batch *state.Batch, a ccapi.Activity) error {
	if a.State != ccapi.StateCompleted || batch.Contacts == 0 {
		return nil
	}
	p, err := b.readPace(ctx)
	if err != nil {
		return err
	}
	took := b.ages.of(batch.ID).sinceSending()
	if !a.CreatedAt.IsZero() && !a.CompletedAt.Before(a.CreatedAt) {
		took = min(took, a.CompletedAt.Sub(a.CreatedAt)+time.Second/2)
	}
	is := sample{Rows: batch.Contacts, Took: took.Round(time.Millisecond)}
	if is.Rows < largeFrom {
		p.Small = is
	} else {
		p.Large = is
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return b.State.SetFacts(ctx, map[string]string{factPace: string(text)})
}

// scarce is how few requests are left of a day that imports are looked at as seldom as a run does.
const scarce = 100

// nextDelay is how long to wait before imports are looked at: at first as long as the smallest took
// to end before, where that is known, then by how far the furthest one came. A day with few
// requests left is not spent on looking.
func (b *base) nextDelay(ctx context.Context, last time.Duration, open []*state.Batch) (time.Duration, error) {
	left, err := b.Quota.Usage(ctx)
	switch {
	case err != nil:
		return 0, err
	case left.Limit-left.Used < scarce:
		return mirror.LastPoll, nil
	case last == 0:
		return b.firstDelay(ctx, open)
	}
	next := mirror.LastPoll
	for _, batch := range open {
		next = min(next, mirror.NextPoll(last, b.ages.of(batch.ID).sinceSending(), batch.Percent))
	}
	return next, nil
}

func (b *base) firstDelay(ctx context.Context, open []*state.Batch) (time.Duration, error) {
	p, err := b.readPace(ctx)
	if err != nil {
		return 0, err
	}
	left := func(batch *state.Batch) time.Duration {
		return p.expected(batch.Contacts) - b.ages.of(batch.ID).sinceSending()
	}
	first := slices.MinFunc(open, func(x, y *state.Batch) int { return int(left(x) - left(y)) })
	return min(max(left(first), mirror.FirstPoll), mirror.LastPoll), nil
}
