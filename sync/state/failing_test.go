package state

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// operation is a method, called once on a file that knows of everything.
type operation func(context.Context, *DB) error

func err2[T any](_ T, err error) error         { return err }
func err3[T, U any](_ T, _ U, err error) error { return err }
func errOf[T any](all iter.Seq2[T, error]) (last error) {
	for _, err := range all {
		last = err
	}
	return last
}

var noRows = slices.Values([]BatchRow{{Norm: "a@example.com", Action: "update"}})

// writing are the methods that write.
var writing = map[string]operation{
	"SetBindings": func(ctx context.Context, db *DB) error {
		return db.SetBindings(ctx, []Binding{{Kind: List, Wanted: "b", ID: "2"}})
	},
	"PutContacts": func(ctx context.Context, db *DB) error {
		return err2(db.PutContacts(ctx, Mirror{Mapping: "m", Loading: 9}, []Contact{{Norm: "n@example.com", ID: "8"}, {Norm: "b@example.com", ID: "1", Lists: []string{"x"}}}, "next"))
	},
	"PutExported": func(ctx context.Context, db *DB) error {
		return err3(db.PutExported(ctx, Mirror{Mapping: "m", Loading: 9}, []Contact{{Norm: "a@example.com", Fields: "B"}, {Norm: "n@example.com"}}))
	},
	"SetFacts":      func(ctx context.Context, db *DB) error { return db.SetFacts(ctx, map[string]string{"a": "c"}) },
	"SetRecords":    func(ctx context.Context, db *DB) error { return db.SetRecords(ctx, Records{"a": "c", "gone": ""}) },
	"Saw":           func(ctx context.Context, db *DB) error { return db.Saw(ctx, time.Now().Add(time.Hour)) },
	"Forget":        func(ctx context.Context, db *DB) error { return err2(db.Forget(ctx, "a@example.com")) },
	"BeginSnapshot": func(ctx context.Context, db *DB) error { return err2(db.BeginSnapshot(ctx, "m")) },
	"EndRefresh": func(ctx context.Context, db *DB) error {
		return db.EndRefresh(ctx, Mirror{Mapping: "m", Loading: 9, Mark: time.Now()})
	},
	"SetAside":   func(ctx context.Context, db *DB) error { return db.SetAside(ctx, "a@example.com", []string{"7"}) },
	"DropMirror": func(ctx context.Context, db *DB) error { return db.DropMirror(ctx) },
	"Rename":     func(ctx context.Context, db *DB) error { return db.Rename(ctx, "m", "other") },
	"Remap": func(ctx context.Context, db *DB) error {
		return db.Remap(ctx, "other", func(string, string) func(string) string { return strings.ToLower })
	},
	"AddBatch": func(ctx context.Context, db *DB) error { return err2(db.AddBatch(ctx, Batch{Kind: Import}, noRows)) },
	"MoveBatch": func(ctx context.Context, db *DB) error {
		return db.MoveBatch(ctx, Batch{ID: 1, State: Recorded}, Sending)
	},
	"DropBatch": func(ctx context.Context, db *DB) error { return db.DropBatch(ctx, Batch{ID: 1, State: Recorded}) },
	"Reserve": func(ctx context.Context, db *DB) error {
		return err2(db.Quota(Limits{PerSecond: 4, PerDay: 100}).Reserve(ctx))
	},
	"Throttled": func(ctx context.Context, db *DB) error { return db.Quota(Limits{}).Throttled(ctx) },
	"Exhausted": func(ctx context.Context, db *DB) error { return db.Quota(Limits{}).Exhausted(ctx, time.Now()) },
	"Ask":       func(ctx context.Context, db *DB) error { return err2(db.Ask(ctx, "{}")) },
	"Asked":     func(ctx context.Context, db *DB) error { return err3(db.Asked(ctx)) },
	"Requeue":   func(ctx context.Context, db *DB) error { return err2(db.Requeue(ctx)) },
	"SetAnswer": func(ctx context.Context, db *DB) error {
		id, err := anyRequest(ctx, db)
		return errors.Join(err, db.SetAnswer(ctx, id, "answer"))
	},
	"BeginRun": func(ctx context.Context, db *DB) error {
		return err2(db.BeginRun(ctx, Run{Records: Records{"a": "c"}}))
	},
	"EndRun": func(ctx context.Context, db *DB) error {
		return db.EndRun(ctx, Run{ID: 1, Outcome: "failed", Records: Records{"a": "c"}})
	},
	"PutValued":   func(ctx context.Context, db *DB) error { return db.PutValued(ctx, map[string]int{"": 1000}) },
	"ResetValued": func(ctx context.Context, db *DB) error { return db.ResetValued(ctx, map[string]int{"": 1}) },
	"Prune":       func(ctx context.Context, db *DB) error { return db.Prune(ctx, -time.Hour) },
	"Land": func(ctx context.Context, db *DB) error {
		return db.Land(ctx, 2, "m", []Landed{{Norm: "a@example.com", Filled: "Z", Left: []string{"x"},
			Overstep: &Overstep{Norm: "a@example.com", Run: 1, Resubscribed: true}}})
	},
	"Fail": func(ctx context.Context, db *DB) error {
		return db.Fail(ctx, 2, []Failed{{Norm: "a@example.com", Reason: "lost", Problem: &Problem{Norm: "a@example.com", Reason: "lost", Run: 1},
			Overstep: &Overstep{Norm: "a@example.com", Run: 1}}})
	},
	"PutOverstep": func(ctx context.Context, db *DB) error {
		return db.PutOverstep(ctx, &Overstep{Norm: "b@example.com", Run: 1})
	},
	"EndOversteps":  func(ctx context.Context, db *DB) error { return db.EndOversteps(ctx, []string{"z@example.com"}) },
	"Settle":        func(ctx context.Context, db *DB) error { return db.Settle(ctx, 2, Tally{}) },
	"SolveProblems": func(ctx context.Context, db *DB) error { return db.SolveProblems(ctx, []string{"a@example.com"}) },
	"Save":          func(ctx context.Context, db *DB) error { return db.Vault("login").Save(ctx, []byte("other")) },
	"Save nothing":  func(ctx context.Context, db *DB) error { return db.Vault("login").Save(ctx, nil) },
	"Rekey":         func(ctx context.Context, db *DB) error { return db.Rekey(ctx, keyOne) },
	"Wipe":          func(ctx context.Context, db *DB) error { return db.Wipe(ctx) },
}

// reading are the methods that read.
var looking = map[string]operation{
	"Bindings":        func(ctx context.Context, db *DB) error { return err2(db.Bindings(ctx)) },
	"Fact":            func(ctx context.Context, db *DB) error { return err2(db.Fact(ctx, "a")) },
	"Record":          func(ctx context.Context, db *DB) error { return err2(db.Record(ctx, "a", new(string))) },
	"Mirror":          func(ctx context.Context, db *DB) error { return err2(db.Mirror(ctx)) },
	"Total":           func(ctx context.Context, db *DB) error { return err2(db.Total(ctx)) },
	"SeenIn":          func(ctx context.Context, db *DB) error { return err2(db.SeenIn(ctx, 1)) },
	"Entries":         func(ctx context.Context, db *DB) error { return errOf(db.Entries(ctx, "m")) },
	"Contacts":        func(ctx context.Context, db *DB) error { return err2(db.Contacts(ctx, "m", []string{"a@example.com"})) },
	"OpenBatches":     func(ctx context.Context, db *DB) error { return err2(db.OpenBatches(ctx)) },
	"RunBatches":      func(ctx context.Context, db *DB) error { return err2(db.RunBatches(ctx, 1)) },
	"KnownActivities": func(ctx context.Context, db *DB) error { return err2(db.KnownActivities(ctx, []string{"x"})) },
	"BatchRows":       func(ctx context.Context, db *DB) error { return errOf(db.BatchRows(ctx, 1)) },
	"Pending":         func(ctx context.Context, db *DB) error { return err2(db.Pending(ctx, []string{"a@example.com"})) },
	"AnyErased":       func(ctx context.Context, db *DB) error { return err2(db.AnyErased(ctx, 1)) },
	"ErasedContacts":  func(ctx context.Context, db *DB) error { return err2(db.ErasedContacts(ctx, 1)) },
	"Pushes":          func(ctx context.Context, db *DB) error { return err2(db.Pushes(ctx, "a@example.com", 1)) },
	"Problems":        func(ctx context.Context, db *DB) error { return errOf(db.Problems(ctx)) },
	"ProblemsOf":      func(ctx context.Context, db *DB) error { return err2(db.ProblemsOf(ctx, []string{"a@example.com"})) },
	"Of": func(ctx context.Context, db *DB) error {
		return err2(db.Of(ctx, &Overstep{Norm: "z@example.com", ID: "2"}))
	},
	"Oversteps":    func(ctx context.Context, db *DB) error { return err2(db.Oversteps(ctx)) },
	"Resubscribed": func(ctx context.Context, db *DB) error { return err2(db.Resubscribed(ctx)) },
	"Mark":         func(ctx context.Context, db *DB) error { return err2(db.Mark(ctx)) },
	"NextRetry":    func(ctx context.Context, db *DB) error { return err2(db.NextRetry(ctx)) },
	"RunProblems":  func(ctx context.Context, db *DB) error { return err2(db.RunProblems(ctx, 1, 1)) },
	"Usage":        func(ctx context.Context, db *DB) error { return err2(db.Quota(Limits{}).Usage(ctx)) },
	"Days":         func(ctx context.Context, db *DB) error { return err2(db.Quota(Limits{}).Days(ctx, 1)) },
	"Answer": func(ctx context.Context, db *DB) error {
		id, err := anyRequest(ctx, db)
		return errors.Join(err, err2(db.Answer(ctx, id)))
	},
	"Runs":       func(ctx context.Context, db *DB) error { return err2(db.Runs(ctx, 1)) },
	"Run":        func(ctx context.Context, db *DB) error { return err3(db.Run(ctx, 1)) },
	"BestValued": func(ctx context.Context, db *DB) error { return err2(db.BestValued(ctx, 1)) },
	"SentSince":  func(ctx context.Context, db *DB) error { return err2(db.SentSince(ctx, time.Time{})) },
	"Load":       func(ctx context.Context, db *DB) error { return err2(db.Vault("login").Load(ctx)) },
	"Changed":    func(ctx context.Context, db *DB) error { return err2(db.Changed(ctx)) },
}

// full is a file that has something in every table.
func full(t *testing.T) *DB {
	t.Helper()
	db := fresh(t)
	for _, statement := range []string{
		"INSERT INTO facts VALUES ('a', 'b'), ('gone', 'x')",
		"INSERT INTO vault VALUES ('login', CAST(x'00' || 'token' AS BLOB))",
		"INSERT INTO bindings VALUES ('list', 'a', '1', 'A', '', '', '')",
		`INSERT INTO contacts (norm, contact_id, address, permission, deleted, lists, lists_left, fields, filled, filled_key, updated_at, seen)
			VALUES ('a@example.com', '1', 'A@example.com', '', 0, 'l', '', 'A', 'A', '7', '', 1), ('z@example.com', '2', 'z@example.com', '', 0, '', '', '', '', '', '', 1)`,
		"UPDATE mirror SET mapping = 'm', contacts = 2, seen = 8, loading = 9",
		"INSERT INTO runs (id, trigger, dry, forced, started_at, ended_at, outcome, requests, report) VALUES (1, 'push', 0, 1, '2026-01-01T00:00:00Z', '', '', 0, 'A@example.com')",
		"INSERT INTO overstepped VALUES ('z@example.com', 'z@example.com', '', '2', '', '', '', 1)",
		"INSERT INTO valued VALUES ('2026-01-01', '', 10)",
	} {
		if _, err := db.write.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	batch(t, db, "a@example.com")
	move(t, db, batch(t, db, "a@example.com"), Sending, Sent, Ended)
	old := move(t, db, batch(t, db, "a@example.com"), Sending, Sent, Ended)
	if err := db.Fail(t.Context(), old.ID, []Failed{{Norm: "a@example.com", Reason: "lost", Problem: &Problem{Norm: "a@example.com", Address: "A@example.com", Detail: "a@example.com", Run: 1}}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Settle(t.Context(), old.ID, Tally{}); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{err2(db.Ask(t.Context(), `{"only":["a@example.com"]}`)), err2(db.Quota(Limits{PerSecond: 4, PerDay: 10}).Reserve(t.Context()))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// content is each table as a text.
func content(t *testing.T, db *DB) map[string]string {
	t.Helper()
	var tables []string
	if err := db.write.SelectContext(t.Context(), &tables, "SELECT name FROM sqlite_schema WHERE type = 'table'"); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, table := range tables {
		rows, err := db.write.QueryxContext(t.Context(), "SELECT * FROM "+table+" ORDER BY 1, 2")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			row, err := rows.SliceScan()
			if err != nil {
				t.Fatal(err)
			}
			all[table] += fmt.Sprintf("%q\n", row)
		}
		rows.Close()
	}
	return all
}

// Whatever cannot be written is an error of the method that was to write it, table by table: nobody
// is told that something is kept which is not.
func TestWhateverIsNotWrittenIsAnError(t *testing.T) {
	t.Parallel()
	for name, do := range writing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := full(t)
			before := content(t, db)
			if err := do(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			after := content(t, db)
			changed := 0
			for _, table := range slices.Sorted(maps.Keys(before)) {
				if before[table] == after[table] {
					continue
				}
				changed++
				db := full(t)
				for _, verb := range []string{"INSERT", "UPDATE", "DELETE"} {
					trigger := fmt.Sprintf("CREATE TRIGGER fail_%s BEFORE %s ON %s BEGIN SELECT RAISE(ABORT, 'broken'); END", verb, verb, table)
					if _, err := db.write.ExecContext(t.Context(), trigger); err != nil {
						t.Fatal(err)
					}
				}
				if err := do(t.Context(), db); err == nil || !strings.Contains(err.Error(), "broken") {
					t.Errorf("with a broken table %s: %v", table, err)
				}
				if now := content(t, db); now[table] != before[table] && !strings.Contains(table, "pace") {
					if a, b := before[table], now[table]; stampless(a) != stampless(b) {
						t.Errorf("the broken table %s has changed:\n%s\n%s", table, a, b)
					}
				}
			}
			if changed == 0 && name != "Wipe" && name != "Requeue" {
				t.Error("it writes nothing: this test shows nothing")
			}
		})
	}
}

// stampless is a table's text without moments of time, which differ from file to file.
func stampless(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		fields = slices.DeleteFunc(fields, func(f string) bool { return strings.Count(f, ":") >= 2 || len(f) > 24 })
		lines = append(lines, strings.Join(fields, " "))
	}
	return strings.Join(lines, "\n")
}

// Whatever cannot be read is an error too, never an empty answer.
func TestWhateverIsNotReadIsAnError(t *testing.T) {
	t.Parallel()
	db := full(t)
	for name, do := range looking {
		if err := do(t.Context(), db); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, all := range []map[string]operation{looking, writing} {
		for name, do := range all {
			if err := do(t.Context(), db); err == nil {
				t.Errorf("%s: no error of a file that is closed", name)
			}
		}
	}
}

// anyRequest is the number of a request that waits.
func anyRequest(ctx context.Context, db *DB) (id int64, err error) {
	return id, db.read.GetContext(ctx, &id, "SELECT MIN(id) FROM requests")
}
