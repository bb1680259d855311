package push

import (
	"time"

	"ccsyncd/sync/state"
)

// ages tell how old batches are. Within a process they go by its own clock, which only goes
// forward: the server's, which the records have, can jump from one answer to the next.
type ages map[int64]age

// age is when a batch of this run came to its states, by this process's clock; zero for one that it
// has not come to.
type age struct{ sending, moved, ended time.Time }

func (a age) sinceSending() time.Duration { return time.Since(a.sending) }
func (a age) sinceMoved() time.Duration   { return time.Since(a.moved) }
func (a age) sinceEnd() time.Duration     { return time.Since(a.ended) }

func (a ages) of(batch int64) age { return a[batch] }

// recall works out the age of a batch that a former run left, by its record. The server's clock may
// have jumped since: it is at least so old.
func (a *ages) recall(b *state.Batch, db *state.DB) {
	if *a == nil {
		*a = make(ages)
	}
	at := func(recorded time.Time) time.Time {
		if recorded.IsZero() {
			return time.Now()
		}
		return time.Now().Add(-max(0, db.Now().Sub(recorded)-db.Unsteady()))
	}
	(*a)[b.ID] = age{sending: at(b.SendingAt), moved: at(b.MovedAt), ended: at(b.EndedAt)}
}

// moved notes a transition.
func (a ages) moved(batch int64, to state.BatchState) {
	is := a[batch]
	is.moved = time.Now()
	switch to {
	case state.Sending:
		is.sending = is.moved
	case state.Ended:
		is.ended = is.moved
	}
	a[batch] = is
}
