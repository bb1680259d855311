package mirror

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/sync/contact"
)

// journey is what a run may do with its mirror: something happens to an account of so many
// contacts, each time something else, and then a run meets it.
type journey struct {
	contacts int
	happens  func(w *world, n int)
	meets    func(ctx context.Context, w *world) error
}

var journeys = map[string]journey{
	"a snapshot of pages": {12, func(w *world, n int) {
		w.full = true
		w.box.SetField(user(n%12), "short_code", fmt.Sprint("NEW", n))
	}, meet},
	"a snapshot of an export": {70, func(w *world, n int) {
		w.page, w.full = 2, true
		w.box.SetField(user(n%12), "short_code", fmt.Sprint("NEW", n))
		if n == 0 {
			w.box.Seed(sandbox.Contact{Address: "gone@example.com", Deleted: true}, sandbox.Contact{Address: user(4)}, sandbox.Contact{Address: "held@example.com", Permission: "temp_hold"})
		}
	}, meet},
	"what changed": {12, func(w *world, n int) {
		time.Sleep(time.Hour)
		w.box.SetField(user(n%12), "short_code", fmt.Sprint("NEW", n))
	}, meet},
	"very much that changed": {50, func(w *world, n int) {
		w.page = 2
		time.Sleep(time.Hour)
		for i := range 50 {
			w.box.SetField(user(i), "short_code", fmt.Sprint("NEW", n))
		}
	}, meet},
	"another mapping": {6, func(w *world, n int) { w.remap(n%2 == 0) }, meet},
	"a dry run of another mapping": {6, func(w *world, n int) {
		w.remap(false)
		meet(w.t.Context(), w)
		w.remap(true)
	}, func(ctx context.Context, w *world) error {
		m := w.dry()
		return errors.Join(w.meetWith(ctx, m), m.Close())
	}},
	"a contact by its address": {6, func(w *world, n int) {
		w.box.SetField(user(1), "short_code", fmt.Sprint("NEW", n))
	}, func(ctx context.Context, w *world) error {
		return w.run().Place(ctx, user(1), []string{user(1)})
	}},
}

// meet is a run that refreshes its mirror and looks at it.
func meet(ctx context.Context, w *world) error { return w.meetWith(ctx, w.run()) }

func (w *world) meetWith(ctx context.Context, m *Mirror) error {
	if err := m.Refresh(ctx); err != nil {
		return err
	}
	if _, err := m.Doubtful(ctx); err != nil {
		return err
	}
	if _, err := m.CostOfAll(ctx); err != nil {
		return err
	}
	for _, err := range m.Entries(ctx) {
		if err != nil {
			return err
		}
	}
	norms := []string{user(1)}
	if _, err := m.Contacts(ctx, norms); err != nil {
		return err
	}
	if _, err := m.ProblemsOf(ctx, norms); err != nil {
		return err
	}
	if _, err := m.Pending(ctx, norms); err != nil {
		return err
	}
	if _, err := m.AnyPending(ctx); err != nil {
		return err
	}
	_, _, err := Look(ctx, w.db, w.mapping)
	return err
}

// remap maps the first name too, or not.
func (w *world) remap(names bool) {
	w.mapping = &contact.Mapping{Targets: w.mapping.Targets[:1]}
	if names {
		w.mapping.Targets = append(w.mapping.Targets[:1:1], contact.Target{Field: contact.Field{Column: "first", Property: "first_name"}, Kind: contact.KindText})
	}
}

// untilNothingFails goes on a journey while one thing after another is broken: each time the run
// has to fail, and the next one makes the mirror what the account is.
func untilNothingFails(t *testing.T, j journey, breaks func(w *world, n int), mended func(w *world) (broken string)) {
	inWorld(t, j.contacts, func(w *world) {
		if err := meet(w.t.Context(), w); err != nil {
			w.t.Fatal(err)
		}
		for n := 0; ; n++ {
			j.happens(w, n)
			breaks(w, n)
			err := j.meets(w.t.Context(), w)
			broken := mended(w)
			if broken == "" {
				if n == 0 || err != nil {
					t.Errorf("%d things failed, and then %v", n, err)
				}
				return
			}
			if err == nil {
				t.Errorf("%d. %s failed, and the run did not", n+1, broken)
			}
			m := w.run()
			if err := m.Refresh(w.t.Context()); err != nil {
				w.t.Fatalf("the run after %s failed: %v", broken, err)
			}
			if w.wantTruth(m); w.t.Failed() {
				w.t.Fatalf("after %d. %s failed", n+1, broken)
			}
		}
	})
}

// What could not be read from the state file or written to it is not taken for done, and there
// is always a way from there.
func TestWhicheverStatementFailsTheRunFailsAndTheNextMakesItGood(t *testing.T) {
	t.Parallel()
	for name, j := range journeys {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			untilNothingFails(t, j, func(w *world, n int) { w.denier.Arm(n) }, func(w *world) string { return w.denier.Disarm() })
		})
	}
}

// A login that ends is no reason to read pages, or to take what was read for everything.
func TestWhicheverRequestIsRefusedTheRunFailsAndTheNextMakesItGood(t *testing.T) {
	t.Parallel()
	for name, j := range journeys {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			untilNothingFails(t, j, func(w *world, n int) {
				w.box.ForgetRequests()
				w.box.Fault(sandbox.Fault{Kind: sandbox.FaultUnauthorized, At: []int{n + 1}})
			}, func(w *world) string {
				w.box.ClearFaults()
				for _, r := range w.box.Requests() {
					if r.Fault != "" {
						return r.Method + " " + r.Path
					}
				}
				return ""
			})
		})
	}
}
