package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/report"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	ccsync "ccsyncd/sync"
)

func TestStatusSaysThatEverybodyWaitsForTheFirstContacts(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 1, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		ahead *ccsync.Ahead
		want  string
	}{
		"until a time": {&ccsync.Ahead{Contacts: 5, Until: now.Add(5 * time.Hour)}, "waiting for the import of the first 5 contacts; nothing else is sent until it has ended. " +
			"If it has not ended by 2026-11-30 06:00 UTC ([limits] activity_timeout), it counts as lost and the next run tries other contacts first"},
		"without end": {&ccsync.Ahead{Contacts: 1}, "waiting for the import of the first contact; nothing else is sent until it has ended"},
		"not":         {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			sh := &cli{&shell.Shell{Terminal: term.New(term.Options{Stdout: &out, Stderr: io.Discard})}}
			sh.printStatus(status{Authorized: true, LastRun: &report.Summary{Run: 1, Outcome: ccsync.Partial, EndedAt: now, Ahead: c.ahead}}, now)
			text := strings.Join(strings.Fields(out.String()), " ")
			if !strings.Contains(text, c.want) || c.want == "" && strings.Contains(text, "waiting for the import") {
				t.Errorf("it says:\n%s", out.String())
			}
		})
	}
}

// A push for some users may find problems that the last run for all did not count.
func TestStatusSaysWhenProblemsAreNewerThanTheCoverage(t *testing.T) {
	t.Parallel()
	for problems, want := range map[int]bool{1: false, 2: true} {
		var out bytes.Buffer
		sh := &cli{&shell.Shell{Terminal: term.New(term.Options{Stdout: &out, Stderr: io.Discard})}}
		s := status{Coverage: &ccsync.Coverage{Users: 3, Contacts: 3, Verified: 2, Missing: 1}}
		s.Problems.Count = problems
		sh.printStatus(s, time.Now())
		if got := strings.Contains(out.String(), "newer than this count"); got != want {
			t.Errorf("%d problems, 1 of them counted:\n%s", problems, out.String())
		}
	}
}
