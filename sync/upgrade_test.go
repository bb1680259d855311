package sync_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// toEdition writes what a closed state file holds into a file as an earlier edition had it:
// what that did not know is left out.
func toEdition(t testing.TB, n int, path string) {
	t.Helper()
	schema, err := os.ReadFile(filepath.Join("state", "testdata", fmt.Sprintf("edition%d.sql", n)))
	if err != nil {
		t.Fatal(err)
	}
	old := path + ".old"
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", old)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	names := func(query string, args ...any) (all []string) {
		t.Helper()
		rows, err := db.Query(query, args...)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			all = append(all, name)
		}
		return all
	}
	exec(string(schema))
	exec("ATTACH ? AS now", path)
	for _, table := range names("SELECT name FROM main.sqlite_schema WHERE type = 'table' ORDER BY name") {
		columns := ""
		for _, column := range names("SELECT name FROM pragma_table_info(?)", table) {
			columns += ", " + column
		}
		columns = columns[2:]
		exec("DELETE FROM main." + table)
		exec(fmt.Sprintf("INSERT INTO main.%s (%s) SELECT %s FROM now.%s", table, columns, columns, table))
	}
	exec("DETACH now")
	exec("DELETE FROM facts WHERE name = 'batches_ended'")
	if n == 1 {
		exec("DELETE FROM facts WHERE name IN ('joins', 'erased_key', 'remnants')")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		os.Remove(path + suffix)
	}
	if err := os.Rename(old, path); err != nil {
		t.Fatal(err)
	}
}

// A state file that an earlier edition left, killed in the middle of an import, goes on under this
// one: what landed is not sent again, what waits is sent, who left a list stays off it, and what
// was quarantined, filled and counted is known.
func TestAFileOfAnEarlierEditionContinuesWhereItStopped(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]moment{
		"before an import was sent":           {request: 5},
		"before an answer was known":          {request: 5, seen: true},
		"before a second import was sent":     {request: 6},
		"before a second answer was known":    {request: 6, seen: true},
		"before anybody looked at the first":  {request: 7},
		"while both were under way":           {request: 8, seen: true},
		"before the end of the first is seen": {request: 9},
		"before the contacts were read back":  {request: 11},
	} {
		for edition := 1; edition <= 2; edition++ {
			t.Run(fmt.Sprintf("edition %d, %s", edition, name), func(t *testing.T) {
				t.Parallel()
				inWorld(t, sandbox.Options{ImportTime: func(int) time.Duration { return 20 * time.Second }}, func(w *world) { w.upgradedAt(end, edition) })
			})
		}
	}
}

// upgradedAt lets a run die, brings the file back to an earlier edition, and continues.
func (w *world) upgradedAt(end moment, edition int) {
	w.t.Helper()
	w.policy.Lists, w.policy.ClearOrphans = []string{"App users"}, true
	w.populate(120, 0)
	w.box.JoinList(w.rows[7].Email, "Newsletter")
	w.rows[99].Values = []string{"NEVER LANDS"}
	w.box.Fault(sandbox.Fault{Kind: sandbox.FaultLostRows, Match: w.rows[99].Email, Times: 5})
	w.want(w.run(ccsync.Options{}), ccsync.Partial)
	w.knowsWhoLeft()
	w.joins = false
	time.Sleep(10 * time.Minute)
	w.box.LeaveList(w.rows[7].Email, "App users")
	w.want(w.run(ccsync.Options{Full: true}), ccsync.Partial)
	time.Sleep(10 * time.Minute)
	for i := range 60 {
		w.rows[i].Values = []string{fmt.Sprintf("NEW%06d", i)}
	}
	first, used := len(w.box.Imports()), len(w.box.Requests())
	if !w.runUntil(end, ccsync.Options{}) {
		w.t.Fatal("the run did not last so long")
	}
	w.close()
	toEdition(w.t, edition, w.path)
	w.open()
	if m, err := w.state.Mirror(w.t.Context()); err != nil || m.Contacts != 120 {
		w.t.Errorf("%d contacts, %v", m.Contacts, err)
	}
	time.Sleep(5 * time.Minute)
	report := w.run(ccsync.Options{})
	w.want(report, ccsync.Partial)
	if got := len(w.box.Requests()) - used; got > 40 {
		w.t.Errorf("%d requests", got)
	}
	if report.Summary.Joins != 0 {
		w.t.Errorf("%+v, %+v", report.Summary, report.Mirror)
	}
	if twice := w.sentTwice(first); len(twice) > 0 {
		w.t.Errorf("sent twice: %v", twice)
	}
	quarantined := w.rows[99]
	w.rows = slices.Delete(w.rows, 99, 100)
	w.wantAllCodes()
	w.wantOn(w.rows[7].Email, "Newsletter")
	w.rows = slices.Insert(w.rows, 99, quarantined)
	time.Sleep(48 * time.Hour)
	w.want(w.run(ccsync.Options{}), ccsync.Partial) // the fault takes it each time
	// an orphan that the earlier edition had filled
	w.rows = slices.Delete(w.rows, 3, 4)
	w.want(w.run(ccsync.Options{}), ccsync.Partial)
	if got := w.code("user000003@example.com"); got != "" {
		w.t.Errorf("an orphan keeps %q", got)
	}
}
