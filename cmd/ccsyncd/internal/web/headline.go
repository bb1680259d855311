package web

import (
	"net/url"
	"strings"
	"time"

	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

// headline is the state at a glance.
type headline struct {
	Tone    string // "good", "caution", "bad" or "quiet"
	Text    string
	Why     string
	Todo    string // for whoever reads the page; "" for nothing
	Forward string // for the administrator, with what to do in backticks; "" for nothing
	Answer  newsletter
}

// Mail is the address of an email to the administrator that is still to be written to somebody.
func (h headline) Mail() string {
	body := strings.ReplaceAll(h.Forward, "`", "")
	q := url.Values{"subject": {"ccsyncd: " + h.Text}, "body": {body}}
	return "mailto:?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// situation is what a headline is judged by.
type situation struct {
	last     *ccsync.LastWhole // nil when there was none
	login    Authorization
	trouble  string    // why the daemon cannot write down what it does
	late     string    // why runs are missing
	problems int       // open ones
	retryAt  time.Time // when the first of them is tried again
	imports  int       // under way
	now      time.Time
}

// headlineOf judges by what a person has to act on first: no login or one in doubt, then what the
// daemon could not write down, then the last whole run, then a run that is missing. It is good only
// when every user that can be sent was seen with his values.
func headlineOf(s *situation) headline {
	h := s.state()
	if h.Forward != "" {
		h.Forward = sentence("ccsyncd: "+h.Text) + " " + h.Forward
	}
	h.Answer = s.answer(h.Tone)
	return h
}

func (s *situation) state() headline {
	last := s.last
	switch {
	case !s.login.Authorized:
		return headline{Tone: "bad", Text: "Not authorized", Why: "ccsyncd is not logged in to Constant Contact.",
			Todo:    "Somebody with access to the server must log in to Constant Contact.",
			Forward: sentence(upper(s.login.Reason)) + " Run `ccsyncd auth login` on the server and open the address that it prints."}
	case s.login.inDoubt() != "":
		return headline{Tone: "caution", Text: "Login in doubt", Why: "Constant Contact did not answer when the login was renewed.",
			Todo: "Nothing for now: ccsyncd tries again by itself. If this stays for more than an hour, ask your administrator.",
			Forward: upper(s.login.inDoubt()) + ". Check the network between the server and Constant Contact, or run " +
				"`ccsyncd auth login`."}
	case s.trouble != "":
		return headline{Tone: "bad", Text: "Runs cannot be written down", Why: "ccsyncd cannot use its own database.",
			Todo: "Ask your administrator.", Forward: sentence(upper(s.trouble))}
	case last == nil:
		return headline{Tone: "quiet", Text: "No run yet"}
	case !last.Outcome.Good():
		return unwell(last)
	case s.late != "":
		return headline{Tone: "bad", Text: "Runs are missing", Why: "Nothing was checked at the planned times.",
			Todo: "Ask your administrator.", Forward: sentence(upper(s.late)) + " See the log of the daemon, and `ccsyncd status`."}
	case last.Ahead != nil:
		return headline{Tone: "caution", Text: "Waiting for the first " + kit.Plural(last.Ahead.Contacts, "contact", "contacts"),
			Why:     "They go ahead of the first push, and Constant Contact has not taken them in yet. All others are sent after them.",
			Todo:    "Nothing for now: ccsyncd looks again by itself. If this stays for some hours, ask your administrator.",
			Forward: sentence(upper(last.Ahead.String())) + " See `ccsyncd status`."}
	case s.problems > 0:
		return headline{Tone: "caution", Text: "Some values did not arrive",
			Why:  kit.Plural(s.problems, "user waits", "users wait") + " for the next try" + s.retry() + ".",
			Todo: "Nothing for now: ccsyncd tries again by itself. Below is who is missing, and why."}
	case last.Outcome == ccsync.Deferred:
		return headline{Tone: "caution", Text: "The day’s requests are used up",
			Why: "Constant Contact allows a number of requests a day. The rest follows by itself after midnight UTC."}
	case last.Coverage != nil && last.Coverage.Pending > 0, s.imports > 0:
		return headline{Tone: "caution", Text: "Changes are on their way",
			Why: "They were not seen in Constant Contact yet. That takes some minutes."}
	case last.Outcome != ccsync.Synced:
		return headline{Tone: "caution", Text: "Some values did not arrive", Why: messageOf(last),
			Todo: "Nothing for now: ccsyncd tries again by itself."}
	}
	return headline{Tone: "good", Text: "In step", Why: "Every user that can be sent was seen carrying the values of your table."}
}

// retry says when the next try is, if it is not due.
func (s *situation) retry() string {
	if wait := s.retryAt.Sub(s.now); wait > 0 {
		return ", in " + span(wait)
	}
	return ""
}

// failures say by the code of an error what happened, for people who run no servers.
var failures = map[string]string{
	"network":             "Constant Contact could not be reached",
	"gateway":             "Constant Contact is disturbed",
	"source":              "Your users could not be read",
	"state_full":          "The disk of the server is full",
	"forbidden":           "Constant Contact refused a request",
	"snapshot_incomplete": "Constant Contact did not show all contacts",
	"token_in_doubt":      "Login in doubt",
}

// unwell is the headline of a run that ended badly.
func unwell(last *ccsync.LastWhole) headline {
	h := headline{Tone: "bad", Text: "The last run failed", Why: "ccsyncd tries again by itself at the next run.",
		Todo:    "If this stays for more than an hour, ask your administrator.",
		Forward: strings.TrimSpace(messageOf(last) + " " + sentence(upper(hintOf(last))))}
	switch last.Outcome {
	case ccsync.Refused:
		h.Text = "The guard refused the plan"
		h.Why = "The changes look like an accident, so nothing more was sent."
		h.Todo = "Somebody must decide whether these changes are meant. Ask your administrator."
	case ccsync.Unauthorized:
		h.Text = "Constant Contact refused the login"
		h.Why = "Nothing can be checked or sent without a login."
		h.Todo = "Somebody with access to the server must log in to Constant Contact."
	default:
		if last.Error != nil && failures[last.Error.Code] != "" {
			h.Text = failures[last.Error.Code]
		}
		if last.ExitCode == exitConfig {
			h.Why, h.Todo = "Constant Contact or the configuration must be corrected first.", "Ask your administrator."
		}
	}
	if h.Forward == "" {
		h.Forward = "Run `ccsyncd status` and `ccsyncd check`."
	}
	return h
}

// exitConfig is the exit code of a run whose configuration does not fit the account.
const exitConfig = 78

func messageOf(l *ccsync.LastWhole) string {
	if l.Error == nil {
		return ""
	}
	return sentence(upper(l.Error.Message))
}

func hintOf(l *ccsync.LastWhole) string {
	if l.Error == nil {
		return ""
	}
	return l.Error.Hint
}

// sentence ends a text with a full stop.
func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
