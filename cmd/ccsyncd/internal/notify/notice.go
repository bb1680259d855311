package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

// Notice is the body of a notification. It holds counts, and neither an address nor a value: its
// words are ours alone, since an error can quote what Constant Contact answered.
type Notice struct {
	Schema int          `json:"schema"` // 1
	Event  string       `json:"event"`
	Text   string       `json:"text"`
	Run    int64        `json:"run"`
	Counts noticeCounts `json:"counts"`
	Hint   string       `json:"hint"` // the command to run now
}

type noticeCounts struct {
	Users      int `json:"users"`
	Contacts   int `json:"contacts"`
	Verified   int `json:"verified"`
	Pending    int `json:"pending"`
	Missing    int `json:"missing"`
	Skipped    int `json:"skipped"`
	Rejected   int `json:"rejected"`
	Unverified int `json:"unverified"`
}

// withheld says how much a refused run did not send: everything, or what it planned after it had
// settled what was under way.
func withheld(l *ccsync.LastWhole) string {
	if l.Verified+l.Rejected+l.Unverified > 0 {
		return "nothing more was sent"
	}
	return "nothing was sent"
}

// noticeOf tells of an event that a whole run was.
func noticeOf(event string, l *ccsync.LastWhole) Notice {
	n := Notice{Schema: 1, Event: event, Run: l.Run, Hint: fmt.Sprintf("ccsyncd runs show %d", l.Run)}
	n.Counts.Rejected, n.Counts.Unverified = l.Rejected, l.Unverified
	if c := l.Coverage; c != nil {
		n.Counts.Users, n.Counts.Contacts, n.Counts.Verified = c.Users, c.Contacts, c.Verified
		n.Counts.Pending, n.Counts.Missing, n.Counts.Skipped = c.Pending, c.Missing, c.Skipped
	}
	switch event {
	case EventRecovered:
		n.Text = fmt.Sprintf("recovered: %s of %s are up to date", kit.Count(n.Counts.Verified), kit.Plural(n.Counts.Users, "user", "users"))
	case string(ccsync.Partial):
		n.Text = shortfall(l)
	case string(ccsync.Refused):
		n.Text = "the guard refused the changes (" + strings.Join(l.Guard, ", ") + "); " + withheld(l)
	case string(ccsync.Unauthorized):
		n.Text = "there is no valid login; nothing is sent until someone logs in"
		n.Hint = "ccsyncd auth login"
	default:
		n.Text = "the run failed: " + failure(l.Error) + "; the next scheduled run retries"
		if l.Error != nil && l.Error.Code == "state_replaced" {
			n.Text = "the run failed: state_replaced; the daemon stops"
		}
	}
	if l.Run == 0 && event != string(ccsync.Unauthorized) {
		n.Hint = "ccsyncd check"
	}
	return n
}

// shortfall tells what a run that ended partial left to do, and first what only a person can do.
func shortfall(l *ccsync.LastWhole) string {
	var parts []string
	if n := l.Oversteps(); n > 0 {
		parts = append(parts, "an import or a clear changed "+kit.Plural(n, "contact", "contacts")+" more than it should; check in Constant Contact")
	}
	if open := l.OpenProblems(); open > 0 {
		parts = append(parts, fmt.Sprintf("%s did not arrive (%s); ccsyncd retries where it can", kit.Plural(open, "code", "codes"), byReason(l.Problems)))
	}
	return strings.Join(parts, ". ")
}

// byReason counts values that did not arrive in words, the most frequent reason first.
func byReason(problems map[string]int) string {
	reasons := slices.DeleteFunc(slices.Sorted(maps.Keys(problems)), func(reason string) bool { return reason == ccsync.Overstepped })
	slices.SortStableFunc(reasons, func(a, b string) int { return problems[b] - problems[a] })
	for i, reason := range reasons {
		reasons[i] = kit.Count(problems[reason]) + " " + reason
	}
	return strings.Join(reasons, ", ")
}

// failure says why a run failed, as far as that can be told without a stranger's words: a code is
// ours.
func failure(p *ccsync.Problem) string {
	switch {
	case p == nil || p.Code == string(ccsync.Failed):
		return "an error that retries did not fix"
	case strings.HasPrefix(p.Code, "field_"), strings.HasPrefix(p.Code, "list_"):
		return "a mapped custom field or list is missing, deleted or ambiguous (" + p.Code + ")"
	case p.Code == "source":
		return "the app's database could not be read"
	}
	return p.Code
}

// encode writes the body in the form that the receiver takes.
func (n Notice) encode(format string) []byte {
	if format != config.FormatSlack {
		return marshal(n)
	}
	text := fmt.Sprintf("*ccsyncd %s*: %s\nnow: `%s`", n.Event, slackText.Replace(n.Text), n.Hint)
	return marshal(map[string]string{"text": text})
}

// slackText escapes the three characters that Slack's messages give a meaning to.
var slackText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // texts and counts can always be encoded
	return b.Bytes()
}
