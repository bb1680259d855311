package ahead

import (
	"errors"
	"iter"
	"strings"
	"testing"
)

// counted yields 0 to n-1 and then ends as told. It tells how far it came.
func counted(n int, end func() error) (seq iter.Seq2[int, error], came *int) {
	came = new(int)
	return func(yield func(int, error) bool) {
		for i := range n {
			*came = i
			if !yield(i, nil) {
				return
			}
		}
		if err := end(); err != nil {
			yield(0, err)
		}
	}, came
}

func well() error { return nil }

func keepInt(into *int, from int) int { *into = from; return 8 }

func TestReadingAheadGivesEveryElementInOrder(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, elements - 1, elements, elements + 1, 10*elements + 7} {
		seq, _ := counted(n, well)
		a := Read(seq, keepInt)
		for i := range n {
			if got := a.Advance(); got == nil || *got != i {
				t.Fatalf("element %d of %d is %v", i, n, got)
			}
		}
		if more := a.Advance(); more != nil || a.Err() != nil {
			t.Errorf("after %d elements: %v, %v", n, more, a.Err())
		}
		a.Close()
	}
}

func TestReadingAheadEndsWithTheErrorOfTheSequence(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	seq, _ := counted(3*elements+1, func() error { return broken })
	a := Read(seq, keepInt)
	defer a.Close()
	for a.Advance() != nil {
	}
	if !errors.Is(a.Err(), broken) {
		t.Errorf("it ended with %v", a.Err())
	}
}

func TestReadingAheadStopsWhenNobodyListens(t *testing.T) {
	t.Parallel()
	for read := range 3 * elements / 100 {
		seq, came := counted(1<<30, well)
		a := Read(seq, keepInt)
		for range 100 * read {
			a.Advance()
		}
		a.Close()
		if most := 100*read + (batches+3)*elements; *came > most {
			t.Errorf("%d elements were read for %d, at most %d are read ahead", *came, 100*read, most)
		}
	}
}

// A panic belongs to the run, which lives on, and not to a goroutine, which would end the program.
func TestReadingAheadPanicsWhereItIsRead(t *testing.T) {
	t.Parallel()
	seq, _ := counted(elements, func() error { panic("a row that no driver gives") })
	a := Read(seq, keepInt)
	defer a.Close()
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "a row that no driver gives\n") {
			t.Errorf("it panicked with %q", text)
		}
	}()
	for a.Advance() != nil {
	}
	t.Error("it came to an end")
}

func TestReadingAheadHoldsNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	seq, came := counted(1<<30, well)
	a := Read(seq, func(into *int, from int) int { *into = from; return maxBytes / 2 })
	a.Advance()
	a.Close()
	if most := 2 * (batches + 4); *came > most {
		t.Errorf("%d elements of 128 KiB were read ahead", *came)
	}
}
