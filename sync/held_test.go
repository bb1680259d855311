package sync_test

import (
	"net/http"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// puts counts the replacements of contacts that were asked for.
func (w *world) puts() (n int) {
	for _, r := range w.box.Writes() {
		if r.Method == http.MethodPut {
			n++
		}
	}
	return n
}

func TestAnOrphanWhoseClearingWasRejectedIsAskedAgainAfterTwoDays(t *testing.T) {
	t.Parallel()
	for name, unique := range map[string]bool{"known by its key": false, "with a unique value": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.ClearOrphans, w.policy.Fields[0].Unique = true, unique
				w.populate(5, 1)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				gone := w.rows[4].Email
				w.rows = w.rows[:4]
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400, Method: http.MethodPut})
				time.Sleep(time.Hour)
				first := w.run(ccsync.Options{})
				w.want(first, ccsync.Partial)
				tried, since := w.puts(), time.Now()
				for time.Since(since) < 47*time.Hour {
					time.Sleep(33 * time.Minute)
					r := w.run(ccsync.Options{})
					w.want(r, ccsync.Partial) // it is an open problem all the while
					if n := w.puts(); n != tried || r.OpenProblems["rejected"] != 1 {
						t.Fatalf("after %s: %d tries, before %d; open problems %v", time.Since(since), n, tried, r.OpenProblems)
					}
				}
				x, err := w.engine().Explain(w.t.Context(), gone)
				if err != nil || x.Decision != "none" || x.Problem == nil || x.Problem.Reason != "rejected" {
					t.Errorf("explained as %+v, %v", x, err)
				}
				time.Sleep(2 * time.Hour)
				w.want(w.run(ccsync.Options{}), ccsync.Partial)
				if n := w.puts(); n <= tried {
					t.Error("it is not tried again after two days")
				}
				w.box.ClearFaults()
				time.Sleep(49 * time.Hour)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				if got := w.code(gone); got != "" {
					t.Errorf("in the end the contact carries %q", got)
				}
			})
		})
	}
}

// Constant Contact's answer says it all: there is nothing to wait for, and a process that dies
// afterwards takes nothing of it along.
func TestARefusedClearingIsKnownImmediatelyAndOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	refused := func(w *world) {
		w.policy.ClearOrphans = true
		w.populate(5, 1)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.rows = w.rows[:4]
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400, Method: http.MethodPut})
		time.Sleep(time.Hour)
	}
	inWorld(t, sandbox.Options{}, func(w *world) {
		refused(w)
		began := time.Now()
		r := w.run(ccsync.Options{})
		if took := time.Since(began); r.OpenProblems["rejected"] != 1 || r.Push.Rejected != 1 || took > 10*time.Second || r.Requests > 9 {
			t.Errorf("%d rejected, problems %v, %s, %d requests", r.Push.Rejected, r.OpenProblems, took, r.Requests)
		}
	})
	for request, died := 1, true; died; request++ {
		inWorld(t, sandbox.Options{}, func(w *world) {
			refused(w)
			died = w.runUntil(moment{request: request, seen: true}, ccsync.Options{})
			r := w.run(ccsync.Options{})
			if len(r.OpenProblems) != 1 || r.OpenProblems["rejected"] != 1 {
				t.Errorf("killed at request %d: problems %v", request, r.OpenProblems)
			}
		})
	}
}

// The problem of an orphan ends when its user is back.
func TestAnOrphanWhoseUserIsBackIsNoProblem(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.ClearOrphans = true
		w.populate(5, 1)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		all := w.rows
		w.rows = all[:4]
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultStatus, Status: 400, Method: http.MethodPut})
		w.want(w.run(ccsync.Options{}), ccsync.Partial)
		w.rows = all
		r := w.run(ccsync.Options{})
		w.want(r, ccsync.Synced)
		w.wantCoverage(r, 5, 0, 0, 0)
	})
}

// Constant Contact may hold two contacts whose addresses are spellings of one.
func TestTwoSpellingsOfOneAddressDoNotSetEachOtherAside(t *testing.T) {
	t.Parallel()
	const plain, coded = "ulf@bücher.example", "ulf@xn--bcher-kva.example"
	for name, spelling := range map[string]string{"the row has the one": plain, "the row has the other": coded} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.box.Seed(contact(plain, "A", "App users"), contact(coded, "A", "App users"))
				w.rows = []source.Row{row("1", spelling, "A")}
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				known := func() {
					t.Helper()
					at, err := w.state.Mirror(w.t.Context())
					if err != nil {
						t.Fatal(err)
					}
					all, err := w.state.Contacts(w.t.Context(), at.Mapping, []string{coded})
					if err != nil || len(all) != 2 {
						t.Errorf("the mirror has %+v, want both contacts; %v", all, err)
					}
				}
				known()
				for _, code := range []string{"B", "C"} {
					time.Sleep(time.Hour)
					w.rows[0].Values = []string{code}
					r := w.run(ccsync.Options{})
					w.want(r, ccsync.Synced)
					w.wantCoverage(r, 1, 0, 0, 0)
					known()
					if w.code(plain) != code && w.code(coded) != code {
						t.Errorf("one carries %s, the other %s, want %s", w.code(plain), w.code(coded), code)
					}
				}
				w.want(w.run(ccsync.Options{Full: true}), ccsync.Synced)
				known()
				// What the other one wants is seen at the last reading too.
				time.Sleep(time.Hour)
				w.rows[0].Values = []string{"D"}
				other := plain
				if w.code(plain) != "A" {
					other = coded
				}
				w.box.OptOut(other)
				sent := len(w.box.Imports())
				r := w.run(ccsync.Options{})
				w.want(r, ccsync.Synced)
				if skipOf(r, "1") != ccsync.Unsubscribed || len(w.box.Imports()) != sent {
					t.Errorf("skipped %+v, %d imports, were %d", r.Skipped, len(w.box.Imports()), sent)
				}
			})
		})
	}
}
