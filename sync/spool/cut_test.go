package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Wherever a disk stops to give back what was written, before the rows are read or amid of it,
// reading them is an error: they never look as if there were fewer.
func TestAFileThatIsCutAnywhereNeverLooksWhole(t *testing.T) {
	t.Parallel()
	var rows []row
	for i := range 24 {
		rows = append(rows, row{fmt.Sprintf("key%02d", i*7%24), strings.Repeat("v", i*i%90)})
	}
	rows = append(rows, row{strings.Repeat("long key ", 30), strings.Repeat("large", 200)})
	made := func(t *testing.T) *Spool {
		s := tiny(t)
		s.size.buffers = 4096 // no pass in between
		fill(t, s, rows)
		if err := s.finish(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	end := made(t).file.end
	for cut := range end {
		for _, after := range []int{0, 1} {
			s, read := made(t), 0
			stop := func() {
				if err := s.file.Truncate(cut); err != nil {
					t.Fatal(err)
				}
			}
			if after == 0 {
				stop()
			}
			for range s.Sorted() {
				if read++; read == after {
					stop()
				}
			}
			if s.Err() == nil && (after == 0 || read < len(rows)) {
				t.Fatalf("cut to %d of %d bytes after %d rows: %d of %d rows, and no error", cut, end, after, read, len(rows))
			}
		}
	}
}

// TestAFailureInTheBackgroundIsFoundByWhoeverComesNext: a run that was lost while the next one
// filled must not be missing in silence.
func TestAFailureInTheBackgroundIsFoundByWhoeverComesNext(t *testing.T) {
	t.Parallel()
	failing := func() *Spool {
		s := tiny(t)
		fill(t, s, make([]row, 12))
		s.wait()
		s.file.File.Close()
		for s.writing == nil {
			fill(t, s, make([]row, 1))
		}
		return s
	}
	s := failing()
	for range s.Sorted() {
		t.Error("rows that cannot all be there")
	}
	if !errors.Is(s.Err(), os.ErrClosed) {
		t.Errorf("Err after reading: %v, want the failed write", s.Err())
	}
	large := New(t.TempDir())
	for n := range 30 { // in several writes a run
		if n == 15 { // the first run is written, and the second one fills
			large.wait()
			large.file.File.Close()
		}
		fill(t, large, []row{{fmt.Sprint(n), strings.Repeat("v", 100_000)}})
	}
	for range large.Sorted() {
		t.Error("rows that cannot all be there")
	}
	if err := large.Err(); !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), "write what is sorted") {
		t.Errorf("Err after reading: %v, want the failed write", large.Err())
	}
	path := filepath.Join(t.TempDir(), "readable")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	only, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer only.Close()
	merged := &file{File: only, end: 1 << 20, runs: []span{{to: 1 << 20}, {to: 1 << 20}}}
	if err := merged.compact(defaultSizes); err == nil || !strings.Contains(err.Error(), "write what is sorted") {
		t.Errorf("runs made one: %v, want the failed write", err)
	}
	if err := failing().Close(); !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), "write what is sorted") {
		t.Errorf("Close: %v, want the failed write", err)
	}
}

// A disk may have room again for the next write: rows that were lost before it must not be missing
// in silence.
func TestOneWriteThatFailsIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	f, err := createFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { f.Close() }()
	if err := f.put(make([]byte, writeSize)); err != nil {
		t.Fatal(err)
	}
	writable := f.File
	defer writable.Close()
	if f.File, err = os.Open(os.DevNull); err != nil { // to read alone
		t.Fatal(err)
	}
	if err := f.put([]byte("x")); err == nil || !strings.Contains(err.Error(), "write what is sorted") {
		t.Errorf("%v, want the failed write", err)
	}
}

func TestRunsThatCannotBeReadAreNotMadeOne(t *testing.T) {
	t.Parallel()
	const size = 8 << 10
	for name, lost := range map[string]span{"from its beginning on": {from: 1 << 20, to: 1<<20 + 2}, "behind its first rows": {to: 1 << 20}} {
		f, last := newRuns(t, 1023, 2), &run{}
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		f.end, f.runs[500] = size, lost
		if err := last.add([]byte("key"), nil); err != nil {
			t.Fatal(err)
		}
		if err := f.append(last, defaultSizes); err == nil || !strings.Contains(err.Error(), "read what was sorted") {
			t.Errorf("a run that is lost %s: %v, want the failed read", name, err)
		}
	}
}

func TestTextsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	texts := []string{"", "a", "ü🙂\x00\x1f", strings.Repeat("x", 127), strings.Repeat("y", 128), strings.Repeat("z", 70_000), ""}
	buf := AppendTexts([]byte("before"), texts...)
	buf = append(buf, "behind"...)
	got := make([]string, len(texts))
	places := make([]*string, len(texts))
	for i := range got {
		places[i] = &got[i]
	}
	rest := ParseTexts(buf[len("before"):], places...)
	if !slices.Equal(got, texts) || string(rest) != "behind" || string(buf[:6]) != "before" {
		t.Errorf("%.40q and %q", got, rest)
	}
}
