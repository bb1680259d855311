package push

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"ccsyncd/ccapi"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
)

// inRun runs a test, in a bubble, with the outbox of run 7, a state file, and an account that
// answers as given.
func inRun(t *testing.T, answers account, test func(t *testing.T, o *Outbox)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ccsync.db")
	synctest.Test(t, func(t *testing.T) {
		db, err := state.Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for range 7 {
			if _, err := db.BeginRun(t.Context(), state.Run{Trigger: "command"}); err != nil {
				t.Fatal(err)
			}
		}
		read := ccapi.NewReader("http://account/v3", &http.Client{Transport: answers}, answers)
		test(t, Open(Options{Run: 7, State: db, Quota: db.Quota(state.Limits{PerSecond: 4, PerDay: 1000}), Read: read, Write: ccapi.NewWriter(read),
			Log: slog.New(slog.DiscardHandler), Waited: func(time.Duration) {}, Step: func(string, int, int) {}}, codes()))
	})
}

// account answers every request alike: with a status and a body.
type account func() (status int, body string)

// away is an account that cannot be reached.
func away() (int, string) { return 0, "" }

func (a account) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := a()
	if status == 0 {
		return nil, errors.New("no network")
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{"Content-Type": {"application/json"}}, Request: r}, nil
}

func (a account) Token(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: "token-of-the-account"}, nil
}

func (a account) Renew(_ context.Context, t *oauth2.Token) (*oauth2.Token, error) { return t, nil }

// batch adds a batch of rows that has come to a state.
func (o *Outbox) batch(t *testing.T, to state.BatchState, norms ...string) *state.Batch {
	t.Helper()
	var rows []state.BatchRow
	for _, norm := range norms {
		rows = append(rows, state.BatchRow{Norm: norm, Address: norm, Action: "update", Wanted: "NEW", Old: "OLD"})
	}
	b := state.Batch{Run: 7, Kind: state.Import, State: state.Recorded, Mapping: o.mapping.Key(), Contacts: len(rows)}
	var err error
	if b.ID, err = o.State.AddBatch(t.Context(), b, slices.Values(rows)); err != nil {
		t.Fatal(err)
	}
	at := o.track(b)
	for _, next := range []state.BatchState{state.Sending, state.Sent, state.Ended} {
		if at.State == to {
			break
		}
		if err := o.move(t.Context(), at, next); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

// An import that could not be looked for may have been accepted. Whoever drops it sends it twice.
func TestAnImportThatCannotBeLookedForStaysAsItIs(t *testing.T) {
	t.Parallel()
	for in, want := range map[state.BatchState]string{state.Sending: "look for batch 1: ", state.Sent: "poll import an activity: "} {
		inRun(t, away, func(t *testing.T, o *Outbox) {
			b := o.batch(t, state.Sending, "ann@example.com")
			if b.Activity = "an activity"; in == state.Sent {
				if err := o.move(t.Context(), b, in); err != nil {
					t.Fatal(err)
				}
			}
			next := Open(o.Options, o.mapping)
			if err := next.Resume(t.Context()); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", in, err, want)
			}
			open, err := o.State.OpenBatches(t.Context())
			if err != nil || len(open) != 1 || open[0].State != in || len(next.in(in)) != 1 {
				t.Errorf("%s: it became %+v (%v)", in, open, err)
			}
		})
	}
	inRun(t, away, func(t *testing.T, o *Outbox) { // nobody has sent it
		o.batch(t, state.Recorded, "ann@example.com")
		if err := Open(o.Options, o.mapping).Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		if open, err := o.State.OpenBatches(t.Context()); len(open) > 0 || err != nil {
			t.Errorf("what was only recorded is still there: %+v (%v)", open, err)
		}
	})
}

// Without its activity's id on record an import would be looked for by its rows.
func TestAnAcceptedImportThatCannotBeRecordedEndsTheRun(t *testing.T) {
	t.Parallel()
	inRun(t, away, func(t *testing.T, o *Outbox) {
		b := o.batch(t, state.Sending, "ann@example.com")
		o.State.Close()
		if err := o.accepted(t.Context(), b, ccapi.Activity{ID: "an activity"}); err == nil || b.State != state.Sending {
			t.Errorf("it became %s (%v)", b.State, err)
		}
	})
}

// A run waits while state or percentage move, and ten minutes longer.
func TestAnImportIsWaitedForFromItsLastMove(t *testing.T) {
	t.Parallel()
	inRun(t, away, func(t *testing.T, o *Outbox) {
		b := o.batch(t, state.Sent, "ann@example.com")
		poll := func(percent int) {
			if err := o.progressed(t.Context(), b, ccapi.Activity{State: "processing", PercentDone: percent}); err != nil {
				t.Fatal(err)
			}
		}
		want := func(n int) {
			t.Helper()
			if got := len(o.moving()); got != n {
				t.Errorf("after %s %d imports are waited for, want %d", o.ages.of(b.ID).sinceMoved(), got, n)
			}
		}
		poll(10)
		for range 3 {
			time.Sleep(mirror.LetGo)
			want(1)
			poll(b.Percent + 10)
		}
		time.Sleep(mirror.LetGo)
		poll(b.Percent) // it has not moved
		time.Sleep(time.Second)
		want(0)
		poll(b.Percent + 10)
		want(1)
	})
}

func TestAnImportThatDoesNotEndInTimeCountsAsLost(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]state.BatchState{0: state.Sent, 5 * time.Hour: state.Ended, 7 * time.Hour: state.Sent} {
		inRun(t, away, func(t *testing.T, o *Outbox) {
			o.ActivityTimeout = timeout
			b := o.batch(t, state.Sent, "ann@example.com")
			time.Sleep(6 * time.Hour)
			err := o.progressed(t.Context(), b, ccapi.Activity{State: "processing"})
			if b.State != want || (b.Ending == endedTimeout) != (want == state.Ended) || err != nil {
				t.Errorf("with a limit of %s it is %s (%s) after six hours (%v)", timeout, b.State, b.Ending, err)
			}
		})
	}
}

// What an import or a clear was seen to do to a permission is not done to the next contact.
func TestAPlanIsRestrictedByTheHarmThatWasSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		harm            func(*Outbox)
		noClear, noOuts bool
	}{
		"none":                       {func(*Outbox) {}, false, false},
		"a clear":                    {func(o *Outbox) { o.clearer.off = true }, true, false},
		"an import of a former run":  {func(o *Outbox) { o.sparing = true }, false, true},
		"an import of this same run": {func(o *Outbox) { o.results.resubscribed = 1 }, false, true},
	} {
		o, rules := Open(Options{}, nil), plan.Rules{}
		c.harm(o)
		if o.Restrict(&rules); rules.ClearingOff != c.noClear || rules.Sparing != c.noOuts {
			t.Errorf("%s: nothing is cleared %t, contacts that opted out are spared %t", name, rules.ClearingOff, rules.Sparing)
		}
	}
}

// The rows that could be corrected were not taken either.
func TestEveryRowWithAnErrorIsCounted(t *testing.T) {
	t.Parallel()
	inRun(t, away, func(t *testing.T, o *Outbox) {
		b := o.batch(t, state.Sent, "ann@example.com")
		if err := o.progressed(t.Context(), b, ccapi.Activity{State: "processing", ErrorCount: 2, Correctable: 3, Errors: []string{"bad"}}); err != nil {
			t.Fatal(err)
		}
		if b.ErrorCount != 5 || b.Ending != "processing" || !slices.Equal(b.Errors, []string{"bad"}) {
			t.Errorf("%+v", b)
		}
	})
}

func TestWaitingHelpsNothingThatTheImportExplains(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		batch   state.Batch
		missing int
		want    bool
	}{
		"no error":           {state.Batch{Ending: ccapi.StateCompleted}, 1, false},
		"fewer errors":       {state.Batch{Ending: ccapi.StateCompleted, ErrorCount: 1}, 2, false},
		"as many":            {state.Batch{Ending: ccapi.StateCompleted, ErrorCount: 2}, 2, true},
		"refused":            {state.Batch{Ending: endedRefused}, 2, true},
		"interrupted":        {state.Batch{Ending: endedBroken}, 2, true},
		"failed altogether":  {state.Batch{Ending: ccapi.StateFailed}, 2, false},
		"gone after an hour": {state.Batch{Ending: endedGone}, 2, false},
	} {
		if got := explained(&c.batch, c.missing); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

// A settlement that the process did not live to end has written problems of this same try.
func TestOnlyTriesBeforeThisOneAreCounted(t *testing.T) {
	t.Parallel()
	inRun(t, away, func(t *testing.T, o *Outbox) {
		norms := []string{"earlier@example.com", "interrupted@example.com", "first@example.com", "none@example.com"}
		b := o.batch(t, state.Ended, norms...)
		var failed []state.Failed
		for i, p := range []state.Problem{{Run: 6, Attempts: 2}, {Run: 7, Attempts: 3}, {Run: 7, Attempts: 1}} {
			p.Norm, p.Address, p.Reason, p.Wanted, p.Since, p.RetryAt = norms[i], norms[i], Lost, "NEW", o.now(), o.now()
			failed = append(failed, state.Failed{Norm: norms[i], Reason: Lost, Problem: &p})
		}
		if err := o.State.Fail(t.Context(), b.ID, failed); err != nil {
			t.Fatal(err)
		}
		v := &verification{batch: b}
		for _, norm := range norms {
			v.missing = append(v.missing, judged{BatchRow: state.BatchRow{Norm: norm}})
		}
		found, err := o.verifier.problemsOf(t.Context(), v)
		if err != nil || len(found) != 2 || found[norms[0]].Attempts != 2 || found[norms[1]].Attempts != 2 {
			t.Errorf("%+v (%v)", found, err)
		}
	})
}

// Clearing one value must not subscribe anybody. Who opted out, or is gone, did that himself.
func TestOnlyAPermissionThatClearingChangedTurnsClearingOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		was, is string
		off     bool
	}{
		"the same":         {"implicit", "implicit", false},
		"another":          {"implicit", "explicit", true},
		"lowered":          {"explicit", "not_set", true},
		"opted out since":  {"implicit", "unsubscribed", false},
		"not known before": {"", "explicit", false},
		"gone since":       {"implicit", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inRun(t, away, func(t *testing.T, o *Outbox) {
				row := &state.BatchRow{ID: "c", Norm: "ann@example.com"}
				if err := errors.Join(o.clearer.tryOut(t.Context(), &ccapi.Contact{ID: "c", Permission: c.was}), o.clearer.watchPermission(t.Context(), row, c.was, c.is)); err != nil {
					t.Fatal(err)
				}
				trial, err := o.State.Fact(t.Context(), factTrial)
				off, err2 := ReadClearing(t.Context(), o.State)
				if o.clearer.off != c.off || (off != nil) != c.off || (o.results.altered > 0) != c.off || len(o.results.problems) != o.results.altered || trial != "" || err != nil || err2 != nil {
					t.Errorf("clearing is off: %t, recorded %+v, contacts %d, trial %q (%v, %v)", o.clearer.off, off, o.results.altered, trial, err, err2)
				}
				time.Sleep(30*24*time.Hour - time.Minute)
				if off, err = ReadClearing(t.Context(), o.State); (off != nil) != c.off || err != nil {
					t.Errorf("almost 30 days later: %+v (%v)", off, err)
				}
				time.Sleep(2 * time.Minute)
				if off, err = ReadClearing(t.Context(), o.State); off != nil || err != nil {
					t.Errorf("30 days later: %+v (%v)", off, err)
				}
			})
		})
	}
}

// The answer to a PUT may be lost with the process. Until its contact was read nobody knows what it
// did.
func TestATrialEndsWhenItsContactWasRead(t *testing.T) {
	t.Parallel()
	for status, ended := range map[int]bool{http.StatusNotFound: true, http.StatusBadRequest: false, 0: false} {
		inRun(t, func() (int, string) { return status, "{}" }, func(t *testing.T, o *Outbox) {
			if err := o.clearer.tryOut(t.Context(), &ccapi.Contact{ID: "c", Permission: "implicit"}); err != nil {
				t.Fatal(err)
			}
			err := o.Recall(t.Context())
			trial, err2 := o.State.Fact(t.Context(), factTrial)
			if (err == nil) != ended || (trial == "") != ended || o.clearer.off || err2 != nil {
				t.Errorf("status %d: %v, trial %q (%v)", status, err, trial, err2)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "read a contact whose clearing was interrupted: ") {
				t.Errorf("status %d: %v", status, err)
			}
		})
	}
}

func TestADayWithFewRequestsLeftIsNotSpentOnLooking(t *testing.T) {
	t.Parallel()
	inRun(t, away, func(t *testing.T, o *Outbox) {
		open := []*state.Batch{o.batch(t, state.Sent, "ann@example.com")}
		if _, err := o.Quota.Reserve(t.Context()); err != nil {
			t.Fatal(err)
		}
		for limit, want := range map[int]time.Duration{scarce + 1: mirror.FirstPoll, scarce: mirror.LastPoll} {
			o.Quota = o.State.Quota(state.Limits{PerSecond: 4, PerDay: limit})
			if got, err := o.nextDelay(t.Context(), 0, open); got != want || err != nil {
				t.Errorf("with %d requests a day, one of them spent, imports are looked at after %s (%v), want %s", limit, got, err, want)
			}
		}
		o.State.Close()
		if _, err := o.nextDelay(t.Context(), 0, open); err == nil {
			t.Error("without a state file there is no error")
		}
		if err := o.Await(t.Context()); err == nil {
			t.Error("without a state file an import is awaited")
		}
	})
}
