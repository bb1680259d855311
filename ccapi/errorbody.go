package ccapi

import (
	"bytes"
	"encoding/json"
	"html"
	"strings"
	"unicode"
)

// maxErrorBody bounds what is read of an error's body, in bytes.
const maxErrorBody = 64 << 10

// maxMessage bounds a message that is passed on, in runes.
const maxMessage = 300

// quotaExceeded is the error_key of a 429 that lasts until the day turns.
const quotaExceeded = "quota_exceeded"

// apiFault is one error of the API; the last two members are those of RFC 6749, section 5.2.
type apiFault struct {
	Key         string `json:"error_key"`
	Message     string `json:"error_message"`
	OAuth       string `json:"error"`
	Description string `json:"error_description"`
}

// parseErrorBody reads the three forms in which errors come: an array of error objects (the API),
// a bare object (authorization, gateway) and an HTML page (proxies in between). Anything else gives
// two empty strings. The message is fit to be printed.
func parseErrorBody(body []byte) (key, message string) {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return "", ""
	case body[0] == '[':
		var faults []apiFault
		if json.Unmarshal(body, &faults) != nil {
			return "", ""
		}
		return joinFaults(faults)
	case body[0] == '{':
		var fault apiFault
		if json.Unmarshal(body, &fault) != nil {
			return "", ""
		}
		return joinFaults([]apiFault{fault})
	case body[0] == '<':
		return "", htmlTitle(string(body))
	}
	return "", ""
}

// joinFaults takes the first key and all messages.
func joinFaults(faults []apiFault) (key, message string) {
	var messages []string
	for _, f := range faults {
		if key == "" {
			key = f.Key + f.OAuth
		}
		if m := f.Message + f.Description; m != "" {
			messages = append(messages, m)
		}
	}
	return printable(key), printable(strings.Join(messages, "; "))
}

// htmlTitle names an HTML page.
func htmlTitle(page string) string {
	lower := strings.ToLower(page)
	start := strings.Index(lower, "<title>")
	if start < 0 {
		return "an HTML page, probably of a gateway in between"
	}
	start += len("<title>")
	end := strings.Index(lower[start:], "</title>")
	if end < 0 || start+end > len(page) {
		return "an HTML page, probably of a gateway in between"
	}
	return "an HTML page titled " + printable(html.UnescapeString(page[start:start+end]))
}

// printable makes text of a server fit for a terminal and a log: one line, no control characters,
// at most maxMessage runes.
func printable(s string) string {
	var b strings.Builder
	n := 0
	for _, word := range strings.FieldsFunc(strings.ToValidUTF8(s, "?"), unseen) {
		if n > 0 {
			b.WriteByte(' ')
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
