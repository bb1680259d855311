package plan

import (
	"fmt"
	"testing"
)

// An explanation is the plan of a run, looked at in one place. A limit does not bear on it.
func TestAnExplanationSaysWhatThePlanDoesWithAnAddress(t *testing.T) {
	t.Parallel()
	m := twoFields()
	a, us := everyone(t, m)
	for norm, want := range map[string]string{
		"ann@example.com":               "row, a problem",
		"ben@example.com":               "row, a problem, update [{code {OLD B}}]",
		"cid@example.com":               "row, update [{code { C}}]",
		"dan@example.com":               "row, clear [{code {D }}]",
		"eve@example.com":               "row, a problem, skip unsubscribed (the contact opted out)",
		"fay@example.com":               "row, a problem, pending",
		"gil@example.com":               "row, a problem, skip quarantined (the last attempt failed (lost); the next one is due at 2026-01-02T04:04:05Z)",
		"hal@example.com":               "no row, (its user 80 is not gone; its row is skipped)",
		"ida@example.com":               "no row, clear [{code {I }}]",
		"jim@example.com":               "row, skip duplicate_email (another row has this address with different values)",
		"kim@example.com":               "row, update [{code {OLD K}} {plan {a b}}]",
		"new.man@xn--bcher-kva.example": "row, create [{code { N}}]",
		"zoe@example.com":               "no row",
	} {
		d, err := Decide(t.Context(), Rules{Mapping: m, Create: true, ClearOrphans: true, Limit: 1, Now: now, Scratch: t.TempDir()}, a, us, norm)
		if err != nil {
			t.Fatal(err)
		}
		if got := explained(&d); got != want {
			t.Errorf("%s: %s, want %s", norm, got, want)
		}
	}
	a.pending["ida@example.com"] = true
	d, err := Decide(t.Context(), Rules{Mapping: m, ClearOrphans: true, Now: now, Scratch: t.TempDir()}, a, us, "ida@example.com")
	if got := explained(&d); got != "no row, held" || err != nil {
		t.Errorf("a contact without a row in a batch under way: %s (%v)", got, err)
	}
}

// explained is an explanation in a line.
func explained(d *Decision) string {
	text := "no row"
	if d.Row {
		text = "row"
	}
	for _, part := range []struct {
		is   bool
		text string
	}{
		{d.Problem != nil, "a problem"}, {d.Pending, "pending"}, {d.Held, "held"}, {d.Action != "", fmt.Sprint(d.Action, " ", d.Fields)},
		{d.Skip != "", fmt.Sprintf("skip %s (%s)", d.Skip, d.Detail)}, {d.Skip == "" && d.Detail != "", "(" + d.Detail + ")"},
	} {
		if part.is {
			text += ", " + part.text
		}
	}
	return text
}
