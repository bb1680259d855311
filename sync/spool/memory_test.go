package spool

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// newRuns is a file with so many runs of size bytes, which are one and the same: rows of empty keys
// and values.
func newRuns(t *testing.T, n int, size int64) *file {
	t.Helper()
	f, err := createFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	f.end = size
	for range n {
		f.runs = append(f.runs, span{to: size})
	}
	return f
}

// TestReadingTakesFourMebibytes: what the read buffers of all runs take together, however many
// there are, in blocks of 4 to 64 KiB.
func TestReadingTakesFourMebibytes(t *testing.T) {
	t.Parallel()
	for runs, each := range map[int]int{1: 64 << 10, 64: 64 << 10, 128: 32 << 10, 1023: 4100} {
		m, err := newMerge(newRuns(t, runs, 1<<20), defaultSizes)
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.cursors {
			if got := len(m.cursors[i].buf); got != each {
				t.Fatalf("a buffer of %d runs has %d bytes, want %d", runs, got, each)
			}
		}
	}
	for before, after := range map[int]int{1022: 1023, 1023: 1} {
		f, last := newRuns(t, before, 2), &run{}
		if err := errors.Join(last.add([]byte("key"), nil), f.append(last, defaultSizes)); err != nil {
			t.Fatal(err)
		}
		if len(f.runs) != after {
			t.Errorf("%d runs and one more are %d, want %d", before, len(f.runs), after)
		}
	}
}

// TestWritingTakesAQuarterOfAMebibyte: however large a run is.
func TestWritingTakesAQuarterOfAMebibyte(t *testing.T) {
	t.Parallel()
	s := New(t.TempDir())
	defer closed(t, s)
	for range 3 << 10 {
		fill(t, s, []row{{"key", strings.Repeat("v", 1<<10)}})
	}
	s.wait()
	if got := cap(s.file.out); got < 256<<10 || got > 320<<10 {
		t.Errorf("it takes %d bytes", got)
	}
}

// TestARunIsFullByItsBytesOrItsRows: a row takes 16 bytes of index, whatever is in it, and a run
// without rows has room for any.
func TestARunIsFullByItsBytesOrItsRows(t *testing.T) {
	t.Parallel()
	r := &run{}
	if r.full(64, 1<<20) {
		t.Error("a run without rows has no room")
	}
	if err := r.add([]byte("key"), []byte("value")); err != nil {
		t.Fatal(err)
	}
	if used := len(r.data); r.full(64, 64-used) || !r.full(64, 65-used) {
		t.Errorf("of 64 bytes %d are used, and others than the rest are free", used)
	}
	r.reset(64)
	for n := 0; n <= 5; n++ {
		if full := r.full(64, 0); full != (n == 5) {
			t.Errorf("with %d empty rows: full is %t", n, full)
		}
		if err := r.add(nil, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// TestARunLetsGoOfALargeRow: a row that was larger than a run must not keep its memory to the end.
func TestARunLetsGoOfALargeRow(t *testing.T) {
	t.Parallel()
	for had, has := range map[int]int{64: 64, 128: 128, 129: 0, 1 << 20: 0} {
		r := &run{data: make([]byte, 10, had)}
		if r.reset(64); cap(r.data) != has {
			t.Errorf("of %d bytes %d are kept, want %d", had, cap(r.data), has)
		}
	}
}

// TestARowOfMoreThanAGibibyteIsRefused: its place would not fit the index.
func TestARowOfMoreThanAGibibyteIsRefused(t *testing.T) {
	t.Parallel()
	large := make([]byte, 1<<30+1) // never touched, so it takes no memory
	for name, r := range map[string]row{
		"key": {key: "large"}, "value": {value: "large"}, "together": {key: "half", value: "half"},
	} {
		size := map[string]int{"large": 1<<30 + 1, "half": 1<<29 + 1}
		s := New(t.TempDir())
		if err := s.Add(large[:size[r.key]], large[:size[r.value]]); !errors.Is(err, errTooLarge) || s.Err() != err || s.Len() != 0 {
			t.Errorf("%s: %v, want that it is refused", name, err)
		}
		closed(t, s)
	}
}

// TestWhatAllKeysBeginWithIsNotCompared: numbers behind a long name are told apart by the eight
// bytes that are sorted by.
func TestWhatAllKeysBeginWithIsNotCompared(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		keys []string
		want string
	}{
		{nil, ""}, {[]string{"a"}, "a"}, {[]string{"user-1", "user-2"}, "user-"}, {[]string{"user-1", "user"}, "user"},
		{[]string{"a", "b"}, ""}, {[]string{"a", "", "a"}, ""}, {[]string{"same", "same"}, "same"},
	} {
		r := &run{}
		for _, key := range tt.keys {
			if err := r.add([]byte(key), nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := string(r.sort()); got != tt.want {
			t.Errorf("%q begin with %q alike, want %q", tt.keys, got, tt.want)
		}
		for i, e := range r.index {
			if want := prefix(r.key(e)[len(tt.want):]); e.prefix != want {
				t.Errorf("%q: key %d is sorted by %x, want %x", tt.keys, i, e.prefix, want)
			}
		}
	}
	s := tiny(t)
	defer closed(t, s)
	for i := range 100 {
		fill(t, s, []row{{fmt.Sprintf("user-%03d", i*7919%100), "v"}})
	}
	if err := s.finish(); err != nil {
		t.Fatal(err)
	}
	m, err := newMerge(s.file, s.size)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range m.cursors {
		if want := prefix(c.key[len("user-0"):]); c.prefix != want {
			t.Errorf("%s is merged by %x, want %x", c.key, c.prefix, want)
		}
	}
}
