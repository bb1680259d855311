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
	Todo    string // for the reader of the page; "" for nothing
	Forward string // for the administrator, with commands in backticks; "" for nothing
	Answer  newsletter
}

// Mail is a link that opens an email to the administrator, with no address filled in.
func (h headline) Mail() string {
	body := strings.ReplaceAll(h.Forward, "`", "")
	q := url.Values{"subject": {"ccsyncd: " + h.Text}, "body": {body}}
	return "mailto:?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// situation is what a headline is judged by.
type situation struct {
	last      *ccsync.LastWhole // nil when there was none
	login     Authorization
	trouble   string    // why the daemon cannot record what it does
	late      string    // why runs are missing
	problems  int       // open ones
	oversteps int       // contacts to check
	retryAt   time.Time // when the first of them is sent again
	imports   int       // under way
	now       time.Time
}

// headlineOf goes by what a person has to act on first: the login, then a state file that
// cannot be written, then the last whole run, then an overdue run. It is good only when every user
// that can be sent was seen with the right values.
func headlineOf(s *situation) headline {
	h := s.state()
	switch {
	case h.Forward == "", strings.HasPrefix(h.Forward, "ccsyncd: "):
	case strings.HasPrefix(h.Forward, h.Text):
		h.Forward = "ccsyncd: " + h.Forward
	default:
		h.Forward = sentence("ccsyncd: "+h.Text) + " " + h.Forward
	}
	h.Answer = s.answer(h.Tone)
	return h
}

func (s *situation) state() headline {
	last := s.last
	switch {
	case s.login.Trouble != "":
		return headline{Tone: "bad", Text: "The login cannot be read", Why: "ccsyncd cannot use Constant Contact without its login.",
			Todo: "Ask your administrator.", Forward: sentence(upper(s.login.Trouble))}
	case !s.login.Authorized:
		return headline{Tone: "bad", Text: "Not logged in", Why: "ccsyncd cannot use Constant Contact without a login.",
			Todo:    "Ask somebody with access to the server to log in to Constant Contact.",
			Forward: "ccsyncd: " + sentence(upper(s.login.Reason)) + " Run `ccsyncd auth login` on the server and open the address that it prints."}
	case s.login.inDoubt() != "":
		return headline{Tone: "caution", Text: "Login not renewed yet", Why: "Constant Contact did not answer when ccsyncd renewed the login.",
			Todo: "Nothing for now: ccsyncd retries automatically. If this lasts more than an hour, ask your administrator.",
			Forward: upper(s.login.inDoubt()) + ". Check the network between the server and Constant Contact, or run " +
				"`ccsyncd auth login`."}
	case s.trouble != "":
		return headline{Tone: "bad", Text: "Runs cannot be recorded", Why: "ccsyncd cannot write to its own database.",
			Todo: "Ask your administrator.", Forward: sentence(upper(s.trouble))}
	case last == nil:
		return headline{Tone: "quiet", Text: "No run yet"}
	case !last.Outcome.Good():
		return unwell(last)
	case s.late != "":
		return headline{Tone: "bad", Text: "Runs are overdue", Why: "ccsyncd did not run at the scheduled times.",
			Todo: "Ask your administrator.", Forward: sentence(upper(s.late)) + " See the daemon’s log and `ccsyncd status`."}
	case last.Ahead != nil:
		return headline{Tone: "caution", Text: "Waiting for the first " + kit.Plural(last.Ahead.Contacts, "contact", "contacts"),
			Why:     "ccsyncd sends a few contacts first, as a test. Constant Contact has not imported them yet. All others follow.",
			Todo:    "Nothing for now: ccsyncd checks again automatically. If this lasts for hours, ask your administrator.",
			Forward: sentence(upper(last.Ahead.String())) + " See `ccsyncd status`."}
	case s.oversteps > 0:
		return headline{Tone: "caution", Text: kit.Plural(s.oversteps, "contact", "contacts") + " to check",
			Why:  "An import or a clear changed more than it should.",
			Todo: "Somebody must look at the contacts below in Constant Contact. Ask your administrator.", Forward: "See `ccsyncd problems`."}
	case s.problems > 0:
		return headline{Tone: "caution", Text: "Some codes did not arrive", Why: s.retry(),
			Todo: "Nothing for now: ccsyncd retries automatically. The list below shows who is missing and why."}
	case last.Outcome == ccsync.Deferred:
		return headline{Tone: "caution", Text: "The day’s requests are used up",
			Why: "Constant Contact limits the requests of a day. ccsyncd sends the rest automatically after midnight UTC."}
	case last.Coverage != nil && last.Coverage.Pending > 0, s.imports > 0:
		return headline{Tone: "caution", Text: "Changes are on their way",
			Why: "Constant Contact does not show them yet. That takes a few minutes."}
	case last.Outcome != ccsync.Synced:
		return headline{Tone: "caution", Text: "Some codes did not arrive", Why: messageOf(last),
			Todo: "Nothing for now: ccsyncd retries automatically."}
	}
	return headline{Tone: "good", Text: "In sync", Why: "Nothing is waiting to be sent."}
}

// retry is when the first of the open problems is retried.
func (s *situation) retry() string {
	if wait := s.retryAt.Sub(s.now); wait > 0 {
		return "The next try is in " + span(wait) + "."
	}
	return "The next run sends them again."
}

// failures are the headlines of runs that failed, by the code of their error.
var failures = map[string]string{
	"network":             "Constant Contact could not be reached",
	"gateway":             "Constant Contact has a disruption",
	"source":              "Your users could not be read",
	"state_full":          "The disk of the server is full",
	"forbidden":           "Constant Contact refused a request",
	"snapshot_incomplete": "Constant Contact did not show all contacts",
	"token_in_doubt":      "Login not renewed yet",
}

// unwell is the headline of a run that ended badly.
func unwell(last *ccsync.LastWhole) headline {
	h := headline{Tone: "bad", Text: "The last run failed", Why: "ccsyncd retries automatically at the next run.",
		Todo:    "If this lasts more than an hour, ask your administrator.",
		Forward: strings.TrimSpace(messageOf(last) + " " + sentence(upper(hintOf(last))))}
	switch last.Outcome {
	case ccsync.Refused:
		h.Text = "The safety limits stopped the last run"
		h.Why = "The changes look like an accident. ccsyncd sent nothing more."
		h.Todo = "Somebody must decide whether these changes are intended. Ask your administrator."
	case ccsync.Unauthorized:
		h.Text = "Constant Contact refused the login"
		h.Why = "ccsyncd cannot use Constant Contact without a login."
		h.Todo = "Ask somebody with access to the server to log in to Constant Contact."
	default:
		if last.Error != nil && failures[last.Error.Code] != "" {
			h.Text = failures[last.Error.Code]
		}
		if last.ExitCode == exitConfig {
			h.Why, h.Todo = "Somebody must correct the configuration or the Constant Contact account.", "Ask your administrator."
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
