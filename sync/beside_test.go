package sync_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// beside starts a dry run in another process on the same state file, and returns what waits for
// its report.
func (w *world) beside(o ccsync.Options, configure func(*ccsync.Engine)) (report func() *ccsync.Report) {
	w.t.Helper()
	other, err := state.Open(w.t.Context(), w.path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	e := w.engine()
	e.State, e.Quota, e.Write = other, other.Quota(w.limits), nil
	configure(e)
	done := make(chan *ccsync.Report)
	go func() {
		defer other.Close()
		r, err := e.Run(w.t.Context(), o)
		if err != nil {
			w.t.Error(err)
		}
		done <- r
	}()
	return func() *ccsync.Report { return <-done }
}

func TestADryRunBesideARunDisturbsNeither(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(1200, 0)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		for i := 0; i < 1200; i += 50 {
			w.rows[i].Values = []string{"NEW" + w.rows[i].Key}
		}
		var dry func() *ccsync.Report
		w.whileReading = func() {
			w.whileReading = nil
			dry = w.beside(ccsync.Options{Full: true}, func(*ccsync.Engine) {})
			time.Sleep(600 * time.Millisecond) // it is in the middle of its snapshot
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.want(dry(), ccsync.Planned)
		w.wantAllCodes()
		if n, err := w.state.Total(w.t.Context()); err != nil || n != 1200 {
			t.Errorf("the mirror has %d contacts, want 1200 (%v)", n, err)
		}
		if m, err := w.state.Mirror(w.t.Context()); err != nil || m.Loading != 0 || m.Mark.IsZero() {
			t.Errorf("mirror %+v (%v)", m, err)
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
	})
}

// A dry run that tries another mapping reads into a mirror of its own.
func TestADryRunOfAnotherMappingBesideARunDoesNoHarm(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(60, 0)
		for _, r := range w.rows {
			w.box.SetProperty(r.Email, "job_title", "Hand")
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		time.Sleep(time.Hour)
		w.rows[7].Values = []string{"NEW"}
		w.guard = ccsync.Guard{MaxChangePercent: 10, ExemptBelow: 10}
		w.whileReading = func() {
			w.whileReading = nil
			dry := w.beside(ccsync.Options{}, func(e *ccsync.Engine) {
				e.Policy.Fields = []ccsync.Field{{Column: "short_code", Property: "job_title"}}
			})
			if report := dry(); report.Outcome != ccsync.Refused || report.Summary.Change != 60 {
				t.Errorf("the dry run ended %s and would change %+v", report.Outcome, report.Summary)
			}
		}
		// and not refused, as if somebody had changed every code
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
		if n := len(w.box.Imports()); n != 1 || len(w.box.Imports()[0].Rows) != 1 {
			t.Errorf("%d imports: %+v", n, w.box.Imports())
		}
	})
}

// Another process that reads contacts holds up no dry run that has a mirror to plan on, and a run
// only as long as it takes.
func TestWhileAnotherProcessReadsTheContactsADryRunGoesByTheLastMirror(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.populate(20, 4)
		hold := func() func() {
			_, release, err := w.state.Lock(w.t.Context(), state.MirrorLock)
			if err != nil {
				t.Fatal(err)
			}
			return release
		}
		takes := func(d time.Duration, run func()) {
			t.Helper()
			release, began := hold(), time.Now()
			go func() { time.Sleep(d); release() }()
			if run(); time.Since(began) < d {
				t.Errorf("it did not wait: %s", time.Since(began))
			}
		}
		// there is no mirror yet
		takes(time.Minute, func() { w.want(w.dry(ccsync.Options{}), ccsync.Planned) })
		release, began, before := hold(), time.Now(), len(w.box.Requests())
		dry := w.dry(ccsync.Options{})
		w.want(dry, ccsync.Planned)
		if dry.Mirror.Refresh != "none" || dry.Summary.Change != 5 || !slices.ContainsFunc(dry.Notes, func(n string) bool { return strings.Contains(n, "another process is reading all contacts") }) {
			t.Errorf("%+v, %+v, notes %q", dry.Mirror, dry.Summary, dry.Notes)
		}
		for _, r := range w.box.Requests()[before:] {
			if r.Path == "/v3/contacts" {
				t.Errorf("it read contacts: %s", r.Path)
			}
		}
		if waited := time.Since(began); waited > time.Minute {
			t.Errorf("it waited for %s", waited)
		}
		release()
		takes(time.Minute, func() { w.want(w.run(ccsync.Options{}), ccsync.Synced) })
	})
}
