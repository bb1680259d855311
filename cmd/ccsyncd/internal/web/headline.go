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

// headlineOf judges by what a person has to act on first: no login or one in doubt, then what the daemon could not write down, then the last whole run, then
// a run that is missing. It is good only when every user that can be sent was seen with his values.
func headlineOf(last *ccsync.LastWhole, auth Authorization, trouble, late string, problems int) headline {
	switch {
	case !auth.Authorized:
		return headline{"bad", "Not authorized", upper(auth.Reason), "run `ccsyncd auth login`"}
	case auth.inDoubt() != "":
		return headline{"caution", "Login in doubt", upper(auth.inDoubt()) + ".", "nothing: it is tried again by itself; if it stays so, check the network, or run `ccsyncd auth login`"}
	case trouble != "":
		return headline{"bad", "Runs cannot be written down", upper(trouble), ""}
	case last == nil:
		return headline{Tone: "quiet", Text: "No run yet", Why: "The first run reads all contacts and then compares them with your users."}
	case !last.Outcome.Good():
		return unwell(last)
	case late != "":
		return headline{"bad", "Runs are missing", upper(late) + ".", "see the log of the daemon, and `ccsyncd status`"}
	case problems > 0:
		return headline{"caution", "Some values did not arrive", plural(problems, "user waits", "users wait") + " for the next try, which comes by itself.", hintOf(last)}
	case last.Outcome == ccsync.Deferred:
		return headline{"caution", "The day’s requests are used up", "The rest follows by itself when the day begins anew.", ""}
	case last.Coverage != nil && last.Coverage.Pending > 0:
		return headline{Tone: "caution", Text: "Changes are on their way", Why: plural(last.Coverage.Pending, "user is", "users are") + " not settled yet."}
	case last.Outcome != ccsync.Synced:
		return headline{"caution", "Some values did not arrive", messageOf(last), hintOf(last)}
	}
	return headline{Tone: "good", Text: "In step", Why: "Every user that can be sent was seen carrying the values of your table."}
}

// unwell is the headline of a run that ended badly.
func unwell(last *ccsync.LastWhole) headline {
	h := headline{Tone: "bad", Text: fmt.Sprintf("Run %d failed", last.Run), Why: messageOf(last), Todo: hintOf(last)}
	switch last.Outcome {
	case ccsync.Refused:
		h.Text = "The guard refused the plan"
	case ccsync.Unauthorized:
		h.Text = "Constant Contact refused the login"
	}
	return h
}

func messageOf(l *ccsync.LastWhole) string {
	if l.Error == nil {
		return ""
	}
	return upper(l.Error.Message) + "."
}

func hintOf(l *ccsync.LastWhole) string {
	if l.Error == nil {
		return ""
	}
	return l.Error.Hint
}
