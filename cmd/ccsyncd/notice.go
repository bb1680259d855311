package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/term"
	ccsync "ccsyncd/sync"
)

// notice is the body of a notification. It holds counts, and neither an address nor a value: its words are ours alone,
// since an error can quote what Constant Contact answered.
type notice struct {
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
	Skipped    int `json:"skipped"`
	Rejected   int `json:"rejected"`
	Unverified int `json:"unverified"`
}

// noticeOf tells of an event that a run was.
func noticeOf(event string, r *ccsync.Report) notice {
	n := notice{Schema: 1, Event: event, Run: r.Run, Hint: fmt.Sprintf("ccsyncd runs show %d", r.Run)}
	c := r.Coverage
	n.Counts = noticeCounts{Users: c.Users, Contacts: c.Contacts, Verified: c.Verified, Pending: c.Pending, Skipped: c.Skipped}
	if r.Push != nil {
		n.Counts.Rejected, n.Counts.Unverified = r.Push.Rejected, r.Push.Unverified
	}
	switch event {
	case eventRecovered:
		n.Text = fmt.Sprintf("all is well again: %s of %s carry their values", term.Count(c.Verified), term.Plural(c.Users, "user", "users"))
	case string(ccsync.Partial):
		n.Text = fmt.Sprintf("%s did not arrive (%s rejected, %s not verified); what can be tried again is tried by itself",
			term.Plural(n.Counts.Rejected+n.Counts.Unverified, "code", "codes"), term.Count(n.Counts.Rejected), term.Count(n.Counts.Unverified))
	case string(ccsync.Refused):
		n.Text = "the guard refused the plan, nothing was sent: " + strings.Join(r.Guard.Reasons, ", ")
	case string(ccsync.Unauthorized):
		n.Text = "Constant Contact does not accept the login; nothing is sent until somebody logs in"
		n.Hint = "ccsyncd auth login"
	default:
		n.Text = "the run failed: " + failure(r) + "; it is tried again at the next scheduled time"
	}
	if r.Run == 0 && event != string(ccsync.Unauthorized) {
		n.Hint = "ccsyncd check"
	}
	return n
}

// failure says why a run failed, as far as that can be told without a stranger's words.
func failure(r *ccsync.Report) string {
	switch err := r.Err(); {
	case errors.As(err, new(*ccsync.SetupError)):
		return "a mapped custom field or list is missing, gone or ambiguous (" + r.Error.Code + ")"
	case errors.As(err, new(*ccsync.SourceError)):
		return "the app's database could not be read"
	case r.Error != nil && r.Error.Code != string(ccsync.Failed):
		return r.Error.Code
	}
	return "an error that retries did not cure"
}

// encode writes the body in the form that the receiver takes.
func (n notice) encode(format string) ([]byte, error) {
	if format != config.FormatSlack {
		return marshal(n)
	}
	text := fmt.Sprintf("*ccsyncd %s*: %s\nnow: `%s`", n.Event, slackText.Replace(n.Text), n.Hint)
	return marshal(map[string]string{"text": text})
}

// slackText escapes the three characters that Slack's messages give a meaning to.
var slackText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("write the notification: %w", err)
	}
	return b.Bytes(), nil
}
