package spool

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"slices"
)

// merge reads sorted runs as one.
//
// It is a tournament: the cursors are the leaves of a binary tree, each inner node remembers the
// one that lost there, and node 0 the winner. When the winner moves on, only the matches on its way
// to the root are played again.
type merge struct {
	cursors []cursor
	loser   []int
	scratch []byte // for a value that is larger than a read buffer
	err     error
}

func newMerge(f *file, size sizes) (*merge, error) {
	n := len(f.runs)
	window := min(max(size.buffers/n, size.least), size.window)
	m := &merge{cursors: make([]cursor, n), loser: make([]int, n)}
	for i, run := range f.runs {
		c := &m.cursors[i]
		c.from, c.off, c.end, c.skip = f, run.from, run.to, len(f.common)
		c.buf = make([]byte, min(int64(window), run.to-run.from))
		if err := c.next(); err != nil {
			return nil, err
		}
	}
	m.play()
	return m, nil
}

// play has all matches.
func (m *merge) play() {
	n := len(m.cursors)
	winner := make([]int, 2*n)
	for i := range n {
		winner[n+i] = i
	}
	for p := n - 1; p > 0; p-- {
		a, b := winner[2*p], winner[2*p+1]
		if m.less(b, a) {
			a, b = b, a
		}
		winner[p], m.loser[p] = a, b
	}
	m.loser[0] = winner[1]
}

// replay has the matches of cursor i, which was the winner and has moved.
func (m *merge) replay(i int) {
	for p := (i + len(m.cursors)) / 2; p > 0; p /= 2 {
		if m.less(m.loser[p], i) {
			i, m.loser[p] = m.loser[p], i
		}
	}
	m.loser[0] = i
}

// less tells whether cursor i's row comes before j's. Of equal keys that of the earlier run does; a
// run at its end is last.
func (m *merge) less(i, j int) bool {
	a, b := &m.cursors[i], &m.cursors[j]
	if a.prefix != b.prefix {
		return a.prefix < b.prefix
	}
	if a.done || b.done {
		return !a.done
	}
	if c := bytes.Compare(a.key, b.key); c != 0 {
		return c < 0
	}
	return i < j
}

// rows yields all rows in order. It ends early with an error in m.err.
func (m *merge) rows() iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for {
			i := m.loser[0]
			c := &m.cursors[i]
			if c.done {
				return
			}
			value := c.value
			if value == nil {
				if value, m.err = m.load(c); m.err != nil {
					return
				}
			}
			if !yield(c.key, value) {
				return
			}
			if m.err = c.next(); m.err != nil {
				return
			}
			m.replay(i)
		}
	}
}

// load reads a value that is too large for the cursor's buffer.
func (m *merge) load(c *cursor) ([]byte, error) {
	m.scratch = slices.Grow(m.scratch[:0], c.large)[:c.large]
	return m.scratch, c.read(m.scratch, c.off-int64(c.large))
}

// cursor stands at one row of a run.
type cursor struct {
	prefix uint64 // of the key behind skip
	key    []byte // in buf
	value  []byte // in buf, never nil; nil when it is too large for that
	large  int    // its length then; it ends at off
	done   bool

	skip int // bytes that all keys of all runs begin with alike

	from     io.ReaderAt
	buf      []byte
	r, w     int   // buf[r:w] is read from the file, and behind the row
	off, end int64 // of the next byte to be read from the file, and of the run's end
}

// next moves to the next row.
func (c *cursor) next() error {
	if c.w-c.r < maxHeader {
		if err := c.fill(); err != nil {
			return err
		}
	}
	if c.r == c.w {
		c.done, c.prefix = true, ^uint64(0)
		return nil
	}
	h, k, v := header(c.buf[c.r:c.w])
	if c.w-c.r < h+k+v {
		if err := c.widen(h+k, v); err != nil {
			return err
		}
	}
	c.key = c.buf[c.r+h : c.r+h+k : c.r+h+k]
	c.prefix = prefix(c.key[c.skip:])
	c.r += h + k
	if c.w-c.r < v {
		c.value, c.large = nil, v
		c.off += int64(v - (c.w - c.r))
		c.w = c.r
		return nil
	}
	c.value = c.buf[c.r : c.r+v : c.r+v]
	c.r += v
	return nil
}

// widen gets a row that is not in the buffer as a whole into it: all of it, or, if the buffer is
// too small for that, at least header and key.
func (c *cursor) widen(head, value int) error {
	if head > len(c.buf) {
		buf := make([]byte, head)
		c.w = copy(buf, c.buf[c.r:c.w])
		c.buf, c.r = buf, 0
	}
	if c.w-c.r >= head && head+value > len(c.buf) {
		return nil
	}
	return c.fill()
}

// fill moves what is unread to the front of the buffer and reads as much as fits behind it.
func (c *cursor) fill() error {
	c.w = copy(c.buf, c.buf[c.r:c.w])
	c.r = 0
	n := int(min(int64(len(c.buf)-c.w), c.end-c.off))
	if err := c.read(c.buf[c.w:c.w+n], c.off); err != nil {
		return err
	}
	c.w += n
	c.off += int64(n)
	return nil
}

func (c *cursor) read(p []byte, at int64) error {
	if n, err := c.from.ReadAt(p, at); n < len(p) {
		return fmt.Errorf("read what was sorted: %w", err)
	}
	return nil
}
