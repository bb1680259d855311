package spool

import (
	"errors"
	"fmt"
	"iter"
	"os"
)

// Spool sorts what is added to it. It is used by one goroutine at a time. Make one with New and
// Close it in the end.
type Spool struct {
	dir  string
	size sizes
	n    int
	err  error // the first error; nothing is added or read after it

	closed bool

	filling *run
	spare   *run // sorted and written, to be filled again
	// result of the goroutine that sorts and writes a run; nil while there is none
	writing chan error
	file    *file // nil until the second run starts
}

// sizes are the limits on memory, in bytes. Tests make them small.
type sizes struct {
	run     int // of the rows in a run
	buffers int // of all read buffers of a merge together
	window  int // of the read buffer of one run, at most
	least   int // and at least
}

var defaultSizes = sizes{run: 1 << 20, buffers: 4 << 20, window: 64 << 10, least: 4 << 10}

var errClosed = errors.New("the spool is closed")

// New returns an empty spool, whose file, if it needs one, is made in dir.
func New(dir string) *Spool {
	return &Spool{dir: dir, size: defaultSizes, filling: &run{}}
}

// Add takes one row; it copies key and value. Both may be empty, and a key may come again. An error
// means that the spool is of no use any more: a full disk, or a folder that is gone. It may concern
// rows that were added earlier.
func (s *Spool) Add(key, value []byte) error {
	if err := s.usable(); err != nil {
		return err
	}
	if s.filling.full(s.size.run, len(key)+len(value)) {
		if s.err = s.rotate(); s.err != nil {
			return s.err
		}
	}
	if s.err = s.filling.add(key, value); s.err != nil {
		return s.err
	}
	s.n++
	return nil
}

// Len is the number of rows.
func (s *Spool) Len() int { return s.n }

// Err is the first error of Add or of a sequence that Sorted returned. A sequence that ends while
// Err is not nil is incomplete.
func (s *Spool) Err() error { return s.err }

// Sorted returns all rows, by the bytes of their keys, those with equal keys in the order in which
// they were added. The slices that it yields are valid until the next step, and must not be
// changed. It may be called again, and rows may be added in between, but not while a sequence is
// being read. Err tells afterwards whether it came to its end.
func (s *Spool) Sorted() iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		if s.err = s.usable(); s.err != nil {
			return
		}
		if s.file == nil {
			s.filling.sort()
			s.each(s.filling.rows(), yield)
			return
		}
		if s.err = s.finish(); s.err != nil {
			return
		}
		m, err := newMerge(s.file, s.size)
		if err != nil {
			s.err = err
			return
		}
		s.each(m.rows(), yield)
		if s.err == nil {
			s.err = m.err
		}
	}
}

// usable is the error that stands in the way of using the spool.
func (s *Spool) usable() error {
	if s.err == nil && s.closed {
		return errClosed
	}
	return s.err
}

// each passes rows on until the spool is closed.
func (s *Spool) each(rows iter.Seq2[[]byte, []byte], yield func([]byte, []byte) bool) {
	for key, value := range rows {
		if !yield(key, value) {
			return
		}
		if s.closed {
			s.err = errClosed
			return
		}
	}
}

// Close frees memory and disk. It may be called while a sequence is being read, which ends it, and
// again.
func (s *Spool) Close() error {
	err := s.wait()
	f := s.file
	s.filling, s.spare, s.file, s.closed = nil, nil, nil, true
	if f != nil {
		err = errors.Join(err, f.Close())
	}
	return err
}

// rotate hands the full run to a goroutine of its own, once the former one is done.
func (s *Spool) rotate() error {
	if err := s.wait(); err != nil {
		return err
	}
	if s.file == nil {
		f, err := createFile(s.dir)
		if err != nil {
			return fmt.Errorf("make room to sort: %w", err)
		}
		s.file = f
	}
	full, f, size := s.filling, s.file, s.size
	s.filling, s.spare = s.spare, full
	if s.filling == nil {
		s.filling = &run{}
	}
	s.filling.reset(s.size.run)
	done := make(chan error, 1)
	s.writing = done
	go func() { done <- f.append(full, size) }()
	return nil
}

// wait waits for the goroutine, if there is one.
func (s *Spool) wait() error {
	if s.writing == nil {
		return nil
	}
	err := <-s.writing
	s.writing = nil
	return err
}

// finish brings the last run to the file and lets go of the memory of both.
func (s *Spool) finish() error {
	if len(s.filling.index) > 0 {
		if err := s.rotate(); err != nil {
			return err
		}
	}
	err := s.wait()
	s.filling, s.spare = &run{}, nil
	return err
}

// file is the nameless file that holds the sorted runs, one after the other.
type file struct {
	*os.File
	runs   []span // in the order of their rows' arrival
	common []byte // what the keys of all of them begin with alike
	end    int64
	out    []byte
}

// span is the part of a file that one run takes.
type span struct{ from, to int64 }

func createFile(dir string) (*file, error) {
	f, err := os.CreateTemp(dir, ".spool-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &file{File: f}, nil
}
