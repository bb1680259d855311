package sync

import (
	"context"
	"iter"
	"time"
)

// ahead is a sequence that a goroutine of its own reads, up to four batches of 512 in advance. Close it.
type ahead[T any] struct {
	full  chan []T // read, closed at the end
	empty chan []T // to be filled again
	stop  context.CancelFunc
	batch []T
	next  int
	err   error // how the sequence ended; good once advance has returned nil

	waited time.Duration // for the sequence, in advance
}

// readAhead starts reading. keep copies an element, which the sequence may use again, into one whose memory may be used
// again.
func readAhead[T any](ctx context.Context, seq iter.Seq2[T, error], keep func(into *T, from T)) *ahead[T] {
	const size, inAdvance = 512, 4
	ctx, stop := context.WithCancel(ctx)
	a := &ahead[T]{full: make(chan []T, inAdvance), empty: make(chan []T, inAdvance+2), stop: stop}
	for range cap(a.empty) {
		a.empty <- make([]T, 0, size)
	}
	go func() {
		defer close(a.full)
		a.err = a.fill(ctx, seq, keep)
	}()
	return a
}

func (a *ahead[T]) fill(ctx context.Context, seq iter.Seq2[T, error], keep func(into *T, from T)) error {
	batch := <-a.empty
	for element, err := range seq {
		if err != nil {
			return err
		}
		batch = batch[:len(batch)+1]
		if keep(&batch[len(batch)-1], element); len(batch) < cap(batch) {
			continue
		}
		select {
		case a.full <- batch:
		case <-ctx.Done():
			return ctx.Err()
		}
		batch = (<-a.empty)[:0]
	}
	a.full <- batch
	return nil
}

// advance returns the next element, good until the next call, or nil at the end.
func (a *ahead[T]) advance() *T {
	for a.next == len(a.batch) {
		if a.batch != nil {
			a.empty <- a.batch
		}
		began := time.Now()
		a.batch, a.next = <-a.full, 0
		if a.waited += time.Since(began); a.batch == nil {
			return nil
		}
	}
	a.next++
	return &a.batch[a.next-1]
}

// close ends the reading with the next element and waits for the goroutine.
func (a *ahead[T]) close() {
	a.stop()
	for batch := range a.full {
		a.empty <- batch
	}
}
