package state

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// batch records a batch of some addresses.
func batch(t *testing.T, db *DB, norms ...string) Batch {
	t.Helper()
	b := Batch{Run: 1, Kind: Import, State: Recorded, Lists: []string{"l2", "l1"}, Mapping: "f:string", Contacts: len(norms), Tally: Tally{Creates: len(norms)}}
	rows := make([]BatchRow, len(norms))
	for i, norm := range norms {
		rows[i] = BatchRow{Norm: norm, Address: norm, Key: "7", Action: "create", Wanted: "NEW"}
	}
	var err error
	if b.ID, err = db.AddBatch(t.Context(), b, slices.Values(rows)); err != nil {
		t.Fatal(err)
	}
	return b
}

// move takes a batch through states.
func move(t *testing.T, db *DB, b Batch, through ...BatchState) Batch {
	t.Helper()
	for _, to := range through {
		if err := db.MoveBatch(t.Context(), b, to); err != nil {
			t.Fatal(err)
		}
		b.State = to
	}
	return b
}

func TestABatchIsKeptWholeAndMovesByCompareAndSwap(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	b := batch(t, db, "b@example.com", "a@example.com")
	b = move(t, db, b, Sending)
	b.Activity, b.Ending, b.Percent, b.Errors, b.ErrorCount = "activity", "processing", 40, []string{"Line 2: x", "Line 3: y"}, 2
	b = move(t, db, b, Sent)

	stale := b
	stale.State = Sending
	if err := open(t, db.Path()).MoveBatch(t.Context(), stale, Recorded); !errors.Is(err, ErrMoved) {
		t.Errorf("a process that comes late: %v, want ErrMoved", err)
	}
	open, err := db.OpenBatches(t.Context())
	if err != nil || len(open) != 1 {
		t.Fatalf("%d open batches (%v)", len(open), err)
	}
	got := open[0]
	if got.SendingAt.IsZero() || got.MovedAt.IsZero() || got.RecordedAt.IsZero() || !got.EndedAt.IsZero() {
		t.Errorf("moments: %+v", got)
	}
	got.RecordedAt, got.SendingAt, got.MovedAt = time.Time{}, time.Time{}, time.Time{}
	b.Lists = []string{"l1", "l2"}
	if diff := cmp.Diff(b, got); diff != "" {
		t.Errorf("as it is kept (-want +got):\n%s", diff)
	}
	pending, err := db.Pending(t.Context(), []string{"a@example.com", "c@example.com"})
	if err != nil || !pending["a@example.com"] || pending["c@example.com"] {
		t.Errorf("pending %v (%v)", pending, err)
	}
}

func TestOnlyABatchThatWasNeverAcceptedIsDropped(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	b := batch(t, db, "a@example.com")
	stale := b
	b = move(t, db, b, Sending)
	if err := db.DropBatch(t.Context(), stale); err != nil {
		t.Fatal(err)
	}
	if open, _ := db.OpenBatches(t.Context()); len(open) != 1 {
		t.Error("a batch was dropped that another process is sending")
	}
	if err := db.DropBatch(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if pending, _ := db.Pending(t.Context(), []string{"a@example.com"}); pending["a@example.com"] {
		t.Error("its rows are still there")
	}
}

// A batch of more rows than one transaction takes is dropped whole: neither the batch nor a row is
// left, and others stay.
func TestADroppedBatchLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, part - 1, part, part + 1, 2*part + 3} {
		db := fresh(t)
		norms := make([]string, n)
		for i := range norms {
			norms[i] = fmt.Sprintf("user%06d@example.com", i)
		}
		other := batch(t, db, norms[0], "z@example.com")
		b := batch(t, db, norms...)
		b = move(t, db, b, Sending)
		if err := db.DropBatch(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		left := struct{ Batches, Rows, Others int }{}
		if err := db.read.GetContext(t.Context(), &left, `SELECT (SELECT COUNT(*) FROM batches) AS batches,
			(SELECT COUNT(*) FROM batch_rows WHERE batch = ?) AS rows, (SELECT COUNT(*) FROM batch_rows WHERE batch = ?) AS others`, b.ID, other.ID); err != nil {
			t.Fatal(err)
		}
		if left.Batches != 1 || left.Rows != 0 || left.Others != 2 {
			t.Errorf("of %d rows are left: %+v", n, left)
		}
		if open, err := db.OpenBatches(t.Context()); err != nil || len(open) != 1 || open[0].ID != other.ID {
			t.Errorf("open batches %+v (%v)", open, err)
		}
		if pending, err := db.Pending(t.Context(), []string{norms[n-1], "z@example.com"}); err != nil || !pending["z@example.com"] || n > 1 && pending[norms[n-1]] {
			t.Errorf("pending %v (%v)", pending, err)
		}
	}
}

// A batch is dropped some thousand rows at a time. A process that dies meanwhile leaves it
// recorded, with the rows that are left: the next one drops these too.
func TestABatchWhoseDropWasInterruptedIsRecorded(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	norms := make([]string, 2*part)
	for i := range norms {
		norms[i] = fmt.Sprintf("user%06d@example.com", i)
	}
	b := move(t, db, batch(t, db, norms...), Sending)
	exec := func(statement string) {
		t.Helper()
		if _, err := db.write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TRIGGER broken BEFORE DELETE ON batch_rows WHEN OLD.norm = '" + norms[2*part-1] + "' BEGIN SELECT RAISE(ABORT, 'broken'); END")
	if err := db.DropBatch(t.Context(), b); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Fatalf("interrupted: %v", err)
	}
	exec("DROP TRIGGER broken")
	open, err := db.OpenBatches(t.Context())
	if err != nil || len(open) != 1 || open[0].State != Recorded {
		t.Fatalf("open batches %+v (%v), want it recorded", open, err)
	}
	left := 0
	for range db.BatchRows(t.Context(), b.ID) {
		left++
	}
	if left != part {
		t.Errorf("%d rows are left, want %d: one transaction took the others", left, part)
	}
	if err := db.DropBatch(t.Context(), open[0]); err != nil {
		t.Fatal(err)
	}
	if open, err := db.OpenBatches(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("open batches %+v (%v)", open, err)
	}
}

func TestABatchIsSettledInStepsAndClosedOnce(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	contact := Contact{Norm: "a@example.com", ID: "a", Fields: "NEW"}
	if _, err := db.PutContacts(t.Context(), Mirror{}, []Contact{contact}, ""); err != nil {
		t.Fatal(err)
	}
	// problems belong to a run
	if _, err := db.BeginRun(t.Context(), Run{Trigger: "command"}); err != nil {
		t.Fatal(err)
	}
	b := move(t, db, batch(t, db, "a@example.com", "b@example.com", "c@example.com"), Sending, Sent, Ended)
	problem := &Problem{Norm: "b@example.com", Reason: "lost", Wanted: "NEW", Attempts: 1, RetryAt: time.Now().Add(time.Hour), Run: 1}
	for range 2 { // a process that died between them does all of it again
		if err := db.Land(t.Context(), b.ID, "", []Landed{{Norm: "a@example.com", Filled: "NEW"}}); err != nil {
			t.Fatal(err)
		}
		if err := db.Fail(t.Context(), b.ID, []Failed{{Norm: "b@example.com", Reason: "lost", Problem: problem}, {Norm: "c@example.com", Reason: "lost"}}); err != nil {
			t.Fatal(err)
		}
	}
	if open, _ := db.OpenBatches(t.Context()); len(open) != 1 || open[0].State != Ended {
		t.Errorf("before its end is written down: %+v", open)
	}
	if err := db.Settle(t.Context(), b.ID, Tally{Creates: 1}); err != nil {
		t.Fatal(err)
	}
	results := map[string]string{}
	for row, err := range db.BatchRows(t.Context(), b.ID) {
		if err != nil {
			t.Fatal(err)
		}
		results[row.Norm] = row.Result
	}
	if diff := cmp.Diff(map[string]string{"a@example.com": Done, "b@example.com": "lost", "c@example.com": "lost"}, results); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if found, _ := db.Contacts(t.Context(), "", []string{"a@example.com"}); len(found) != 1 || found[0].Filled != "NEW" {
		t.Errorf("contacts %+v", found)
	}
	if at, err := db.NextRetry(t.Context()); err != nil || time.Until(at) < 59*time.Minute {
		t.Errorf("the next retry is at %s (%v)", at, err)
	}
	if sum, err := db.SentSince(t.Context(), time.Now().Add(-time.Hour)); err != nil || sum.Creates != 1 {
		t.Errorf("sent %+v (%v), want what landed", sum, err)
	}
	for what, err := range map[string]error{
		"settled twice": db.Settle(t.Context(), b.ID, Tally{}),
		"landed late":   db.Land(t.Context(), b.ID, "", []Landed{{Norm: "b@example.com"}}),
		"failed late":   db.Fail(t.Context(), b.ID, []Failed{{Norm: "a@example.com", Reason: "lost"}}),
	} {
		if !errors.Is(err, ErrMoved) {
			t.Errorf("%s: %v, want ErrMoved", what, err)
		}
	}
	if problems, err := db.ProblemsOf(t.Context(), []string{"b@example.com"}); len(problems) != 1 || err != nil {
		t.Errorf("a late process ended a problem: %v, %v", problems, err)
	}
}

// A contact that the import was to add to a list, and that is not on it, has left it.
func TestALandedContactHasLeftTheListsThatItIsNotOn(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	put(t, db, Contact{Norm: "a@example.com", ID: "1", Lists: []string{"l1"}}, Contact{Norm: "a@example.com", ID: "2", Lists: []string{"l2"}}, Contact{Norm: "b@example.com", ID: "3"})
	b := move(t, db, batch(t, db, "a@example.com", "b@example.com"), Sending, Sent, Ended)
	landed := []Landed{{Norm: "a@example.com", Filled: "NEW", Key: "7", Left: []string{"l1", "l2", "l3"}}, {Norm: "b@example.com", Filled: "NEW", Key: "8"}}
	if err := db.Land(t.Context(), b.ID, "another", landed); !errors.Is(err, ErrMapping) {
		t.Errorf("values of another mapping: %v", err)
	}
	if found, err := db.Contacts(t.Context(), "", []string{"b@example.com"}); err != nil || found[0].Filled != "" {
		t.Errorf("values of another mapping are kept: %+v (%v)", found, err)
	}
	if err := db.Land(t.Context(), b.ID, "", landed); err != nil {
		t.Fatal(err)
	}
	found, err := db.Contacts(t.Context(), "", []string{"a@example.com", "b@example.com"})
	if err != nil || len(found) != 3 {
		t.Fatal(found, err)
	}
	for i, want := range []Contact{{Left: []string{"l2", "l3"}, FilledKey: "7"}, {Left: []string{"l1", "l3"}, FilledKey: "7"}, {FilledKey: "8"}} {
		if got := found[i]; !slices.Equal(got.Left, want.Left) || got.Filled != "NEW" || got.FilledKey != want.FilledKey {
			t.Errorf("%+v, want that it left %v and was filled for %s", got, want.Left, want.FilledKey)
		}
	}
}

// What the guard counts, and where a remapping stands, is kept as JSON.
func TestWhatCannotBeUnderstoodIsAnError(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	move(t, db, batch(t, db, "a@example.com"), Sending)
	if _, err := db.write.ExecContext(t.Context(), "UPDATE batches SET tally = '{'"); err != nil {
		t.Fatal(err)
	}
	if err := db.SetFacts(t.Context(), map[string]string{factRemapping: "{"}); err != nil {
		t.Fatal(err)
	}
	same := func(string, string) func(string) string { return func(v string) string { return v } }
	for what, err := range map[string]error{"OpenBatches": err2(db.OpenBatches(t.Context())), "SentSince": err2(db.SentSince(t.Context(), time.Time{})),
		"Remap": db.Remap(t.Context(), "new", same)} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// There are four connections for all who read.
func TestWhoStopsReadingHoldsNothingOpen(t *testing.T) {
	t.Parallel()
	db := full(t)
	for range 9 {
		for range db.Problems(t.Context()) {
			break
		}
		for range db.BatchRows(t.Context(), 1) {
			break
		}
		for range db.Entries(t.Context(), "m") {
			break
		}
	}
	if open := db.read.Stats().InUse; open != 0 {
		t.Errorf("%d connections are in use", open)
	}
}

func TestABatchOfManyRowsIsRecordedWhole(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	norms := make([]string, 2*part+1)
	for i := range norms {
		norms[i] = fmt.Sprintf("user%05d@example.com", i)
	}
	b := batch(t, db, norms...)
	var got []string
	for row, err := range db.BatchRows(t.Context(), b.ID) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row.Norm)
	}
	if !slices.Equal(got, norms) {
		t.Errorf("%d rows, want %d in order", len(got), len(norms))
	}
	broken := slices.Values([]BatchRow{{Norm: "a@example.com", Action: "no such action"}})
	if _, err := db.AddBatch(t.Context(), b, broken); err == nil {
		t.Error("a row with an unknown action was kept")
	}
}

func TestHistoryIsPrunedAndWhatIsOpenStays(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, db *DB) {
		run := func() int64 {
			id, err := db.BeginRun(t.Context(), Run{Trigger: "schedule"})
			if err != nil {
				t.Fatal(err)
			}
			if err := db.EndRun(t.Context(), Run{ID: id, Outcome: "synced"}); err != nil {
				t.Fatal(err)
			}
			return id
		}
		for range 3 {
			run()
		}
		settled := move(t, db, batch(t, db, "a@example.com"), Sending, Sent, Ended)
		if err := db.Settle(t.Context(), settled.ID, Tally{}); err != nil {
			t.Fatal(err)
		}
		stalled := move(t, db, batch(t, db, "b@example.com"), Sending, Sent)
		time.Sleep(100 * 24 * time.Hour)
		last := run()
		for range 2 { // rows first, then what has none any more
			if err := db.Prune(t.Context(), 90*24*time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		runs, err := db.Runs(t.Context(), 10)
		if err != nil || len(runs) != 1 || runs[0].ID != last {
			t.Errorf("runs %+v (%v)", runs, err)
		}
		var left []int64
		for _, norm := range []string{"a@example.com", "b@example.com"} {
			pushes, err := db.Pushes(t.Context(), norm, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range pushes {
				left = append(left, p.Batch)
			}
		}
		if !slices.Equal(left, []int64{stalled.ID}) {
			t.Errorf("batches %v are left, want %d alone", left, stalled.ID)
		}
	})
}

func TestEachRequestForTheDaemonIsTakenOnceAndAgainAfterItsDeath(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	ask := func(options string) int64 {
		id, err := db.Ask(context.Background(), options)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	taken := func() (all []string) {
		for {
			r, ok, err := open(t, db.Path()).Asked(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return all
			}
			all = append(all, r.Options)
		}
	}
	first := ask("one")
	ask("two")
	if got := taken(); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("taken %v", got)
	}
	if err := db.SetAnswer(t.Context(), first, "done"); err != nil {
		t.Fatal(err)
	}
	if got := taken(); got != nil {
		t.Errorf("taken twice: %v", got)
	}
	if _, err := db.Requeue(t.Context()); err != nil { // a daemon died before the second answer
		t.Fatal(err)
	}
	if got := taken(); !slices.Equal(got, []string{"two"}) {
		t.Errorf("taken again: %v", got)
	}
	if answer, err := db.Answer(t.Context(), first); err != nil || answer != "done" {
		t.Errorf("answer %q (%v)", answer, err)
	}
}
