package ccapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"unicode"
)

// maxErrorBody bounds what is read of an error's body, in bytes.
const maxErrorBody = 64 << 10

// maxMessage bounds a message that is passed on, in runes.
const maxMessage = 300

// quotaExceeded is the error_key of a 429 that lasts until the day turns.
const quotaExceeded = "quota_exceeded"

// apiFault is one error, in the words of whoever tells it.
type apiFault struct {
	Key         string `json:"error_key"` // the API
	Message     string `json:"error_message"`
	OAuth       string `json:"error"` // RFC 6749, section 5.2
	Description string `json:"error_description"`
	Code        string `json:"errorCode"` // the authorization server's own
	Summary     string `json:"errorSummary"`
	Gateway     string `json:"message"` // AWS; "Message" too
}

// spoken is what an error's body says.
type spoken struct {
	key     string // the first error_key; "" for none
	message string // all messages, fit to be printed
	// it is the word of a gateway in front of the API, and tells nothing about what was asked for
	gateway bool
}

// parseErrorBody reads the forms in which errors come: an array of error objects (the API), a bare
// object (the authorization server, a gateway), an HTML page and plain text (proxies in between).
func parseErrorBody(body []byte) spoken {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return spoken{}
	}
	switch body[0] {
	case '[':
		var all []apiFault
		if json.Unmarshal(body, &all) != nil {
			return spoken{}
		}
		return joinFaults(all)
	case '{':
		var fault apiFault
		if json.Unmarshal(body, &fault) != nil {
			return spoken{}
		}
		f := joinFaults([]apiFault{fault})
		f.gateway = f.key == "" && fault.Gateway != ""
		return f
	case '<':
		return spoken{message: pageText(string(body)), gateway: true}
	}
	return spoken{message: printable(string(body)), gateway: true}
}

// joinFaults takes the first key and all messages.
func joinFaults(all []apiFault) spoken {
	var f spoken
	var messages []string
	for _, one := range all {
		f.key = cmp.Or(f.key, one.Key, one.OAuth, one.Code)
		if m := cmp.Or(one.Message, one.Description, one.Summary, one.Gateway); m != "" {
			messages = append(messages, m)
		}
	}
	f.key, f.message = printable(f.key), printable(strings.Join(messages, "; "))
	return f
}

// What is left out of a page's text.
var (
	unshown = regexp.MustCompile(`(?is)<!--.*?-->|<(script|style|head)\b.*?</(script|style|head)\s*>`)
	titled  = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title`)
	tags    = regexp.MustCompile(`(?s)<[^>]*>?`)
)

// pageText reduces an HTML page to its title, or to the beginning of its text.
func pageText(page string) string {
	const unnamed = "an HTML page, probably from a gateway in between"
	if title := titled.FindStringSubmatch(page); title != nil {
		if text := printable(html.UnescapeString(title[1])); text != "" {
			return "an HTML page titled " + text
		}
	}
	text := printable(html.UnescapeString(tags.ReplaceAllString(unshown.ReplaceAllString(page, " "), " ")))
	if text == "" {
		return unnamed
	}
	return "an HTML page: " + shortened(text, 100)
}

// shortened is text with at most n runes of it.
func shortened(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n]) + "..."
	}
	return text
}

// printable makes text of a server fit for a terminal and a log: one line, no control characters,
// at most maxMessage runes.
func printable(s string) string {
	var b strings.Builder
	n := 0
	for _, word := range strings.FieldsFunc(strings.ToValidUTF8(s, "?"), unseen) {
		if n > 0 {
			b.WriteByte(' ')
			n++
		}
		for _, r := range word {
			if n++; n > maxMessage {
				b.WriteString("...")
				return b.String()
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unseen reports white space and whatever does not print.
func unseen(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }
