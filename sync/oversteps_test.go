package sync_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// resubscribed is a world in which an import has subscribed a contact that had opted out, whose
// address it returns.
func (w *world) resubscribed() (out string) {
	w.policy.UpdateUnsubscribed, w.guard.Canary = true, 3
	w.populate(6, 2)
	out = w.rows[4].Email
	w.box.OptOut(out)
	w.box.OptOut(w.rows[5].Email)
	w.want(w.run(ccsync.Options{}), ccsync.Synced)
	time.Sleep(time.Hour)
	w.change(0, 5, "V")
	w.throw(func(s *sandbox.Switches) { s.ImportResubscribes = true })
	w.want(w.run(ccsync.Options{}), ccsync.Partial)
	return out
}

// oversteps are the contacts to check.
func (w *world) oversteps() int {
	w.t.Helper()
	open, err := w.state.Oversteps(w.t.Context())
	if err != nil {
		w.t.Error(err)
	}
	return len(open)
}

// Nobody is told that all is well while a contact is subscribed that had opted out.
func TestAnOverstepStaysOpenUntilItIsPutRight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(w *world, out string)
		left int
	}{
		"nobody does anything":              {func(*world, string) {}, 1},
		"his code changes":                  {func(w *world, _ string) { w.change(4, 5, "W") }, 1},
		"he opts out again":                 {func(w *world, out string) { w.box.OptOut(out); w.run(ccsync.Options{Full: true}) }, 0},
		"he is deleted":                     {func(w *world, out string) { w.box.Delete(out); w.run(ccsync.Options{Full: true}) }, 0},
		"somebody forces a run for him":     {func(w *world, out string) { w.run(ccsync.Options{Only: []string{out}, Force: true}) }, 0},
		"a run for him":                     {func(w *world, out string) { w.run(ccsync.Options{Only: []string{out}}) }, 1},
		"somebody forces a run for another": {func(w *world, _ string) { w.run(ccsync.Options{Only: []string{w.rows[1].Email}, Force: true}) }, 1},
		"somebody forces a run for all":     {func(w *world, _ string) { w.run(ccsync.Options{Force: true}) }, 1},
		"he is renamed":                     {func(w *world, out string) { w.box.ChangeAddress(out, "else@example.com") }, 1},
		"he is renamed, and somebody forces a run for his new address": {func(w *world, out string) {
			w.box.ChangeAddress(out, "else@example.com")
			w.rows[4].Email = "else@example.com"
			w.run(ccsync.Options{Only: []string{"else@example.com"}, Force: true})
		}, 0},
		"29 days pass": {func(*world, string) { time.Sleep(29 * 24 * time.Hour) }, 1},
		"30 days pass": {func(*world, string) { time.Sleep(30 * 24 * time.Hour) }, 0},
		"somebody asks to forget him": {func(w *world, out string) {
			if _, err := w.state.Forget(w.t.Context(), out); err != nil {
				w.t.Error(err)
			}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				out := w.resubscribed()
				time.Sleep(time.Hour)
				c.do(w, out)
				time.Sleep(time.Minute)
				report, want, advice := w.run(ccsync.Options{}), ccsync.Synced, ""
				if c.left > 0 {
					want, advice = ccsync.Partial, "contacts to check in Constant Contact since an earlier run: 1"
				}
				w.want(report, want)
				l := w.lastWhole()
				if got := w.oversteps(); got != c.left || l.Oversteps() != c.left || l.OpenProblems() != 0 {
					t.Errorf("%d are open, the record has %v", got, l.Problems)
				}
				if advice != "" && (report.Error == nil || !strings.Contains(report.Error.Message, advice)) {
					t.Errorf("the report says %+v", report.Error)
				}
				if x, err := w.engine().Explain(w.t.Context(), out); err != nil || (x.Overstepped != "") != (c.left > 0) {
					t.Errorf("explained as %+v, %v", x, err)
				}
			})
		})
	}
}

// What happens in the seconds between the last reading and the import can only be seen.
func TestWhatAnImportChangesInTooMuchIsAnOverstep(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(w *world, address string)
		detail  string
	}{
		"he opts out, and the import subscribes him": {func(w *world, address string) {
			w.box.OptOut(address)
			w.throw(func(s *sandbox.Switches) { s.ImportResubscribes = true })
		}, "the contact's permission changed from implicit to explicit during the import"},
		"the import makes everybody explicit": {func(w *world, _ string) {
			w.throw(func(s *sandbox.Switches) { s.ImportSetsPermission = true })
		}, "the contact's permission changed from implicit to explicit during the import"},
		"he is renamed, and the import creates another": {func(w *world, address string) {
			w.box.ChangeAddress(address, "else@example.com")
		}, "the contact was renamed or removed during the import, and another one has the address now"},
		"he opts out, and the import leaves him alone": {func(w *world, address string) { w.box.OptOut(address) }, ""},
		"nothing": {func(*world, string) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, slowly, func(w *world) {
				w.guard.Canary = 1
				w.populate(3, 1)
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				time.Sleep(time.Hour)
				w.change(0, 1, "V")
				address := w.rows[0].Email
				w.before(func(r *http.Request) {
					if c.happens != nil && strings.HasSuffix(r.URL.Path, "/contacts_json_import") {
						c.happens(w, address)
					}
				})
				first := w.run(ccsync.Options{})
				second := w.run(ccsync.Options{})
				if c.detail == "" {
					w.want(first, ccsync.Synced)
					w.want(second, ccsync.Synced)
					return
				}
				w.want(first, ccsync.Partial)
				w.want(second, ccsync.Partial)
				if p := first.Push.Problems; first.Push.Verified != 1 || len(p) != 1 || p[0].Reason != ccsync.Overstepped || p[0].Detail != c.detail {
					t.Errorf("%+v", first.Push)
				}
				if want := "contacts that the import changed more than it should: 1"; !strings.Contains(first.Error.Message, want) {
					t.Errorf("the report says %q", first.Error.Message)
				}
			})
		})
	}
}

// An import that has subscribed somebody who had opted out may do so again.
func TestAfterAnOverstepNobodyWhoOptedOutIsSentAnythingFor30Days(t *testing.T) {
	t.Parallel()
	inWorld(t, slowly, func(w *world) {
		out := w.resubscribed()
		other := w.rows[5].Email
		w.box.OptOut(out)
		w.change(3, 6, "W")
		time.Sleep(time.Hour)
		for range 2 {
			report := w.run(ccsync.Options{Full: true, Force: true})
			w.want(report, ccsync.Synced)
			for _, user := range []string{out, other} {
				if c, _ := w.box.Contact(user); c.Permission != sandbox.Unsubscribed || strings.HasPrefix(w.code(user), "W") {
					t.Errorf("%s: %+v", user, c)
				}
			}
			if report.Reasons[string(ccsync.Unsubscribed)] != 2 || !strings.HasPrefix(w.code(w.rows[3].Email), "W") {
				t.Errorf("skipped %v", report.Skipped)
			}
			x, err := w.engine().Explain(w.t.Context(), other)
			if want := "the contact opted out; ccsyncd sends nothing to contacts that opted out, because an import once subscribed one"; err != nil || x.Detail != want {
				t.Errorf("explained as %+v, %v", x, err)
			}
			time.Sleep(29 * 24 * time.Hour)
		}
		w.throw(func(s *sandbox.Switches) { s.ImportResubscribes = false })
		time.Sleep(24 * time.Hour)
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if c, _ := w.box.Contact(out); c.Permission != sandbox.Unsubscribed || !strings.HasPrefix(w.code(out), "W") {
			t.Errorf("after 30 days: %+v", c)
		}
	})
}
