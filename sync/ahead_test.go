package sync

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"ccsyncd/sync/state"
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
	for _, n := range []int{0, 1, aheadElements - 1, aheadElements, aheadElements + 1, 10*aheadElements + 7} {
		seq, _ := counted(n, well)
		a := readAhead(seq, keepInt)
		for i := range n {
			if got := a.advance(); got == nil || *got != i {
				t.Fatalf("element %d of %d is %v", i, n, got)
			}
		}
		if more := a.advance(); more != nil || a.err != nil {
			t.Errorf("after %d elements: %v, %v", n, more, a.err)
		}
		a.close()
	}
}

func TestReadingAheadEndsWithTheErrorOfTheSequence(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	seq, _ := counted(3*aheadElements+1, func() error { return broken })
	a := readAhead(seq, keepInt)
	defer a.close()
	for a.advance() != nil {
	}
	if !errors.Is(a.err, broken) {
		t.Errorf("it ended with %v", a.err)
	}
}

func TestReadingAheadStopsWhenNobodyListens(t *testing.T) {
	t.Parallel()
	for read := range 3 * aheadElements / 100 {
		seq, came := counted(1<<30, well)
		a := readAhead(seq, keepInt)
		for range 100 * read {
			a.advance()
		}
		a.close()
		if most := 100*read + (aheadBatches+3)*aheadElements; *came > most {
			t.Errorf("%d elements were read for %d, at most %d are read ahead", *came, 100*read, most)
		}
	}
}

// A panic belongs to the run, which lives on, and not to a goroutine, which would end the program.
func TestReadingAheadPanicsWhereItIsRead(t *testing.T) {
	t.Parallel()
	seq, _ := counted(aheadElements, func() error { panic("a row that no driver gives") })
	a := readAhead(seq, keepInt)
	defer a.close()
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "a row that no driver gives\n") {
			t.Errorf("it panicked with %q", text)
		}
	}()
	for a.advance() != nil {
	}
	t.Error("it came to an end")
}

func TestReadingAheadHoldsNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	seq, came := counted(1<<30, well)
	a := readAhead(seq, func(into *int, from int) int { *into = from; return aheadBytes / 2 })
	a.advance()
	a.close()
	if most := 2 * (aheadBatches + 4); *came > most {
		t.Errorf("%d elements of 128 KiB were read ahead", *came)
	}
}

// A run that ends while it verifies counts a row once.
func TestWhatLandedOfAnOpenBatchIsNotUnverifiedToo(t *testing.T) {
	t.Parallel()
	var p pusher
	b := p.track(state.Batch{ID: 7, Run: 1, Kind: state.Import, State: state.Ended, Contacts: 3})
	for range 2 {
		p.landed(1, b, &judged{verdict: verdict{landed: true}})
	}
	r := &Report{Push: &Pushed{}}
	if p.count(r); r.Push.Verified != 2 || r.Push.Unverified != 1 {
		t.Errorf("%d verified, %d unverified of 3 with 2 landed", r.Push.Verified, r.Push.Unverified)
	}
}

func TestAPercentageOnlyShortensTheWaitForAnActivity(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, tt := range []struct {
		last, took time.Duration
		percent    int
		want       time.Duration
	}{
		{5 * s, 10 * s, 0, 8 * s},   // nothing to go by
		{5 * s, 10 * s, 100, 8 * s}, // all done, and yet not ended
		{5 * s, 10 * s, 1, 8 * s},   // 990 s from here, if that is to be believed
		{5 * s, 10 * s, 80, 2500 * time.Millisecond},
		{5 * s, 10 * s, 99, firstPoll},
		{25 * s, 60 * s, 0, lastPoll},
	} {
		if got := nextPoll(tt.last, tt.took, tt.percent); got != tt.want {
			t.Errorf("after %s at %d %% the wait is %s, want %s", tt.took, tt.percent, got, tt.want)
		}
	}
}
