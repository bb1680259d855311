package sync

import (
	"fmt"
	"iter"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// ahead is a sequence that a goroutine of its own reads, up to sixteen batches in advance: of 512 elements each, or of fewer that
// take 256 KiB. So it goes on while a run is sorted or some hundred contacts are looked up. Close it.
type ahead[T any] struct {
	full    chan []T // read, closed at the end
	empty   chan []T // to be filled again
	stopped atomic.Bool
	batch   []T
	next    int

	// Good once full is closed: how the sequence ended, and what it panicked with.
	err   error
	crash any

	waited time.Duration // for the sequence, in advance
}

const (
	aheadElements = 512
	aheadBytes    = 256 << 10
	aheadBatches  = 16
)

// readAhead starts reading. keep copies an element, which the sequence may use again, into one whose memory may be used
// again, and tells how many bytes it holds.
func readAhead[T any](seq iter.Seq2[T, error], keep func(into *T, from T) int) *ahead[T] {
	const all = aheadBatches + 2 // one more is being filled, and one read
	a := &ahead[T]{full: make(chan []T, aheadBatches), empty: make(chan []T, all)}
	for range all {
		a.empty <- make([]T, 0, aheadElements)
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

// fill never waits for ever: of all batches there are, one is always on its way to it or has room in full.
func (a *ahead[T]) fill(seq iter.Seq2[T, error], keep func(into *T, from T) int) error {
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
		if len(batch) == cap(batch) || size >= aheadBytes {
			a.full <- batch
			batch, size = (<-a.empty)[:0], 0
		}
	}
	a.full <- batch
	return nil
}

// advance returns the next element, good until the next call, or nil at the end. It panics as the sequence did.
func (a *ahead[T]) advance() *T {
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

// close ends the reading with the next element and waits for the goroutine.
func (a *ahead[T]) close() {
	a.stopped.Store(true)
	for batch := range a.full {
		a.empty <- batch
	}
}
