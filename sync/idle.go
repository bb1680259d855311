package sync

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ccsyncd/sync/mirror"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Idle tells whether a run now would find nothing to do, without asking Constant Contact: the last
// whole run planned nothing, or what the guard refused, under the present policy and mapping; since
// then no run for all has begun, no problem came or went, no batch was settled or dropped, and
// Drift has not passed; no batch is open, no retry is due, no snapshot is due, and the source is
// unchanged, by its own word or by the digest of its rows. When in doubt it is false. A plan that
// only waited for imports is idle while they do not move any more; they are looked at every few
// minutes.
func (e *Engine) Idle(ctx context.Context) (bool, error) {
	var last LastPlan
	known, err := e.State.Record(ctx, recordLastPlan, &last)
	if err != nil || !known || !last.Empty && !last.Refused && !last.Waiting || last.Rules != e.rules() {
		return false, err
	}
	quiet, err := e.quiet(ctx, &last)
	if err != nil || !quiet {
		return false, err
	}
	if e.Unchanged != nil {
		same, err := e.Unchanged(ctx, last.Mark)
		if err != nil {
			return false, &users.SourceError{Err: err}
		}
		if same {
			return true, nil
		}
	}
	return e.sameDigest(ctx, &last)
}

// stalledLook is how long imports that do not move any more are left alone.
const stalledLook = 5 * time.Minute

// stalled tells whether all that is under way are imports that runs do not wait for any more.
func stalled(open []state.Batch, now time.Time) bool {
	return !slices.ContainsFunc(open, func(b state.Batch) bool {
		return b.Kind != state.Import || b.State != state.Sent || now.Sub(b.MovedAt) < mirror.LetGo
	})
}

// quiet looks at the state file alone.
func (e *Engine) quiet(ctx context.Context, last *LastPlan) (bool, error) {
	now := e.State.Now()
	age := now.Sub(last.At)
	if age < 0 || age >= e.Policy.Drift {
		return false, nil
	}
	open, err := e.State.OpenBatches(ctx)
	if err != nil || last.Waiting && len(open) == 0 || len(open) > 0 && (age >= stalledLook || last.Empty || !stalled(open, now)) {
		return false, err
	}
	moved, err := e.State.Mark(ctx)
	if err != nil || moved != last.Moved {
		return false, err
	}
	retry, err := e.State.NextRetry(ctx)
	if err != nil || !retry.IsZero() && !retry.After(now) {
		return false, err
	}
	wanted, err := e.State.ReadingWanted(ctx)
	if err != nil || wanted != "" {
		return false, err
	}
	if e.Policy.NextSnapshot == nil {
		return true, nil
	}
	m, err := e.State.Mirror(ctx)
	if err != nil {
		return false, err
	}
	due := e.Policy.NextSnapshot(m.SnapshotAt)
	return due.IsZero() || now.Before(due), nil
}

// sameDigest reads the source and compares it with what the last plan saw. Where nothing but the
// mark has moved, the plan takes the new one.
func (e *Engine) sameDigest(ctx context.Context, last *LastPlan) (bool, error) {
	known, err := e.State.Bindings(ctx)
	if err != nil {
		return false, err
	}
	reading := e.Users(ctx, e.mappingOf(known).Dates()...)
	sum, err := users.Digest(ctx, reading.Rows())
	if err != nil || sum != last.Digest {
		return false, err
	}
	last.Mark = reading.Mark()
	all, err := asRecord(recordLastPlan, last)
	if err != nil {
		return false, err
	}
	return true, e.State.SetRecords(ctx, all)
}

// rules names policy and fields, so that a change of either plans again.
func (e *Engine) rules() string {
	p := e.Policy
	p.NextSnapshot = nil
	return fmt.Sprintf("%+v %+v", p, e.Guard)
}
