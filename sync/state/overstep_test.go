package state

import (
	"slices"
	"testing"
	"time"
)

// An overstep outlives what lands or fails later. It ends when it is ended, or its address goes.
func TestAnOverstepOutlivesWhatIsSentLater(t *testing.T) {
	t.Parallel()
	db := full(t)
	ctx := t.Context()
	if err := db.EndOversteps(ctx, []string{"z@example.com"}); err != nil {
		t.Fatal(err)
	}
	of := func() []Overstep {
		t.Helper()
		all, err := db.Oversteps(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	marked := func() Mark {
		t.Helper()
		m, err := db.Mark(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	before := marked()
	since := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	a := Overstep{Norm: "a@example.com", Address: "A@example.com", Key: "1", ID: "2", Was: "unsubscribed", Detail: "subscribed", Since: since, Run: 1}
	b := Overstep{Norm: "b@example.com", Address: "b@example.com", Detail: "another", Since: since, Run: 1}
	landing := a
	landing.Resubscribed = true
	if err := db.Land(ctx, 2, "m", []Landed{{Norm: a.Norm, Overstep: &landing}}); err != nil {
		t.Fatal(err)
	}
	if err := db.PutOverstep(ctx, &b); err != nil {
		t.Fatal(err)
	}
	if got := of(); !slices.Equal(got, []Overstep{a, b}) {
		t.Errorf("noted %+v", got)
	}
	if m := marked(); m == before {
		t.Error("the mark is the same")
	}
	if told, err := db.RunProblems(ctx, 1, 9); err != nil || !slices.Contains(told, RunProblem{Norm: a.Norm, Address: a.Address, Key: "1", Reason: Overstepped, Detail: "subscribed"}) {
		t.Errorf("the history has %+v, %v", told, err)
	}
	if err := db.Land(ctx, 2, "m", []Landed{{Norm: a.Norm}}); err != nil {
		t.Fatal(err)
	}
	if err := db.SolveProblems(ctx, []string{a.Norm, b.Norm}); err != nil || len(of()) != 2 {
		t.Errorf("left %+v, %v", of(), err)
	}
	if err := db.EndOversteps(ctx, []string{a.Norm}); err != nil || !slices.Equal(of(), []Overstep{b}) {
		t.Errorf("left %+v, %v", of(), err)
	}
	if _, err := db.Forget(ctx, b.Norm); err != nil || len(of()) != 0 {
		t.Errorf("left %+v, %v", of(), err)
	}
	if at, err := db.Resubscribed(ctx); err != nil || !at.Equal(since) {
		t.Errorf("resubscribed at %s, %v", at, err)
	}
}

// An overstep is found by its contact, whatever address that has now.
func TestAnOverstepFollowsItsContact(t *testing.T) {
	t.Parallel()
	db := full(t)
	for name, c := range map[string]struct {
		o    Overstep
		want []string
	}{
		"by its address":              {Overstep{Norm: "a@example.com"}, []string{"a@example.com 1"}},
		"by its contact":              {Overstep{Norm: "gone@example.com", ID: "2"}, []string{"z@example.com 2"}},
		"another has its address now": {Overstep{Norm: "a@example.com", ID: "2"}, []string{"a@example.com 1", "z@example.com 2"}},
		"there is none":               {Overstep{Norm: "gone@example.com", ID: "3"}, nil},
		"its contact was not known":   {Overstep{Norm: "gone@example.com"}, nil},
	} {
		found, err := db.Of(t.Context(), &c.o)
		var got []string
		for _, f := range found {
			got = append(got, f.Norm+" "+f.ID)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// An address that somebody forgot during its import is not recorded again.
func TestAForgottenAddressIsNoOverstep(t *testing.T) {
	t.Parallel()
	db := full(t)
	if _, err := db.Forget(t.Context(), "a@example.com"); err != nil {
		t.Fatal(err)
	}
	o := &Overstep{Norm: "a@example.com", Run: 1}
	if err := db.Land(t.Context(), 2, "m", []Landed{{Norm: o.Norm, Overstep: o}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Fail(t.Context(), 2, []Failed{{Norm: o.Norm, Reason: "lost", Overstep: o}}); err != nil {
		t.Fatal(err)
	}
	if all, err := db.Oversteps(t.Context()); err != nil || len(all) != 1 { // another's
		t.Errorf("noted %+v, %v", all, err)
	}
}
