package sync_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// app is the app's own database, a file of SQLite, and this program's handle on it.
type app struct {
	*source.DB
	w    *world
	path string
	own  *sql.DB
}

// newApp makes the users and contacts of populate, with the users in a file.
func (w *world) newApp(n int) *app {
	w.t.Helper()
	w.populate(n, 0)
	path := filepath.Join(filepath.Dir(w.path), "app.db")
	own, err := sql.Open("sqlite3", path)
	if err != nil {
		w.t.Fatal(err)
	}
	a := &app{w: w, path: path, own: own}
	a.exec("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, short_code TEXT)")
	for _, row := range w.rows {
		a.exec("INSERT INTO users VALUES (?, ?, ?)", row.Key, row.Email, row.Values[0])
	}
	a.DB = a.open()
	return a
}

// open gives another handle, as another process has it.
func (a *app) open() *source.DB {
	a.w.t.Helper()
	db, err := source.Open(a.w.t.Context(), source.Config{DSN: a.path, Table: "users", Email: "email", Columns: []string{"short_code"}})
	if err != nil {
		a.w.t.Fatal(err)
	}
	return db
}

func (a *app) close() {
	a.DB.Close()
	a.own.Close()
}

func (a *app) exec(query string, args ...any) {
	a.w.t.Helper()
	if _, err := a.own.Exec(query, args...); err != nil {
		a.w.t.Fatal(err)
	}
}

// engine reads the file in place of the world's rows.
func (a *app) engine() *ccsync.Engine {
	e := a.w.engine()
	e.Users, e.Unchanged = a.Read, a.Unchanged
	return e
}

func (a *app) run() {
	a.w.t.Helper()
	report, err := a.engine().Run(a.w.t.Context(), ccsync.Options{})
	if err != nil {
		a.w.t.Fatal(err)
	}
	a.w.want(report, ccsync.Synced)
}

func (a *app) wantIdle(want bool, why string) {
	a.w.t.Helper()
	if idle, err := a.engine().Idle(a.w.t.Context()); err != nil || idle != want {
		a.w.t.Errorf("%s: idle = %v, %v, want %v", why, idle, err, want)
	}
}

func TestNobodyWhoLooksHidesAChangeFromTheSchedule(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(*app, *source.DB){
		"explain in the daemon": func(a *app, _ *source.DB) {
			if _, err := a.engine().Explain(a.w.t.Context(), "user000001@example.com"); err != nil {
				t.Error(err)
			}
		},
		"a dry run in the daemon": func(a *app, _ *source.DB) {
			e := a.engine()
			e.Write = nil
			if _, err := e.Run(a.w.t.Context(), ccsync.Options{}); err != nil {
				t.Error(err)
			}
		},
		"a dry run of another process": func(a *app, other *source.DB) {
			e := a.engine()
			e.Write, e.Users, e.Unchanged = nil, other.Read, other.Unchanged
			if _, err := e.Run(a.w.t.Context(), ccsync.Options{}); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sandbox.Options{}, func(w *world) {
				a := w.newApp(20)
				defer a.close()
				other := a.open()
				defer other.Close()
				a.run()
				a.wantIdle(true, "nothing changed")
				look(a, other)
				a.wantIdle(true, "somebody looked")
				a.exec("UPDATE users SET short_code = 'NEW' WHERE id = 2")
				look(a, other)
				a.wantIdle(false, "a row changed before somebody looked")
				time.Sleep(time.Second)
				a.run()
				if got := w.code("user000001@example.com"); got != "NEW" {
					t.Errorf("the contact carries %q, want NEW", got)
				}
			})
		})
	}
}

// TestAnIdleTickReadsTheSourceOnceForACommitThatMovesNoUser: then the mark moves along.
func TestAnIdleTickReadsTheSourceOnceForACommitThatMovesNoUser(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		a := w.newApp(20)
		defer func() { a.close() }()
		a.run()
		for _, what := range []func(){
			func() { a.exec("CREATE TABLE other (id INTEGER)") },
			func() { // a restart
				a.DB.Close()
				a.DB = a.open()
			},
		} {
			what()
			for tick, want := range []int{1, 0, 0} {
				reads := 0
				e := a.engine()
				e.Users = func(ctx context.Context, dates ...int) *source.Reading { reads++; return a.Read(ctx, dates...) }
				if idle, err := e.Idle(w.t.Context()); err != nil || !idle || reads != want {
					t.Errorf("tick %d: idle = %v, %v after %d reads, want true after %d", tick, idle, err, reads, want)
				}
			}
		}
		a.exec("UPDATE users SET short_code = 'NEW' WHERE id = 2")
		a.wantIdle(false, "a row changed")
		a.wantIdle(false, "a row changed, and a tick saw it")
	})
}
