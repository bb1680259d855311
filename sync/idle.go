package sync

import (
	"context"
	"fmt"

	"ccsyncd/sync/ahead"
)

// Idle tells whether a run now would find nothing to do, without asking Constant Contact: policy and mapping
// are the last run's, its plan was empty, no batch is open, no retry is due, no snapshot is due, Drift has not passed, and
// the source is unchanged, by its own word or by the digest of its rows. When in doubt it is false.
func (e *Engine) Idle(ctx context.Context) (bool, error) {
	quiet, err := e.quiet(ctx)
	if err != nil || !quiet {
		return false, err
	}
	if e.Unchanged != nil {
		mark, err := e.State.Fact(ctx, factMark)
		if err != nil {
			return false, err
		}
		same, err := e.Unchanged(ctx, mark)
		if err != nil {
			return false, &SourceError{Err: err}
		}
		if same {
			return true, nil
		}
	}
	return e.sameDigest(ctx)
}

// quiet looks at the state database alone.
func (e *Engine) quiet(ctx context.Context) (bool, error) {
	facts := make(map[string]string)
	for _, name := range []string{factEmpty, factRules} {
		value, err := e.State.Fact(ctx, name)
		if err != nil {
			return false, err
		}
		facts[name] = value
	}
	if facts[factEmpty] != "yes" || facts[factRules] != e.rules() {
		return false, nil
	}
	open, err := e.State.OpenBatches(ctx)
	if err != nil || len(open) > 0 {
		return false, err
	}
	now := e.State.Now()
	retry, err := e.State.NextRetry(ctx)
	if err != nil || !retry.IsZero() && !retry.After(now) {
		return false, err
	}
	m, err := e.State.Mirror(ctx)
	if err != nil || m.Mark.IsZero() || now.Sub(m.Mark) >= e.Policy.Drift {
		return false, err
	}
	if e.Policy.NextSnapshot == nil {
		return true, nil
	}
	due := e.Policy.NextSnapshot(m.SnapshotAt)
	return due.IsZero() || now.Before(due), nil
}

// sameDigest reads the source and compares it with what the last plan saw. Where nothing but the mark
// has moved, the plan takes the new one.
func (e *Engine) sameDigest(ctx context.Context) (bool, error) {
	was, err := e.State.Fact(ctx, factDigest)
	if err != nil {
		return false, err
	}
	var u userReader
	u.users = &users{}
	reading := e.Users(ctx)
	rows := ahead.Read(reading.Rows(), keepRow)
	defer rows.Close()
	for row := rows.Advance(); row != nil; row = rows.Advance() {
		u.digest.add(u.hash(row))
	}
	if rows.Err() != nil {
		return false, &SourceError{Err: rows.Err()}
	}
	if err := ctx.Err(); err != nil || u.digest.String() != was {
		return false, err
	}
	return true, e.State.SetFacts(ctx, map[string]string{factMark: reading.Mark()})
}

// rules names policy and fields, so that a change of either plans anew.
func (e *Engine) rules() string {
	p := e.Policy
	p.NextSnapshot = nil
	return fmt.Sprintf("%+v %+v", p, e.Guard)
}
