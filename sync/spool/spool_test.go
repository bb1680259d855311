package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

type row struct{ key, value string }

// tiny makes a spool that goes to the disk after a few rows, and merges its runs soon.
func tiny(t testing.TB) *Spool {
	s := New(t.TempDir())
	s.size = sizes{run: 64, buffers: 128, window: 64, least: 32}
	return s
}

func fill(t testing.TB, s *Spool, rows []row) {
	t.Helper()
	for _, r := range rows {
		if err := s.Add([]byte(r.key), []byte(r.value)); err != nil {
			t.Fatal(err)
		}
	}
}

// sorted is what a spool returns.
func sorted(t testing.TB, s *Spool) []row {
	t.Helper()
	var got []row
	for k, v := range s.Sorted() {
		got = append(got, row{string(k), string(v)})
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return got
}

func check(t testing.TB, s *Spool, rows []row) {
	t.Helper()
	want := slices.Clone(rows)
	slices.SortStableFunc(want, func(a, b row) int { return strings.Compare(a.key, b.key) })
	if s.Len() != len(rows) {
		t.Errorf("Len is %d, want %d", s.Len(), len(rows))
	}
	got := sorted(t, s)
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("row %d of %d is %.80q, want %.80q", i, len(want), got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d rows came back, want %d", len(got), len(want))
	}
}

func closed(t testing.TB, s *Spool) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestRowsComeBackSorted(t *testing.T) {
	t.Parallel()
	big := func(n int, first string) string { return first + strings.Repeat("x", n) }
	many := func(n int, f func(i int) row) []row {
		rows := make([]row, n)
		for i := range rows {
			rows[i] = f(i)
		}
		return rows
	}
	tests := []struct {
		name string
		rows []row
	}{
		{"none", nil},
		{"one", []row{{"a", "1"}}},
		{"an empty one", []row{{"", ""}}},
		{"keys that are the beginning of others", []row{{"ab", ""}, {"a\x00", ""}, {"a", ""}, {"", ""}, {"a\x00\x00", ""}, {"\x00", ""}}},
		{"bytes, not letters", []row{{"é", ""}, {"z", ""}, {"Z", ""}, {"\xff\xff\xff\xff\xff\xff\xff\xff\xff", ""}, {"\xff\xff\xff\xff\xff\xff\xff\xff", ""}}},
		{"equal keys in their order", many(1000, func(i int) row { return row{fmt.Sprint(i % 3), fmt.Sprint(i)} })},
		{"empty keys in their order", many(1000, func(i int) row { return row{"", fmt.Sprint(i)} })},
		{"many empty rows", many(5000, func(int) row { return row{} })},
		{"keys that differ behind the eighth byte", many(1000, func(i int) row { return row{fmt.Sprintf("user-user-%04d", i*7919%1000), "v"} })},
		{"each run alike in another beginning", many(1000, func(i int) row {
			return row{[]string{"user-user-user-", "user-user", "user-zz", "u", "user-user-user-"}[i/200] + fmt.Sprintf("%03d", i*7919%200), "v"}
		})},
		{"keys alike in more than eight bytes, among others", append(many(50, func(i int) row { return row{fmt.Sprintf("alike-alike-%02d", 50-i), "v"} }), row{"b", ""})},
		{"keys of the highest bytes, while other runs have ended", append(many(100, func(i int) row { return row{fmt.Sprintf("a%02d", i), "v"} }),
			many(100, func(i int) row { return row{fmt.Sprintf("\xff\xff\xff\xff\xff\xff\xff\xff%02d", i), "v"} })...)},
		{"one key among others that is what they begin with", append(many(500, func(i int) row { return row{fmt.Sprintf("user-user-%04d", i), "v"} }), row{"user-user-", ""})},
		{"lengths about those of a longer header", func() (rows []row) {
			for _, k := range []int{0, 1, 127, 128, 255, 256} {
				for _, v := range []int{0, 1, 127, 128, 255, 256, 16384} {
					rows = append(rows, row{big(k, ""), big(v, "")})
				}
			}
			return rows
		}()},
		{"already sorted", many(1000, func(i int) row { return row{fmt.Sprintf("%05d", i), "v"} })},
		{"backwards", many(1000, func(i int) row { return row{fmt.Sprintf("%05d", 1000-i), "v"} })},
		{"values larger than a run", many(40, func(i int) row { return row{fmt.Sprint(i * 37 % 40), big(100*i, "v")} })},
		{"keys larger than a run", many(40, func(i int) row { return row{big(i*37%40*10, "k"), "v"} })},
		{"keys and values larger than a run among small ones", many(400, func(i int) row {
			if i%50 == 7 {
				return row{big(300, fmt.Sprint(i%5)), big(1000, "v")}
			}
			return row{fmt.Sprint(i % 5), "v"}
		})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for name, s := range map[string]*Spool{"in memory": New(t.TempDir()), "on disk": tiny(t)} {
				fill(t, s, test.rows)
				check(t, s, test.rows)
				check(t, s, test.rows) // again
				closed(t, s)
				if t.Failed() {
					t.Fatal(name)
				}
			}
		})
	}
}

func TestRowsCanBeAddedAfterReading(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*Spool{"in memory": New(t.TempDir()), "on disk": tiny(t)} {
		var rows []row
		for i := range 30 {
			more := []row{{fmt.Sprint(i % 7), fmt.Sprint("a", i)}, {fmt.Sprint(i % 5), fmt.Sprint("b", i)}}
			fill(t, s, more)
			rows = append(rows, more...)
			check(t, s, rows)
		}
		closed(t, s)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestKeysAndValuesAreCopied(t *testing.T) {
	t.Parallel()
	s := tiny(t)
	defer closed(t, s)
	var rows []row
	buf := make([]byte, 4)
	for i := range 100 {
		binary.BigEndian.PutUint32(buf, uint32(i*7919%100))
		if err := s.Add(buf, buf); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row{string(buf), string(buf)})
	}
	check(t, s, rows)
}

func TestRunsOfARealSize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := New(dir)
	defer closed(t, s)
	r := rand.New(rand.NewPCG(1, 2))
	var rows []row
	for i := range 60_000 {
		rows = append(rows, row{fmt.Sprintf("user%d@example.com", r.IntN(50_000)), fmt.Sprint(i, strings.Repeat("v", r.IntN(40)))})
		if i%10_000 == 0 {
			rows = append(rows, row{fmt.Sprint(i), strings.Repeat("large", 300_000)})
		}
	}
	fill(t, s, rows)
	if s.wait(); len(s.file.runs) < 3 {
		t.Errorf("%d runs, want several", len(s.file.runs))
	}
	check(t, s, rows)
	runs, end := len(s.file.runs), s.file.end
	if check(t, s, rows); len(s.file.runs) != runs || s.file.end != end {
		t.Error("reading again has written something")
	}
}

func TestManyRunsAreMergedInPasses(t *testing.T) {
	t.Parallel()
	s := tiny(t)
	defer closed(t, s)
	var rows []row
	for i := range 400 {
		rows = append(rows, row{fmt.Sprint(i % 10), fmt.Sprint(i, strings.Repeat("v", i%90))})
	}
	fill(t, s, rows)
	check(t, s, rows)
	if n := len(s.file.runs); n >= s.size.buffers/s.size.least {
		t.Errorf("%d runs are left", n)
	}
}

func TestDiskIsUsedOnlyIfNeeded(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "gone")
	s := New(dir)
	rows := []row{{"b", strings.Repeat("v", 500_000)}, {"a", strings.Repeat("w", 500_000)}}
	fill(t, s, rows)
	check(t, s, rows)

	err := s.Add([]byte("c"), make([]byte, 100_000))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "make room to sort: ") || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want the folder that is missing", err)
	}
	for range s.Sorted() {
		t.Error("a spool that has failed yields rows")
	}
	if again := s.Add(nil, nil); again != err || s.Err() != err {
		t.Errorf("the error was forgotten: %v, %v", again, s.Err())
	}
	closed(t, s)
}

func TestFileHasNoName(t *testing.T) {
	t.Parallel()
	s := tiny(t)
	fill(t, s, make([]row, 100))
	left, err := os.ReadDir(s.dir)
	if err != nil || len(left) > 0 {
		t.Errorf("in the folder: %v, %v", left, err)
	}
	info, err := s.file.Stat()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	closed(t, s)
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip("needs /dev/full:", err)
	}
	s := tiny(t)
	fill(t, s, make([]row, 12))
	s.wait()
	s.file.File.Close()
	s.file.File = full
	for err == nil {
		err = s.Add([]byte("key"), []byte("value"))
	}
	if !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("got %v, want no space", err)
	}
	for range s.Sorted() {
		t.Error("rows of a spool that has failed")
	}
	if !errors.Is(s.Err(), err) {
		t.Errorf("got %v, want %v", s.Err(), err)
	}
	closed(t, s)
}

func TestFailureOfTheLastRunIsFoundByReading(t *testing.T) {
	t.Parallel()
	s := tiny(t)
	fill(t, s, make([]row, 12))
	s.wait()
	s.file.File.Close()
	for range s.Sorted() {
		t.Error("rows that cannot all be there")
	}
	if !errors.Is(s.Err(), os.ErrClosed) {
		t.Errorf("got %v, want the failed write", s.Err())
	}
}

func TestCutFileIsAnError(t *testing.T) {
	t.Parallel()
	s := tiny(t)
	defer closed(t, s)
	var rows []row
	for i := range 500 {
		rows = append(rows, row{fmt.Sprint(i), strings.Repeat("v", 100)})
	}
	fill(t, s, rows)
	sorted(t, s)
	if err := s.file.Truncate(s.file.end - 1); err != nil {
		t.Fatal(err)
	}
	for range s.Sorted() {
	}
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "read what was sorted") {
		t.Errorf("got %v", err)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"in memory", "on disk"} {
		open := func(t *testing.T) *Spool {
			s := New(t.TempDir())
			if where == "on disk" {
				s = tiny(t)
			}
			for i := range 200 {
				fill(t, s, []row{{fmt.Sprint(i), "v"}})
			}
			return s
		}
		t.Run("while it is being read ends the sequence, "+where, func(t *testing.T) {
			t.Parallel()
			s, n := open(t), 0
			for key, value := range s.Sorted() {
				if n++; n == 10 {
					closed(t, s)
				}
				if len(key) == 0 || string(value) != "v" {
					t.Fatalf("row %d is %q %q", n, key, value)
				}
			}
			if n != 10 || !errors.Is(s.Err(), errClosed) {
				t.Errorf("%d rows, then %v", n, s.Err())
			}
		})
		t.Run("after a reader that left is clean, "+where, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			for range s.Sorted() {
				break
			}
			closed(t, s)
			closed(t, s)
			if s.Err() != nil {
				t.Errorf("Err: %v", s.Err())
			}
			if err := s.Add(nil, nil); !errors.Is(err, errClosed) {
				t.Errorf("Add: %v", err)
			}
			for range s.Sorted() {
				t.Error("a closed spool yields rows")
			}
			if !errors.Is(s.Err(), errClosed) {
				t.Errorf("Err after reading: %v", s.Err())
			}
		})
		t.Run("while it is being filled waits for the sorting, "+where, func(t *testing.T) {
			t.Parallel()
			// a goroutine that stays is a failure
			synctest.Test(t, func(t *testing.T) { closed(t, open(t)) })
		})
	}
}

func TestUseInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := tiny(t)
		defer closed(t, s)
		var rows []row
		for i := range 1000 {
			rows = append(rows, row{fmt.Sprint(i * 7919 % 1000), "v"})
		}
		fill(t, s, rows)
		check(t, s, rows)
	})
}

func TestAddingAllocatesNothingPerRow(t *testing.T) {
	s := New(t.TempDir())
	defer closed(t, s)
	key, value := make([]byte, 24), make([]byte, 16)
	i := uint64(0)
	add := func() {
		for range 100_000 {
			i++
			binary.BigEndian.PutUint64(key, i*0x9E3779B97F4A7C15)
			if err := s.Add(key, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	add() // both runs have their memory now
	if n := testing.AllocsPerRun(3, add); n > 50 {
		t.Errorf("%v allocations for 100,000 rows", n)
	}
	read := func() {
		for k, v := range s.Sorted() {
			if len(k) != 24 || len(v) != 16 {
				t.Fatal("another row")
			}
		}
	}
	if n := testing.AllocsPerRun(1, read); n > 200 {
		t.Errorf("%v allocations to read %d rows", n, s.Len())
	}
}

func FuzzSpool(f *testing.F) {
	f.Add([]byte("\x01\x01ab\x00\x00\x01\x00b"), uint16(64), uint16(32))
	f.Add(bytes.Repeat([]byte("\x03\x20aaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"), 40), uint16(16), uint16(20))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, run, window uint16) {
		s := New(dir)
		defer closed(t, s)
		w := max(int(window)%256, 16)
		s.size = sizes{run: int(run) % 512, buffers: 3 * w, window: w, least: w}
		var rows []row
		for len(data) >= 2 && len(rows) < 300 {
			k := min(int(data[0]), len(data)-2)
			v := min(int(data[1]), len(data)-2-k)
			rows = append(rows, row{string(data[2 : 2+k]), string(data[2+k : 2+k+v])})
			data = data[2+k+v:]
		}
		fill(t, s, rows)
		check(t, s, rows)
	})
}

// BenchmarkSpool sorts users as they come: addresses of 17 to 30 bytes in no order, values of 8 to
// 20.
func BenchmarkSpool(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			keys, values := users(n)
			dir := b.TempDir()
			b.ReportAllocs()
			b.SetBytes(int64(len(bytes.Join(keys, nil)) + len(bytes.Join(values, nil))))
			runtime.GC()
			for b.Loop() {
				s := New(dir)
				for i, key := range keys {
					if err := s.Add(key, values[i]); err != nil {
						b.Fatal(err)
					}
				}
				rows := 0
				for range s.Sorted() {
					rows++
				}
				if err := errors.Join(s.Err(), s.Close()); err != nil || rows != n {
					b.Fatal(rows, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
		})
	}
}

func users(n int) (keys, values [][]byte) {
	r := rand.New(rand.NewPCG(7, 7))
	names := []string{"ann", "bob", "carla", "dmitri", "eve", "francesca", "user", "mail"}
	for range n {
		keys = append(keys, fmt.Appendf(nil, "%s.%d@%s.example", names[r.IntN(len(names))], r.IntN(10*n), names[r.IntN(len(names))]))
		values = append(values, fmt.Appendf(nil, "K%07d%s", r.IntN(1e7), "abcdefghijkl"[:r.IntN(12)]))
	}
	return keys, values
}
