package state

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// What a run asks about batches, problems and contacts is answered from what was put there.
func TestWhatTheJournalAnswers(t *testing.T) {
	t.Parallel()
	db := full(t)
	sent := batch(t, db, "b@example.com")
	sent = move(t, db, sent, Sending)
	sent.Activity = "ours"
	move(t, db, sent, Sent)
	known, err := db.KnownActivities(t.Context(), []string{"ours", "theirs"})
	if want := map[string]bool{"ours": true}; err != nil || !maps.Equal(known, want) {
		t.Errorf("known activities %v (%v)", known, err)
	}
	if none, err := db.KnownActivities(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("of none: %v (%v)", none, err)
	}
	of, err := db.RunBatches(t.Context(), 1)
	if err != nil || len(of) != 4 || of[0].ID > of[3].ID || of[3].Activity != "ours" {
		t.Errorf("batches of the run: %+v (%v)", of, err)
	}
	if of, err := db.RunBatches(t.Context(), 2); err != nil || len(of) != 0 {
		t.Errorf("batches of another run: %+v (%v)", of, err)
	}
	open, err := db.OpenBatches(t.Context())
	if err != nil || len(open) != 3 {
		t.Errorf("open batches: %+v (%v)", open, err)
	}
	problems, err := db.ProblemsOf(t.Context(), []string{"a@example.com", "b@example.com"})
	if p := problems["a@example.com"]; err != nil || len(problems) != 1 || p.Address != "A@example.com" || p.Run != 1 {
		t.Errorf("problems %+v (%v)", problems, err)
	}
	history, err := db.RunProblems(t.Context(), 1, 10)
	if err != nil || len(history) != 1 || history[0].Address != "A@example.com" {
		t.Errorf("problems of the run %+v (%v)", history, err)
	}
	mark, err := db.Mark(t.Context())
	if want := (Mark{Open: 2, Run: 1, Batches: 1}); err != nil || mark != want {
		t.Errorf("mark %+v (%v)", mark, err)
	}
	if err := db.SolveProblems(t.Context(), []string{"b@example.com"}); err != nil {
		t.Fatal(err)
	}
	if mark, err := db.Mark(t.Context()); err != nil || mark.Open != 2 {
		t.Errorf("another's problem was solved: %+v (%v)", mark, err)
	}
	if err := db.SolveProblems(t.Context(), []string{"a@example.com"}); err != nil {
		t.Fatal(err)
	}
	if mark, err := db.Mark(t.Context()); err != nil || mark != (Mark{Open: 1, Batches: 1}) {
		t.Errorf("the problem is still there: %+v (%v)", mark, err)
	}
	pushes, err := db.Pushes(t.Context(), "a@example.com", 2)
	if err != nil || len(pushes) != 2 || pushes[0].Batch != 3 || pushes[0].State != string(Settled) || pushes[0].Wanted != "NEW" || pushes[1].Batch != 2 {
		t.Errorf("pushes %+v (%v)", pushes, err)
	}
}

// The guard counts what was sent lately: on its way as it was planned, settled as it landed.
// Neither what was only recorded counts, nor what somebody forced.
func TestWhatTheGuardCountsAsSent(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		ended := func(forced bool, creates int, through ...BatchState) Batch {
			t.Helper()
			id, err := db.BeginRun(t.Context(), Run{Trigger: "command", Forced: forced})
			if err != nil {
				t.Fatal(err)
			}
			b := Batch{Run: id, Kind: Import, State: Recorded, Tally: Tally{Creates: creates}}
			if b.ID, err = db.AddBatch(t.Context(), b, slices.Values([]BatchRow{{Norm: "a@example.com", Action: "create"}})); err != nil {
				t.Fatal(err)
			}
			return move(t, db, b, through...)
		}
		since := time.Now()
		ended(false, 1, Sending)
		time.Sleep(time.Second)
		ended(false, 10)
		ended(false, 100, Sending)
		ended(false, 1000, Sending, Sent)
		ended(true, 10_000, Sending, Sent)
		settled := ended(false, 100_000, Sending, Sent, Ended)
		if err := db.Settle(t.Context(), settled.ID, Tally{Creates: 7}); err != nil {
			t.Fatal(err)
		}
		for after, want := range map[time.Time]int{since: 1107, since.Add(-time.Second): 1108, time.Now(): 0} {
			if sum, err := db.SentSince(t.Context(), after); err != nil || sum.Creates != want {
				t.Errorf("since %s: %+v (%v), want %d", after, sum, err, want)
			}
		}
	})
}

// The next retry is the earliest of all, and zero when there is none.
func TestWhenTheNextRetryIsDue(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	if at, err := db.NextRetry(t.Context()); err != nil || !at.IsZero() {
		t.Errorf("with no problem: %s (%v)", at, err)
	}
	run, err := db.BeginRun(t.Context(), Run{})
	if err != nil {
		t.Fatal(err)
	}
	b := move(t, db, batch(t, db, "a@example.com", "b@example.com"), Sending, Sent, Ended)
	soon := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var failed []Failed
	for i, norm := range []string{"a@example.com", "b@example.com"} {
		failed = append(failed, Failed{Norm: norm, Reason: "lost", Problem: &Problem{Norm: norm, Reason: "lost", Attempts: i + 1, Run: run, RetryAt: soon.Add(time.Duration(1-i) * time.Hour)}})
	}
	if err := db.Fail(t.Context(), b.ID, failed); err != nil {
		t.Fatal(err)
	}
	if at, err := db.NextRetry(t.Context()); err != nil || !at.Equal(soon) {
		t.Errorf("the next retry is at %s (%v), want %s", at, err, soon)
	}
	var seen []string
	for p, err := range db.Problems(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, p.Norm)
	}
	if !slices.Equal(seen, []string{"a@example.com", "b@example.com"}) {
		t.Errorf("problems of %v", seen)
	}
	for range db.Problems(t.Context()) {
		break // the rest is not read
	}
}

// A record is what its writer knows; one that is removed, or that nobody understands, is none.
func TestRecordsAreKeptAndRemoved(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	type note struct{ N int }
	want := func(name string, ok bool, n int) {
		t.Helper()
		var got note
		if found, err := db.Record(t.Context(), name, &got); err != nil || found != ok || got.N != n {
			t.Errorf("%s is %+v %v (%v)", name, got, found, err)
		}
	}
	want("last", false, 0)
	if err := db.SetRecords(t.Context(), Records{"last": `{"N":7}`, "strange": "not JSON"}); err != nil {
		t.Fatal(err)
	}
	want("last", true, 7)
	want("strange", false, 0)
	id, err := db.BeginRun(t.Context(), Run{Records: Records{"last": ""}})
	if err != nil {
		t.Fatal(err)
	}
	want("last", false, 0)
	if err := db.EndRun(t.Context(), Run{ID: id, Outcome: "synced", Records: Records{"last": `{"N":8}`}}); err != nil {
		t.Fatal(err)
	}
	want("last", true, 8)
}

// Less than two seconds are no difference of clocks, and what was one before is none any more.
func TestTheServersClockIsKeptAndCorrected(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		want := func(ahead, skew time.Duration) {
			t.Helper()
			if err := db.Saw(t.Context(), time.Now().Add(ahead)); err != nil {
				t.Fatal(err)
			}
			if db.Skew() != skew || time.Until(db.Now()).Round(time.Second) != skew {
				t.Errorf("after a Date %s ahead the clocks differ by %s, want %s", ahead, db.Skew(), skew)
			}
			other := open(t, db.Path())
			defer other.Close()
			if other.Skew() != skew {
				t.Errorf("opened again they differ by %s, want %s", other.Skew(), skew)
			}
		}
		want(2*time.Second, 0)
		want(time.Hour, time.Hour)
		want(time.Hour+time.Second, time.Hour)
		want(-time.Second, 0)
	})
}
