package state

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ask leaves a request and takes it, as a daemon does.
func ask(t *testing.T, db *DB, options string) (id int64) {
	t.Helper()
	id, err := db.Ask(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if r, ok, err := db.Asked(t.Context()); err != nil || !ok || r.ID != id || r.Options != options || db.Now().Sub(r.AskedAt).Abs() > time.Minute {
		t.Fatalf("took %+v %v %v", r, ok, err)
	}
	return id
}

func wantAnswer(t *testing.T, db *DB, id int64, want string) {
	t.Helper()
	if got, err := db.Answer(t.Context(), id); got != want || err != nil {
		t.Errorf("the answer to request %d is %q, %v; want %q", id, got, err, want)
	}
}

// A push beside it waits for its answer: an erasure request takes no more than its own address.
func TestForgetLeavesOtherPeoplesAnswers(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	other := ask(t, db, `{"only":["ann@example.com"]}`)
	if err := db.SetAnswer(t.Context(), other, `{"users":"ann@example.com"}`); err != nil {
		t.Fatal(err)
	}
	all := ask(t, db, `{"force":true}`)
	if err := db.SetAnswer(t.Context(), all, `{"changes":["Ben@Example.com","ann@example.com"]}`); err != nil {
		t.Fatal(err)
	}
	open := ask(t, db, `{"full":true}`)
	his := ask(t, db, `{"only":["BEN@example.com"]}`)
	if _, err := db.Forget(t.Context(), "ben@example.com"); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, db, other, `{"users":"ann@example.com"}`)
	wantAnswer(t, db, all, `{"changes":["••","ann@example.com"]}`)
	wantAnswer(t, db, open, "")
	if _, err := db.Answer(t.Context(), his); !errors.Is(err, ErrWithdrawn) || strings.Contains(err.Error(), "sql:") {
		t.Errorf("who had asked for the forgotten one is told %v, want ErrWithdrawn", err)
	}
	if err := db.SetAnswer(t.Context(), his, "late"); err != nil {
		t.Errorf("the daemon's late answer: %v", err)
	}
}

// What was asked is not kept once it is answered, and not handed out again.
func TestAnAnsweredRequestKeepsNoOptions(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	first, second := ask(t, db, `{"only":["ann@example.com"]}`), ask(t, db, `{}`)
	if err := db.SetAnswer(t.Context(), first, "done"); err != nil {
		t.Fatal(err)
	}
	var options string
	if err := db.read.GetContext(t.Context(), &options, "SELECT options FROM requests WHERE id = ?", first); err != nil || options != "" {
		t.Errorf("options %q, %v", options, err)
	}
	if newest, err := db.Requeue(t.Context()); err != nil || newest != second {
		t.Fatalf("the newest request is %d, %v; want %d", newest, err, second)
	}
	if r, ok, err := db.Asked(t.Context()); !ok || r.ID != second || err != nil {
		t.Errorf("after the daemon's death %+v %v %v is taken up, want request %d", r, ok, err, second)
	}
	if r, ok, err := db.Asked(t.Context()); ok || err != nil {
		t.Errorf("then %+v %v", r, err)
	}
	if err := db.Prune(t.Context(), -time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Answer(t.Context(), first); !errors.Is(err, ErrWithdrawn) {
		t.Errorf("after its time: %v", err)
	}
}

// A request that forget removed must not be answered with the answer to another.
func TestTheNumberOfARequestIsNeverUsedAgain(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "ccsync.db"))
	seen := make(map[int64]bool)
	for range 5 {
		id, err := db.Ask(t.Context(), `{"only":["ann@example.com"]}`)
		if err != nil || seen[id] {
			t.Fatalf("request %d again (%v)", id, err)
		}
		seen[id] = true
		if _, err := db.Forget(t.Context(), "ann@example.com"); err != nil {
			t.Fatal(err)
		}
	}
}
