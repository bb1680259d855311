package web

import (
	"encoding/csv"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// The page answers whether a newsletter may go out, and its tab shows the same: yes only while
// nothing is open and runs come and go as they should.
func TestThePageSaysWhetherTheNewsletterMayGoOut(t *testing.T) {
	t.Parallel()
	counted := func(o ccsync.Outcome, c ccsync.Coverage) ccsync.Report { return ccsync.Report{Outcome: o, Coverage: c} }
	good := ccsync.Coverage{Users: 12, Contacts: 10, Verified: 10, Skipped: 2}
	tests := map[string]struct {
		before func(*world)
		icon   string
		title  string
		want   []string
	}{
		"before the first run": {func(*world) {}, "icon", "No run yet", []string{">Not known yet</h1>", "First run"}},
		"everybody has the code": {func(w *world) { w.ran(counted(ccsync.Synced, good), time.Second) }, "icon-good", "In sync",
			[]string{">Yes</h1>", "All 10 users who are contacts have the right code."}},
		"no user is a contact": {func(w *world) {
			w.ran(counted(ccsync.Synced, ccsync.Coverage{Users: 12, Skipped: 12}), time.Second)
		}, "icon-good", "In sync", []string{">It reaches nobody</h1>", "None of the 12 users"}},
		"some whom a newsletter reaches cannot be sent": {func(w *world) {
			r := counted(ccsync.Synced, good)
			r.Reasons = map[string]int{"duplicate_value": 2, "quarantined": 1}
			w.ran(r, time.Second)
		}, "icon-good", "In sync", []string{">Not quite</h1>", "2 skipped users may get it without a code or with an old one"}},
		"a code is missing": {func(w *world) {
			w.lost(1, func(int) string { return "ann" })
		}, "icon-caution", "Some codes did not arrive", []string{">Not yet</h1>", "1 of the 988 codes has not arrived: it was sent, but Constant Contact does not show it.", "1 person gets it without a code"}},
		"a push for one user lost a code since": {func(w *world) {
			w.ran(counted(ccsync.Synced, good), time.Second)
			id := w.ran(ccsync.Report{Outcome: ccsync.Partial, Extent: ccsync.Extent{Only: 1}, Push: &ccsync.Pushed{}}, time.Second)
			row := state.BatchRow{Norm: "a@b.c", Address: "a@b.c", Key: "7", Action: "update", Wanted: "M9X4"}
			w.sent(id, "a", []state.BatchRow{row}, state.Problem{Norm: "a@b.c", Address: "a@b.c", Key: "7", Reason: ccsync.Lost, Wanted: "M9X4", Since: w.db.Now(), RetryAt: w.db.Now(), Run: id})
		}, "icon-caution", "Some codes did not arrive", []string{">Not yet</h1>", "1 of the 10 codes has not arrived: it was sent"}},
		"an import resubscribed somebody": {func(w *world) {
			id := w.ran(counted(ccsync.Partial, good), time.Second)
			w.must(w.db.PutOverstep(w.Context(), &state.Overstep{Norm: "ann@b.c", Address: "ann@b.c", Key: "7", Was: "unsubscribed",
				Detail: "the contact's permission changed from unsubscribed to explicit during the import", Since: w.db.Now(), Run: id}))
		}, "icon-caution", "1 contact to check", []string{">Not yet</h1>", "may reach people who had opted out", "changed from unsubscribed to explicit", "Somebody must look at the contacts below"}},
		"an import is under way": {func(w *world) {
			id := w.ran(counted(ccsync.Synced, good), time.Second)
			_, err := w.db.AddBatch(w.Context(), state.Batch{Run: id, Kind: state.Import, Contacts: 1}, func(yield func(state.BatchRow) bool) {
				yield(state.BatchRow{Norm: "a@b.c", Address: "a@b.c", Action: "update", Wanted: "M9X4"})
			})
			w.must(err)
		}, "icon-caution", "Changes are on their way", []string{">Not yet</h1>"}},
		"the safety limits stopped the last run": {func(w *world) {
			w.ran(ccsync.Report{Outcome: ccsync.Refused, Coverage: ccsync.Coverage{Users: 10, Contacts: 10, Verified: 4, Pending: 6},
				Error: &ccsync.Problem{Code: "refused", Message: "nothing was sent: too many", Hint: "pass the guard once with `ccsyncd push --force`"}}, time.Second)
		}, "icon-bad", "The safety limits stopped the last run", []string{">Not yet</h1>", "6 of the 10 codes have not arrived: they are still to be sent or on the way.", "Forward this to your administrator", "<code>ccsyncd push --force</code>", "mailto:?"}},
		"Constant Contact is away": {func(w *world) {
			w.ran(counted(ccsync.Synced, good), time.Second)
			time.Sleep(2 * time.Hour)
			w.ran(ccsync.Report{Outcome: ccsync.Failed, Error: &ccsync.Problem{Code: "network", Message: "connection refused", Hint: "check the network"}}, time.Second)
		}, "icon-bad", "Constant Contact could not be reached", []string{">Not known</h1>", "All 10 users who are contacts have the right code. This was counted 2 h ago.", "If this lasts more than an hour, ask your administrator."}},
		"nobody is logged in": {func(w *world) {
			w.ran(counted(ccsync.Synced, good), time.Second)
			w.login = Authorization{Reason: "the refresh token was refused"}
		}, "icon-bad", "Not logged in", []string{">Not known</h1>", "<code>ccsyncd auth login</code>"}},
		"runs are overdue": {func(w *world) { w.ran(counted(ccsync.Synced, good), time.Second); time.Sleep(time.Hour) }, "icon-bad", "Runs are overdue", []string{">Not known</h1>"}},
		"the day's requests are used up": {func(w *world) {
			w.ran(counted(ccsync.Deferred, ccsync.Coverage{Users: 10, Contacts: 10, Verified: 7, Pending: 3}), time.Second)
		}, "icon-caution", "The day’s requests are used up", []string{">Not yet</h1>", "3 of the 10 codes have not arrived: they are still to be sent or on the way."}},
		"no code has arrived": {func(w *world) {
			r := counted(ccsync.Partial, ccsync.Coverage{Users: 30, Contacts: 30, Pending: 25, Missing: 5})
			r.Ahead = &ccsync.Ahead{Contacts: 5}
			w.ran(r, time.Second)
		}, "icon-caution", "Waiting for the first 5 contacts", []string{"None of the 30 codes has arrived: 25 are still to be sent or on the way, and 5 were sent, but Constant Contact does not show them.", "30 people get it"}},
		"the users who wait are no contacts yet": {func(w *world) {
			w.ran(counted(ccsync.Deferred, ccsync.Coverage{Users: 30, Contacts: 10, Verified: 10, Pending: 20}), time.Second)
		}, "icon-caution", "The day’s requests are used up", []string{"20 of the 30 codes have not arrived: they are still to be sent or on the way.</p>"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				tt.before(w)
				page := w.look("/")
				for _, want := range append(tt.want, "<title>"+tt.title+" · ccsyncd</title>") {
					if !strings.Contains(page, want) {
						t.Errorf("the page has no %q:\n%s", want, page[:min(len(page), 4000)])
					}
				}
				if icon := regexp.MustCompile(`href="/static/(icon[a-z-]*)\.`).FindStringSubmatch(page); icon == nil || strings.TrimSuffix(icon[1], ".") != tt.icon {
					t.Errorf("the icon is %q, want %s", icon, tt.icon)
				}
			})
		})
	}
}

// A run without a login fails: in place of its buttons the pages show how to log in.
func TestNoRunIsOfferedWithoutALogin(t *testing.T) {
	t.Parallel()
	const byHand = "A run needs a login. Run <code>ccsyncd auth login</code> on the server."
	for name, tt := range map[string]struct {
		login Authorization
		want  string // "": the buttons are there
	}{
		"logged in":                  {Authorization{Authorized: true}, ""},
		"nobody is logged in":        {Authorization{Reason: "nobody is logged in"}, byHand},
		"the login cannot be read":   {Authorization{Trouble: "the stored login cannot be read: set `[state] key`"}, "The stored login cannot be read: set <code>[state] key</code>."},
		"the refresh token is spent": {Authorization{Reason: "the refresh token was refused"}, byHand},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.options.Token, w.login = token, tt.login
			w.ran(ccsync.Report{Outcome: ccsync.Unauthorized, Error: &ccsync.Problem{Code: "unauthorized", Message: "nobody is logged in"}}, time.Millisecond)
			site := w.site()
			for path, button := range map[string]string{"/": "Run now", "/plan": "Dry run"} {
				_, page := get(t, site, path)
				if offered := strings.Contains(page, ">"+button+"</button>"); offered != (tt.want == "") || !strings.Contains(page, tt.want) {
					t.Errorf("%s: button %v, want the text %q:\n%s", path, offered, tt.want, page)
				}
			}
			if _, page := get(t, site, "/"); strings.Contains(page, "in the last count") {
				t.Error("nothing was counted, and the page shows a count")
			}
		})
	}
}

func TestThePageReloads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve()
	for path, want := range map[string]string{"/": "30", "/?reload=no": "", "/?follow=yes": "30", "/explain": "", "/?technical=yes": "30"} {
		if got := s.ask("GET", path, "").header.Get("Refresh"); got != want {
			t.Errorf("%s reloads after %q seconds, want %q", path, got, want)
		}
	}
	if page := w.look("/"); strings.Contains(page, "<input") {
		t.Error("a reload would lose what is being typed into a field")
	}
	w.progress = Progress{Run: 1, Step: "plan", MovedAt: time.Now()}
	if got := s.ask("GET", "/?follow=yes", "").header.Get("Refresh"); got != "4" {
		t.Errorf("a run that is followed is shown again after %q seconds, want 4", got)
	}
}

// All that are missing can be looked through and downloaded, by reason, without an address that the
// asker may not see.
func TestWhoIsMissingIsListedByReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lost(240, func(i int) string { return fmt.Sprintf("user%03d", i) })
	page := w.look("/")
	for _, want := range []string{"Sent, but did not arrive", `href="/problems?reason=lost"`, `href="/explain?who=key%3Auser000"`, "u••@example.com"} {
		if !strings.Contains(page, want) {
			t.Errorf("the status page has no %s", want)
		}
	}
	if page := w.look("/problems?page=3"); !strings.Contains(page, "201 to 240 of 240") || strings.Contains(page, "Next</a>") {
		t.Error("the third page does not show the last 40")
	}
	if page := w.look("/problems?reason=lost"); !strings.Contains(page, "1 to 40 of 40") || strings.Contains(page, "user000<") {
		t.Error("the page of a reason does not show those of this reason")
	}
	for _, path := range []string{"/problems?page=-1", "/problems?page=x", "/problems?page=99", "/problems?reason=%3Cscript%3E", "/problems?page=99999999999999999999"} {
		w.look(path)
	}
	all, err := csv.NewReader(strings.NewReader(w.look("/problems.csv"))).ReadAll()
	if err != nil || len(all) != 241 || all[1][0] != "user000" || all[1][1] != "u••@example.com" {
		t.Errorf("the download has %d lines (%v): %v", len(all), err, all[:2])
	}
	w.options.Token = token
	if text := w.look("/problems.csv", "Authorization", "Bearer "+token); !strings.Contains(text, "user000@example.com") || strings.Contains(text, "M9X4") {
		t.Error("who has the token gets no addresses, or a value")
	}
}

// A key that is an address is hidden like one, and no link gives it away.
func TestAKeyThatIsAnAddressIsMasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lost(1, func(int) string { return "bob@example.org" })
	for _, path := range []string{"/", "/problems", "/problems.csv", "/runs/1"} {
		if page := w.look(path); strings.Contains(page, "bob@") || strings.Contains(page, "bob%40") {
			t.Errorf("%s shows an address", path)
		}
	}
}

// Strip and line tell in words what they draw: only whole runs, and a gap where a day has none.
func TestTheHistoryIsToldInWords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		half := synced(10)
		half.Outcome, half.Coverage = ccsync.Partial, ccsync.Coverage{Users: 10, Contacts: 10, Verified: 5, Missing: 5}
		w.ran(half, time.Second)
		w.ran(ccsync.Report{Outcome: ccsync.Failed, Extent: ccsync.Extent{Only: 1}}, time.Second)
		w.ran(ccsync.Report{Outcome: ccsync.Planned, DryRun: true}, time.Second)
		time.Sleep(24 * time.Hour)
		w.ran(synced(10), time.Second)
		time.Sleep(48 * time.Hour)
		w.ran(synced(10), time.Second)
		page := w.look("/")
		for _, want := range []string{"3 runs: 2 synced, 1 partial. The newest ended synced.",
			"The lowest of all was 50 percent on 1 January; on 4 January it was 100 percent.", "lowest of each day, 30 days"} {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
		if n := strings.Count(page, "<polyline"); n != 2 {
			t.Errorf("the line has %d parts, want 2", n)
		}
	})
}

// Whoever looks at one user learns that nothing is sent to anybody, and why.
func TestTheExplanationSaysThatNothingIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.explains["ann@example.com"] = explained()
	w.ran(synced(1), time.Millisecond)
	if page := w.look("/explain?who=ann@example.com"); !strings.Contains(page, "Not yet: the contact will be updated") {
		t.Error("while all is well the page does not say that the contact will be updated")
	}
	w.ran(ccsync.Report{Outcome: ccsync.Refused, Coverage: ccsync.Coverage{Users: 1, Contacts: 1, Pending: 1}}, time.Millisecond)
	page := w.look("/explain?who=ann@example.com")
	for _, want := range []string{"Not yet: ccsyncd sends nothing at the moment", "The safety limits stopped the last run."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// A word that is no address is looked for as a key, and who types part of an address learns that it
// takes the whole.
func TestAUserIsFoundByABareKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.explains["key:42"] = explained()
	w.explains["key:ann"] = &ccsync.Explanation{Asked: "key:ann", Decision: "none"}
	if page := w.look("/explain?who=42"); !strings.Contains(page, "the contact will be updated") {
		t.Error("the key is not found")
	}
	if page := w.look("/explain?who=ann"); !strings.Contains(page, "Enter the whole address") {
		t.Error("the page does not say that it takes the whole address")
	}
}

// Runs for some users, however many, do not push the whole ones out of the picture. A limited run
// that failed before its plan is none of these either.
func TestTheStripLooksPastRunsThatWereNotWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ran(synced(10), time.Millisecond)
	w.ran(ccsync.Report{Outcome: ccsync.Failed, Extent: ccsync.Extent{Unplanned: true}}, 0)
	for range 250 {
		w.ran(ccsync.Report{Outcome: ccsync.Synced, Extent: ccsync.Extent{Only: 1}}, 0)
	}
	if page := w.look("/"); !strings.Contains(page, "1 run: 1 synced. The newest ended synced.") {
		t.Error("the strip does not show the whole run")
	}
}

// A contact to check is in the lists of the page too, and nobody retries it.
func TestAContactToCheckIsListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.ran(synced(10), time.Second)
	w.must(w.db.PutOverstep(w.Context(), &state.Overstep{Norm: "ann@b.c", Address: "ann@b.c", Key: "7", Was: "unsubscribed", Detail: "it was subscribed", Since: w.db.Now(), Run: id}))
	for _, path := range []string{"/", "/problems", "/problems?reason=overstepped"} {
		if text := w.look(path); !strings.Contains(text, "it was subscribed") || strings.Contains(text, "next try") {
			t.Errorf("%s shows %s", path, text)
		}
	}
	all, err := csv.NewReader(strings.NewReader(w.look("/problems.csv"))).ReadAll()
	if err != nil || len(all) != 2 || all[1][2] != "overstepped" || all[1][6] != "" {
		t.Errorf("the download has %q, %v", all, err)
	}
}
