// Package ahead reads a sequence in advance, on a goroutine of its own.
package ahead

import (
	"fmt"
	"iter"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Reader reads a sequence up to sixteen batches in advance: of 512 elements each, or of fewer that
// take 256 KiB. So reading goes on while its consumer is busy. One goroutine uses a Reader. Close
// it.
type Reader[T any] struct {
	full    chan []T // read, closed at the end
	empty   chan []T // to be filled again
	stopped atomic.Bool
	batch   []T
	next    int

	// Good once full is closed: how the sequence ended, and what it panicked with.
	err   error
	crash any

	waited time.Duration
}

const (
	elements = 512
	maxBytes = 256 << 10
	batches  = 16
)

// Read starts reading. keep copies an element, which the sequence may use again, into one whose
// memory may be used again, and tells how many bytes it holds.
func Read[T any](seq iter.Seq2[T, error], keep func(into *T, from T) int) *Reader[T] {
	const all = batches + 2 // one more is being filled, and one read
	a := &Reader[T]{full: make(chan []T, batches), empty: make(chan []T, all)}
	for range all {
		a.empty <- make([]T, 0, elements)
	}
	go func() {
		defer close(a.full)
		defer func() {
			if p := recover(); p != nil {
				a.crash = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
		}()
		a.err = a.fill(seq, keep)
	}()
	return a
}

// fill never waits for ever: of all batches there are, one is always on its way to it or has room
// in full.
func (a *Reader[T]) fill(seq iter.Seq2[T, error], keep func(into *T, from T) int) error {
	batch, size := <-a.empty, 0
	for element, err := range seq {
		if err != nil {
			return err
		}
		if a.stopped.Load() {
			return nil
		}
		batch = batch[:len(batch)+1]
		size += keep(&batch[len(batch)-1], element)
		if len(batch) == cap(batch) || size >= maxBytes {
			a.full <- batch
			batch, size = (<-a.empty)[:0], 0
		}
	}
	a.full <- batch
	return nil
}

// Advance returns the next element, good until the next call, or nil at the end. It panics as the
// sequence did.
func (a *Reader[T]) Advance() *T {
	for a.next == len(a.batch) {
		if a.batch != nil {
			a.empty <- a.batch
		}
		began := time.Now()
		a.batch, a.next = <-a.full, 0
		a.waited += time.Since(began)
		if a.batch == nil && a.crash != nil {
			panic(a.crash)
		}
		if a.batch == nil {
			return nil
		}
	}
	a.next++
	return &a.batch[a.next-1]
}

// Err is how the sequence ended, nil where it came to its end. It is good once Advance has returned
// nil.
func (a *Reader[T]) Err() error { return a.err }

// Waited is how long Advance has waited for the sequence so far.
func (a *Reader[T]) Waited() time.Duration { return a.waited }

// Close ends the reading with the next element and waits for the goroutine.
func (a *Reader[T]) Close() {
	a.stopped.Store(true)
	for batch := range a.full {
		a.empty <- batch
	}
}
