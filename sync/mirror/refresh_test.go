package mirror

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

func TestASnapshotIsTakenWhereOneIsDueAndElseWhatChangedIsRead(t *testing.T) {
	t.Parallel()
	at := func(due time.Duration) func(time.Time) time.Time {
		return func(last time.Time) time.Time { return last.Add(due) }
	}
	for name, c := range map[string]struct {
		next func(time.Time) time.Time
		full bool
		want string
	}{
		"none is ever due":       {nil, false, "incremental"},
		"none is due":            {func(time.Time) time.Time { return time.Time{} }, false, "incremental"},
		"one is due in a second": {at(time.Hour + time.Second), false, "incremental"},
		"one is due now":         {at(time.Hour), false, "snapshot"},
		"one is asked for":       {nil, true, "snapshot"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, 12, func(w *world) {
				w.refresh("snapshot")
				time.Sleep(time.Hour)
				w.box.SetField(user(3), "short_code", "NEW")
				w.next, w.full = c.next, c.full
				w.asked()
				w.steps = nil
				m := w.refresh(c.want)
				if asked := w.asked("updated_after", "limit"); c.want == "incremental" && !slices.Equal(asked, []string{"GET contacts limit=5 updated_after=1999-12-31T23%3A55%3A00Z"}) {
					t.Errorf("asked %q, want what changed since five minutes before the last refresh", asked)
				}
				if c.want == "incremental" && !slices.Equal(w.steps, []string{"refresh 1/1"}) {
					t.Errorf("steps %q", w.steps)
				}
				if m.Fresh() != (c.want == "snapshot") || !m.RefreshedWithin(time.Second) {
					t.Errorf("its own snapshot is fresh: %v", m.Fresh())
				}
				if err := m.Refresh(w.t.Context()); err != nil {
					t.Fatal(err)
				}
				if n := count(w.asked("updated_after"), "GET contacts updated_after="); n != 1 && c.next == nil {
					t.Error("the same run took another snapshot")
				}
				if m.Told() != (Told{Contacts: 12, Refresh: c.want}) {
					t.Errorf("told %+v", m.Told())
				}
			})
		})
	}
}

// The server's clock may have jumped: what was served at a time may be dated earlier.
func TestWhatChangedIsReadFromEarlierWhereTheServersClockIsUnsteady(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(w *world) {
		w.refresh("snapshot")
		for _, ahead := range []time.Duration{0, 20 * time.Minute} {
			if err := w.db.Saw(w.t.Context(), time.Now().Add(ahead)); err != nil {
				t.Fatal(err)
			}
		}
		w.asked()
		w.run().Refresh(w.t.Context())
		after := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(-overlap - w.db.Unsteady()).Format("2006-01-02T15:04")
		if asked := w.asked("updated_after"); w.db.Unsteady() < time.Minute || len(asked) != 1 || !strings.HasPrefix(asked[0], "GET contacts updated_after="+strings.ReplaceAll(after, ":", "%3A")) {
			t.Errorf("asked %q, want what changed after %s", asked, after)
		}
	})
}

func TestARefreshOfWhatChangedGivesUpASnapshotThatWasInterrupted(t *testing.T) {
	t.Parallel()
	inWorld(t, 22, func(w *world) {
		w.refresh("snapshot")
		w.full = true
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultUnauthorized, At: []int{4}})
		if err := w.run().Refresh(w.t.Context()); err == nil {
			t.Fatal("it was not interrupted")
		}
		w.box.ClearFaults()
		w.full = false
		w.refresh("incremental")
		w.full = true
		w.asked()
		w.refresh("snapshot")
		if asked := w.asked("cursor"); asked[0] != "GET contacts" || len(asked) != 5 {
			t.Errorf("asked %q", asked)
		}
	})
}

// holds lets another process hold the mirror for a while.
func (w *world) holds(d time.Duration) {
	w.t.Helper()
	other, err := state.Open(w.t.Context(), w.db.Path(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	_, release, err := other.Lock(w.t.Context(), state.MirrorLock)
	if err != nil {
		w.t.Fatal(err)
	}
	time.AfterFunc(d, func() { release(); other.Close() })
}

func TestARefreshWaitsForAnotherProcessUnlessADryRunHasAllThatItNeeds(t *testing.T) {
	t.Parallel()
	const held = 10 * time.Second
	for name, c := range map[string]struct {
		run     func(*world) *Mirror
		prepare func(*world)
		waits   bool
	}{
		"a run":                           {(*world).run, func(w *world) { w.refresh("snapshot") }, true},
		"a dry run":                       {(*world).dry, func(w *world) { w.refresh("snapshot") }, false},
		"a dry run, nothing is read yet":  {(*world).dry, func(*world) {}, true},
		"a dry run, with another mapping": {(*world).dry, func(w *world) { w.refresh("snapshot"); w.remap(true) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, 12, func(w *world) {
				c.prepare(w)
				w.asked()
				began := time.Now()
				w.holds(held)
				m := c.run(w)
				if err := m.Refresh(w.t.Context()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); (took >= held) != c.waits || took > held+time.Second {
					t.Errorf("it took %s", took)
				}
				if !c.waits {
					w.wantNotes("another process is reading all contacts")
					if asked := w.asked(); len(asked) > 0 || m.Told() != (Told{Contacts: 12, Refresh: "none"}) {
						t.Errorf("asked %q, told %+v", asked, m.Told())
					}
				}
				w.wantTruth(m)
				time.Sleep(held + time.Second)
				release, ok, err := m.lock(w.t.Context())
				if !ok || err != nil {
					t.Fatalf("it was not released: %v", err)
				}
				release()
			})
		})
	}
}

func TestARefreshThatWaitsForAnotherProcessEndsWithItsContext(t *testing.T) {
	t.Parallel()
	inWorld(t, 1, func(w *world) {
		w.holds(time.Hour)
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
		defer cancel()
		if err := w.run().Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		time.Sleep(time.Hour)
	})
}

func TestASnapshotBindsFieldsAgainUnlessTheRunHasJustDone(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		w.refresh("snapshot")
		w.box.SetProperty(user(2), "first_name", "Ann")
		for _, bound := range []bool{true, false} {
			binds := 0
			m := w.run()
			m.bound, m.Full = bound, true
			m.Bind = func(context.Context) (*contact.Mapping, error) {
				binds++
				w.remap(true)
				return w.mapping, nil
			}
			for range 2 {
				if err := m.Snapshot(w.t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if want := map[bool]int{true: 0, false: 1}[bound]; binds != want {
				t.Errorf("it was bound %d times, want %d", binds, want)
			}
			w.wantTruth(m)
		}
		failed := errors.New("nothing can be bound")
		m := w.run()
		m.bound, m.Bind = false, func(context.Context) (*contact.Mapping, error) { return nil, failed }
		if err := m.Snapshot(w.t.Context()); !errors.Is(err, failed) {
			t.Errorf("%v", err)
		}
	})
}

func TestFieldsThatWereMadeAreEmptyEverywhereAndTheMirrorStaysGood(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		made := w.mapping
		w.mapping = &contact.Mapping{Targets: []contact.Target{made.Targets[0], {Field: contact.Field{Column: "first", CustomField: "First"}, Kind: contact.KindText}}}
		m := w.refresh("snapshot")
		to := &contact.Mapping{Targets: slices.Clone(w.mapping.Targets)}
		to.Targets[1].ID = w.box.AddCustomField("First", "string")
		if err := m.Rename(w.t.Context(), to); err != nil {
			t.Fatal(err)
		}
		w.mapping = to
		w.wantTruth(m)
		w.refresh("incremental")
		if err := m.Rename(w.t.Context(), made); err != nil {
			t.Fatal(err)
		}
		if err := w.run().Rename(w.t.Context(), made); !errors.Is(err, state.ErrMapping) {
			t.Errorf("a mapping was named that the mirror does not have: %v", err)
		}
	})
}

// privates are the private mirrors in the folder of a world.
func (w *world) privates() []string {
	w.t.Helper()
	all, err := filepath.Glob(filepath.Join(w.dir, ".ccsync-*"))
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func TestADryRunOfOtherFieldsReadsThemForItselfAndLeavesTheMirrorAlone(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		w.box.SetProperty(user(2), "first_name", "Ann")
		w.refresh("snapshot")
		before, err := w.db.Mirror(w.t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.remap(true)
		w.asked()
		m := w.dry()
		if err := m.Refresh(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantNotes("this dry run read all contacts separately")
		w.wantTruth(m)
		if n := passes(w.asked("cursor")); n != 1 || m.Told() != (Told{Contacts: 12, Refresh: "snapshot"}) || len(w.privates()) != 1 {
			t.Errorf("%d passes, told %+v, private mirrors %q", n, m.Told(), w.privates())
		}
		if err := m.Close(); err != nil || len(w.privates()) != 0 {
			t.Errorf("what it read stays in %q (%v)", w.privates(), err)
		}
		m.remove = nil
		if now, err := w.db.Mirror(w.t.Context()); err != nil || now != before {
			t.Errorf("the mirror became %+v (%v), was %+v", now, err, before)
		}
	})
}

// Nothing has to be asked for what the mirror has already.
func TestADryRunOfFewerFieldsUsesTheMirrorAsItIs(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		w.box.SetProperty(user(2), "first_name", "Ann")
		w.remap(true)
		w.refresh("snapshot")
		w.remap(false)
		w.asked()
		m := w.dry()
		if err := m.Refresh(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantNotes("this dry run uses the contacts as last read, 2000-01-01 00:00 UTC")
		w.wantTruth(m)
		if asked := w.asked(); len(asked) > 0 || m.Told() != (Told{Contacts: 12, Refresh: "none"}) || len(w.privates()) != 0 {
			t.Errorf("asked %q, told %+v", asked, m.Told())
		}
		for e, err := range m.Entries(w.t.Context()) {
			if err != nil || e.Norm == user(2) && e.Fields != "C0002" {
				t.Errorf("%+v (%v)", e, err)
			}
		}
	})
}

// Without the one who was forgotten the plan would create a contact that exists.
func TestADryRunOfFewerFieldsReadsAllContactsAfterOneWasForgotten(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		w.remap(true)
		w.refresh("snapshot")
		if _, err := w.db.Forget(w.t.Context(), user(2)); err != nil {
			t.Fatal(err)
		}
		w.remap(false)
		m := w.dry()
		if err := m.Refresh(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		found, err := m.Contacts(w.t.Context(), []string{user(2)})
		if err != nil || len(found) != 1 || m.Told() != (Told{Contacts: 12, Refresh: "snapshot"}) {
			t.Errorf("%+v (%v), told %+v", found, err, m.Told())
		}
	})
}

func TestADryRunOfOtherFieldsFailsWhereItHasNoRoomForThem(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		w.refresh("snapshot")
		w.remap(true)
		m := w.dry()
		m.Scratch = filepath.Join(w.dir, "nowhere")
		if err := m.Refresh(w.t.Context()); err == nil || m.Told().Refresh != "none" {
			t.Errorf("told %+v (%v)", m.Told(), err)
		}
	})
}

// What an explanation says goes by this.
func TestALookAtTheMirrorTellsWhatItLacks(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		w.box.SetProperty(user(2), "first_name", "Ann")
		look := func() (string, string) {
			t.Helper()
			v, lacks, err := Look(w.t.Context(), w.db, w.mapping)
			if err != nil {
				w.t.Fatal(err)
			}
			found, err := v.Contacts(w.t.Context(), []string{user(2)})
			entries := 0
			for e, err := range v.Entries(w.t.Context()) {
				if entries++; err != nil || e.Norm == user(2) && e.Fields != found[0].Fields {
					t.Errorf("%+v (%v), want what %+v has", e, err, found)
				}
			}
			if err != nil || v.Unread() != (entries == 0) {
				t.Errorf("%d entries, unread %v (%v)", entries, v.Unread(), err)
			}
			fields := "nobody"
			if len(found) > 0 {
				fields = strings.ReplaceAll(found[0].Fields, state.Separator, "|")
			}
			return fields, strings.Join(lacks, " ")
		}
		want := func(fields, lacks string) {
			t.Helper()
			if f, l := look(); f != fields || l != lacks {
				t.Errorf("%s, it lacks %q, want %s, %q", f, l, fields, lacks)
			}
		}
		want("nobody", "")
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultUnauthorized, At: []int{3}})
		w.run().Refresh(w.t.Context())
		w.box.ClearFaults()
		w.refresh("snapshot")
		want("C0002", "")
		w.remap(true)
		want("C0002|", "first_name")
		w.refresh("snapshot")
		want("C0002|Ann", "")
		w.remap(false)
		want("C0002", "")
	})
}

// A mirror that nobody has read is nobody's.
func TestADryRunIntoAnEmptyMirrorFillsIt(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		m := w.dry()
		if err := m.Refresh(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantTruth(m)
		w.wantNotes()
		w.refresh("incremental")
		w.remap(true)
		w.refresh("snapshot")
	})
}

// A snapshot that another mapping has begun is not finished with this one, nor thrown away.
func TestADryRunLeavesTheSnapshotOfAnotherMappingUnderWay(t *testing.T) {
	t.Parallel()
	inWorld(t, 22, func(w *world) {
		w.box.Fault(sandbox.Fault{Kind: sandbox.FaultUnauthorized, At: []int{4}})
		w.run().Refresh(w.t.Context())
		w.box.ClearFaults()
		w.remap(true)
		m := w.dry()
		if err := m.Refresh(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantTruth(m)
		w.remap(false)
		w.asked()
		w.refresh("snapshot")
		if asked := w.asked("cursor"); len(asked) != 2 {
			t.Errorf("asked %q, want the last two pages", asked)
		}
	})
}

// Whom this program filled, and who left a list, the account does not tell.
func TestAPrivateMirrorRemembersWhatTheRealOneKnows(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"pages": 12, "an export": 120} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, n, func(w *world) {
				twin := sandbox.Contact{Address: user(5), Lists: []string{"Newsletter"}}
				w.box.Seed(twin)
				w.box.JoinList(user(1), "Newsletter")
				w.box.JoinList(user(2), "Newsletter")
				w.refresh("snapshot")
				w.fill(user(1), "C0001", "4711")
				w.fill(user(3), "", "")
				w.box.LeaveList(user(1), "Newsletter")
				w.full = true
				w.refresh("snapshot")
				w.box.LeaveList(user(1), "App users")
				w.box.LeaveList(user(2), "App users")
				w.box.SetProperty(user(1), "first_name", "Ann")
				w.remap(true)
				m := w.dry()
				if err := m.Refresh(w.t.Context()); err != nil {
					t.Fatal(err)
				}
				found, err := m.Contacts(w.t.Context(), []string{user(1), user(2), user(3), user(5)})
				if err != nil || len(found) != 5 {
					t.Fatalf("%+v (%v)", found, err)
				}
				app, news := w.lists["App users"], w.lists["Newsletter"]
				for i, want := range []state.Contact{
					{Filled: contact.Encode([]string{"C0001", ""}), FilledKey: "4711", Left: []string{news, app}, Fields: contact.Encode([]string{"C0001", "Ann"})},
					{Left: []string{app}, Fields: contact.Encode([]string{"C0002", ""})},
					{Fields: contact.Encode([]string{"C0003", ""})},
				} {
					c := found[i]
					slices.Sort(c.Left)
					slices.Sort(want.Left)
					if c.Filled != want.Filled || c.FilledKey != want.FilledKey || !slices.Equal(c.Left, want.Left) || c.Fields != want.Fields {
						t.Errorf("%+v, want %+v", c, want)
					}
				}
				for _, twin := range found[3:] {
					if len(twin.Left) > 0 {
						t.Errorf("%+v left what his twin is on", twin)
					}
				}
			})
		})
	}
}

// fill records that a value of a user arrived at a contact.
func (w *world) fill(norm, value, key string) {
	w.t.Helper()
	ctx := w.t.Context()
	run, err := w.db.BeginRun(ctx, state.Run{})
	if err != nil {
		w.t.Fatal(err)
	}
	id, err := w.db.AddBatch(ctx, state.Batch{Run: run, Kind: state.Import}, slices.Values([]state.BatchRow{{Norm: norm, Key: key, Action: "update"}}))
	if err != nil {
		w.t.Fatal(err)
	}
	b := state.Batch{ID: id, State: state.Recorded}
	for _, to := range []state.BatchState{state.Sending, state.Sent, state.Ended} {
		if err := w.db.MoveBatch(ctx, b, to); err != nil {
			w.t.Fatal(err)
		}
		b.State = to
	}
	if err := w.db.Land(ctx, id, w.mapping.Key(), []state.Landed{{Norm: norm, Filled: value, Key: key}}); err != nil {
		w.t.Fatal(err)
	}
}
