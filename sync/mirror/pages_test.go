package mirror

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/sync/spool"
)

// counts lets the pages of all contacts count what of says of each pass, from 1 on; nothing where
// that is negative.
func (w *world) counts(of func(pass int) int) {
	member, wire, pass := regexp.MustCompile(`,?"contacts_count":\d+`), w.wire, 0
	w.edits("contacts?", func(_ int, body string) string {
		n := of(pass)
		if n < 0 {
			return member.ReplaceAllString(body, "")
		}
		return member.ReplaceAllString(body, fmt.Sprintf(`,"contacts_count":%d`, n))
	})
	edited := w.wire
	w.wire = through(func(r *http.Request) (*http.Response, error) {
		switch query := r.URL.Query(); {
		case r.URL.Path != "/v3/contacts", query.Has("updated_after"):
			return wire.RoundTrip(r)
		case !query.Has("cursor"):
			pass++
		}
		return edited.RoundTrip(r)
	})
}

// passes counts how often the pages were read from the first on.
func passes(asked []string) (n int) {
	for _, text := range asked {
		if text == "GET contacts" {
			n++
		}
	}
	return n
}

// Somebody who was on no page would be created again, or taken for gone.
func TestPagesAreReadUntilTheyShowAsManyAsAreCountedOrTwiceTheSame(t *testing.T) {
	t.Parallel()
	always := func(n int) func(int) int { return func(int) int { return n } }
	each := func(n ...int) func(int) int { return func(pass int) int { return n[pass-1] } }
	for name, c := range map[string]struct {
		count    func(pass int) int
		switches sandbox.Switches
		passes   int
		doubt    string // "": none
		failed   bool
	}{
		"all are shown":               {count: always(12), passes: 1},
		"more are shown":              {count: always(11), passes: 1},
		"one is missing":              {count: always(13), passes: 2, doubt: "counts 13 contacts, but its pages showed 12, twice in a row"},
		"one is missing, then two":    {count: each(13, 14, 14), passes: 3, doubt: "counts 14 contacts"},
		"the count never stands":      {count: each(13, 14, 13, 14, 13), passes: 5, failed: true},
		"the count is right at last":  {count: each(13, 14, 13, 14, 12), passes: 5},
		"half are missing":            {count: always(24), passes: 2, doubt: "counts 24 contacts"},
		"more than half are missing":  {count: always(25), passes: 5, failed: true},
		"nothing is counted":          {count: always(-1), passes: 1},
		"only statistics, too many":   {count: always(-1), switches: sandbox.Switches{CountsHigh: 3}, passes: 2, doubt: "counts 15 contacts, but its pages showed 12, twice in a row; before creating a contact, ccsyncd looks up its address; its statistics count 15"},
		"statistics contradict pages": {count: always(13), switches: sandbox.Switches{CountsHigh: 3}, passes: 2, doubt: "its statistics count 15"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, 12, func(w *world) {
				w.throw(c.switches)
				w.counts(c.count)
				m := w.run()
				err := m.Refresh(w.t.Context())
				if errors.Is(err, ErrIncomplete) != c.failed || err != nil && !c.failed {
					t.Errorf("%v, want it to fail: %v", err, c.failed)
				}
				if n := passes(w.asked("cursor")); n != c.passes {
					t.Errorf("%d passes, want %d", n, c.passes)
				}
				doubt, failed := Doubt(w.t.Context(), w.db)
				if (doubt != "") != (c.doubt != "") || !strings.Contains(doubt, c.doubt) || failed != nil {
					t.Errorf("doubt %q (%v), want %q", doubt, failed, c.doubt)
				}
				for pass := 1; pass <= c.passes; pass++ {
					want := fmt.Sprintf("reading all contacts, pass %d showed 12 of ", pass)
					if told := slices.ContainsFunc(w.notes, func(n string) bool { return strings.HasPrefix(n, want) }); told != (pass < c.passes || c.failed) {
						t.Errorf("notes %q of pass %d", w.notes, pass)
					}
				}
				if c.doubt != "" && w.notes[len(w.notes)-1] != doubt {
					t.Errorf("notes %q, want the last to be %q", w.notes, doubt)
				}
				if !c.failed {
					w.wantTruth(m)
				}
			})
		})
	}
}

func TestASnapshotOfPagesTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		w.refresh("snapshot")
		if want := []string{"snapshot 5/12", "snapshot 10/12", "snapshot 12/12"}; !slices.Equal(w.steps, want) {
			t.Errorf("steps %q, want %q", w.steps, want)
		}
		w.wantNotes()
		w.steps, w.full = nil, true
		w.counts(func(int) int { return -1 })
		w.refresh("snapshot")
		if want := []string{"snapshot 5/0", "snapshot 10/0", "snapshot 12/0"}; !slices.Equal(w.steps, want) {
			t.Errorf("where nothing is counted: steps %q, want %q", w.steps, want)
		}
	})
}

func TestAnEmptyAccountIsReadOnceAndWithoutDoubt(t *testing.T) {
	t.Parallel()
	inWorld(t, 0, func(w *world) {
		w.refresh("snapshot")
		w.wantNotes()
		if asked := w.asked(); len(asked) != 1 {
			t.Errorf("asked %q", asked)
		}
	})
}

func TestWhoIsNotShownByOnePassIsShownByAnother(t *testing.T) {
	t.Parallel()
	inWorld(t, 22, func(w *world) {
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultShiftedPage, Rows: 2, At: []int{3}, Path: "/v3/contacts"})
		w.refresh("snapshot")
		w.wantNotes("pass 1 showed 20 of 22")
		if n := passes(w.asked("cursor")); n != 2 {
			t.Errorf("%d passes", n)
		}
	})
}

// Nobody counts: then nothing is known of how many are missing.
func TestPagesWithoutACountAreNotBelievedWhereTheStatisticsAreSilentToo(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		w.counts(func(int) int { return -1 })
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 403, Path: "/v3/contacts/counts"})
		if err := w.run().Refresh(w.t.Context()); !errors.Is(err, ErrIncomplete) {
			t.Errorf("%v", err)
		}
		if len(w.notes) != 5 || !strings.HasSuffix(w.notes[0], "showed 12 of an unknown number of") {
			t.Errorf("notes %q", w.notes)
		}
	})
}

// It would cost every page of the account, each time.
func TestASnapshotThatStayedIncompleteIsNotBegunAgainAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		w.counts(func(pass int) int { return 12 + pass })
		for _, pause := range []time.Duration{time.Minute, 2 * time.Minute} {
			if err := w.run().Refresh(w.t.Context()); !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "after 5 passes") {
				t.Fatalf("%v", err)
			}
			time.Sleep(pause - 2*time.Second)
			w.asked()
			if err := w.run().Refresh(w.t.Context()); !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "the next attempt is due at 2000-01-01T") {
				t.Errorf("%v", err)
			}
			if asked := w.asked(); len(asked) > 0 {
				t.Errorf("asked %q before the pause was over", asked)
			}
			time.Sleep(2 * time.Second)
		}
		w.wire = w.net
		w.refresh("snapshot")
		w.counts(func(pass int) int { return 12 + pass })
		w.full = true
		if err := w.run().Refresh(w.t.Context()); !errors.Is(err, ErrIncomplete) {
			t.Fatalf("%v", err)
		}
		if times, _, err := w.run().pager.incomplete(w.t.Context()); times != 1 || err != nil {
			t.Errorf("after a complete one it stayed incomplete for the %d. time in a row (%v)", times, err)
		}
	})
}

func TestASnapshotThatWasInterruptedIsResumedWhereItStopped(t *testing.T) {
	t.Parallel()
	const resumed, anew = "GET contacts cursor=", "GET contacts"
	refused := func(status, at int) func(*world) {
		return func(w *world) {
			w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: status, At: []int{at}, Path: "/v3/contacts"})
		}
	}
	for name, c := range map[string]struct {
		then  func(w *world)
		first string // what is asked first
		asks  int
		fails bool
	}{
		"at once":                            {func(*world) {}, resumed, 2, false},
		"within an hour":                     {func(*world) { time.Sleep(time.Hour - time.Second) }, resumed, 2, false},
		"an hour later":                      {func(*world) { time.Sleep(time.Hour) }, anew, 5, false},
		"with another mapping":               {func(w *world) { w.remap(true) }, anew, 5, false},
		"its link is not found":              {refused(404, 1), resumed, 6, false},
		"its link is refused":                {refused(400, 1), resumed, 6, false},
		"its link is gone":                   {refused(410, 1), resumed, 6, false},
		"a later link is not found":          {refused(404, 2), resumed, 2, true},
		"its link is not found, nor a later": {func(w *world) { refused(404, 1)(w); refused(404, 3)(w) }, resumed, 3, true},
		"the server is down":                 {func(w *world) { w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 503}) }, resumed, 6, true},
		"one is missing":                     {func(w *world) { w.counts(func(int) int { return 23 }) }, resumed, 13, false},
		"one was missing": {func(w *world) {
			w.counts(func(pass int) int { return 23 - pass })
		}, resumed, 7, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, 22, func(w *world) {
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultUnauthorized, At: []int{4}})
				if err := w.run().Refresh(w.t.Context()); err == nil {
					t.Fatal("it was not interrupted")
				}
				w.box.ClearFaults()
				w.asked()
				c.then(w)
				m := w.run()
				err := m.Refresh(w.t.Context())
				if (err != nil) != c.fails {
					t.Errorf("%v", err)
				}
				asked := w.asked("cursor")
				if len(asked) != c.asks || !strings.HasPrefix(asked[0], c.first) || strings.HasPrefix(asked[0], resumed) != (c.first == resumed) {
					t.Errorf("asked %q, want %d of them, %q first", asked, c.asks, c.first)
				}
				if !c.fails {
					w.wantTruth(m)
					return
				}
				w.box.ClearFaults()
				w.refresh("snapshot")
			})
		})
	}
}

// What it shows is as old as its first page.
func TestAResumedSnapshotIsOfTheTimeWhenItBegan(t *testing.T) {
	t.Parallel()
	inWorld(t, 22, func(w *world) {
		began := time.Now()
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultUnauthorized, At: []int{4}})
		w.run().Refresh(w.t.Context())
		time.Sleep(freshFor - time.Second)
		w.box.ClearFaults()
		m := w.refresh("snapshot")
		if at, err := w.db.Mirror(w.t.Context()); err != nil || !at.SnapshotAt.Equal(began) || !at.Mark.Equal(began) {
			t.Errorf("%+v (%v), want a snapshot of %s", at, err, began)
		}
		if !m.Fresh() || m.SnapshotSince(began) || !m.SnapshotSince(began.Add(-1)) || !m.RefreshedWithin(time.Second) {
			t.Error("it is not fresh, or not of the time when it began")
		}
		time.Sleep(time.Second)
		if m.Fresh() || m.RefreshedWithin(time.Second) || !m.RefreshedWithin(time.Second+1) {
			t.Errorf("it is fresh five minutes after it began")
		}
		if other := w.run(); other.Fresh() || other.SnapshotSince(began.Add(-1)) || other.RefreshedWithin(time.Hour) {
			t.Error("another run takes it for its own")
		}
	})
}

func TestContactsThatVanishedLeaveTheMirrorWithTheNextSnapshotOfPages(t *testing.T) {
	t.Parallel()
	for _, vanish := range []int{1, 30} {
		t.Run(fmt.Sprint(vanish), func(t *testing.T) {
			t.Parallel()
			inWorld(t, 40-vanish, func(w *world) {
				before := w.box.Snapshot()
				w.crowd(40-vanish, 40)
				w.refresh("snapshot")
				if err := w.box.Restore(before); err != nil {
					w.t.Fatal(err)
				}
				w.full = true
				w.refresh("snapshot")
			})
		})
	}
}

// A spool that lost something would make two passes alike that are not.
func TestPassesWhoseContactsCannotBeSortedAreNotCompared(t *testing.T) {
	t.Parallel()
	s := spool.New(t.TempDir())
	if err := s.Add([]byte("a"), nil); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := digestOf(s); err == nil {
		t.Error("no error")
	}
}
