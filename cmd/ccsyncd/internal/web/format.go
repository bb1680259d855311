package web

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

// share is part of whole, between 0 and 100.
func share(part, whole int) float64 {
	if whole <= 0 {
		return 0
	}
	return min(max(float64(part)*100/float64(whole), 0), 100)
}

// percent writes a share. Only all is 100, and only nothing is 0.
func percent(part, whole int) string {
	p := share(part, whole)
	switch {
	case p > 0 && p < 0.1:
		return "<0.1"
	case p > 99.9 && part < whole:
		return "99.9"
	case p == float64(int(p)):
		return strconv.Itoa(int(p))
	}
	return strconv.FormatFloat(p, 'f', 1, 64)
}

// span writes a length of time with its largest unit.
func span(d time.Duration) string {
	switch d = d.Abs(); {
	case d < 90*time.Second:
		return kit.Count(int(d.Seconds())) + " s"
	case d < 90*time.Minute:
		return kit.Count(int(d.Round(time.Minute).Minutes())) + " min"
	case d < 36*time.Hour:
		return kit.Count(int(d.Round(time.Hour).Hours())) + " h"
	}
	return kit.Count(int(d.Round(time.Hour).Hours()/24)) + " days"
}

// seconds writes how long a run took.
func seconds(s float64) string {
	if s < 10 {
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	}
	if s < 90 {
		return strconv.Itoa(int(s)) + " s"
	}
	return span(time.Duration(s * float64(time.Second)))
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// when says how far a time is from now. Pointing at it shows the exact time.
func when(t, now time.Time) template.HTML {
	var text string
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d.Abs() < 2*time.Second && d < 0:
		text = "in a moment"
	case d.Abs() < 2*time.Second:
		text = "just now"
	case d > 0:
		text = span(d) + " ago"
	default:
		text = "in " + span(d)
	}
	// Nothing in it comes from outside.
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, t.UTC().Format(time.RFC3339), stamp(t), text))
}

// moment is when for a time that is a text.
func moment(text string, now time.Time) template.HTML {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return template.HTML(template.HTMLEscapeString(text))
	}
	return when(t, now)
}

// upper begins a sentence.
func upper(text string) string {
	if text == "" || text[0] < 'a' || text[0] > 'z' {
		return text
	}
	return string(text[0]-'a'+'A') + text[1:]
}

// lower continues a sentence.
func lower(text string) string {
	if text == "" || text[0] < 'A' || text[0] > 'Z' {
		return text
	}
	return string(text[0]-'A'+'a') + text[1:]
}

// hint shows text between backticks as code.
func hint(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			b.WriteString("<code>" + template.HTMLEscapeString(part) + "</code>")
			continue
		}
		b.WriteString(template.HTMLEscapeString(part))
	}
	return template.HTML(b.String())
}

// outcomes of runs, in words for everyone.
var outcomeTexts = map[string]string{
	string(ccsync.Synced):       "Every user who can be updated has the right code.",
	string(ccsync.Partial):      "Some codes have not arrived, or contacts must be checked.",
	string(ccsync.Deferred):     "The requests of the day are used up. The next day’s runs send the rest.",
	string(ccsync.Refused):      "The safety limits stopped this run.",
	string(ccsync.Unauthorized): "ccsyncd had no login, or Constant Contact refused it.",
	string(ccsync.Planned):      "A dry run compares and sends nothing.",
}

// outcome explains how a run ended; "" where the word says it all.
func outcome(code string) string { return outcomeTexts[code] }

// refreshes are the ways in which a run updates the local copy of the contacts.
var refreshes = map[string]string{"snapshot": "read in full", "incremental": "updated with what changed", "none": "not updated"}

func refresh(code string) string { return refreshes[code] }

// words makes a reason or a state readable: no_list becomes "no list".
func words(code string) string { return strings.ReplaceAll(code, "_", " ") }

// tone is the colour of an outcome, a state or a result. The words say the same.
func tone(code string) string {
	switch code {
	case string(ccsync.Synced), string(ccsync.Planned), "completed", "settled", "done", "verified", "unchanged":
		return "good"
	case string(ccsync.Partial), string(ccsync.Deferred), "pending", "skip", "update", "create", "clear":
		return "caution"
	case string(ccsync.Failed), string(ccsync.Refused), string(ccsync.Unauthorized), "died", "timed_out", "cancelled",
		ccsync.Rejected, ccsync.Lost, ccsync.Altered, ccsync.Overstepped, ccsync.ActivityFailed, ccsync.ActivityTimeout:
		return "bad"
	}
	return "quiet"
}

// plain cuts a detail before its quote from Constant Contact, which may contain an address or a
// value.
func plain(detail string) string {
	ours, _, _ := strings.Cut(detail, ": ")
	return ours
}
