package web

import (
	"fmt"

	ccsync "ccsyncd/sync"
)

// headline is the state at a glance.
type headline struct {
	Tone string // "good", "caution", "bad" or "quiet"
	Text string
	Why  string
	Todo string // what to do; "" for nothing
}

// headlineOf judges by what a person has to act on first: no login, then the last run, then a run that is missing.
func headlineOf(last, whole *past, auth Authorization, late string, quarantined int) headline {
	switch {
	case !auth.Authorized:
		return headline{"bad", "Not authorized", upper(auth.Reason), "run `ccsyncd auth login`"}
	case auth.inDoubt() != "":
		return headline{"caution", "Login in doubt", upper(auth.inDoubt()) + ".", "nothing: it is tried again by itself; if it stays so, check the network, or run `ccsyncd auth login`"}
	case last == nil:
		return headline{Tone: "quiet", Text: "No run yet", Why: "The first run reads all contacts and then compares them with your users."}
	case !good(last.Outcome):
		return unwell(last)
	case late != "":
		return headline{"bad", "Runs are missing", upper(late) + ".", "see the log of the daemon, and `ccsyncd status`"}
	case last.Outcome == string(ccsync.Partial):
		return headline{"caution", "Some changes did not arrive", messageOf(last), hintOf(last)}
	case last.Outcome == string(ccsync.Deferred):
		return headline{"caution", "The day’s requests are used up", "The rest follows by itself when the day begins anew.", ""}
	case whole != nil && whole.report.Coverage.Pending > 0:
		return headline{Tone: "caution", Text: "Changes are on their way", Why: plural(whole.report.Coverage.Pending, "user is", "users are") + " not settled yet."}
	case quarantined > 0:
		return headline{Tone: "good", Text: "In step", Why: plural(quarantined, "user whose change did not land waits", "users whose changes did not land wait") + " for the next try."}
	}
	return headline{Tone: "good", Text: "In step", Why: "Every user that can be sent was seen carrying the values of your table."}
}

// unwell is the headline of a run that ended badly.
func unwell(last *past) headline {
	h := headline{Tone: "bad", Text: fmt.Sprintf("Run %d failed", last.ID), Why: messageOf(last), Todo: hintOf(last)}
	switch ccsync.Outcome(last.Outcome) {
	case ccsync.Refused:
		h.Text = "The guard refused the plan"
	case ccsync.Unauthorized:
		h.Text = "Constant Contact refused the login"
	}
	return h
}

func messageOf(p *past) string {
	if p.report.Error == nil {
		return ""
	}
	return upper(p.report.Error.Message) + "."
}

func hintOf(p *past) string {
	if p.report.Error == nil {
		return ""
	}
	return p.report.Error.Hint
}
