package ccapi

import (
	"bytes"
	"strings"

	"golang.org/x/oauth2"
)

// hidden stands in the place of what a server's error quoted of the request.
const hidden = "••"

// withoutRequest takes out of a server's text what it may have quoted of the request: the access
// token, and the values in query and body, which are addresses and what is mapped for them.
func (c *call) withoutRequest(s string, tok *oauth2.Token) string {
	s = withoutToken(s, tok.AccessToken)
	asked := c.url.Query().Get("email")
	for _, word := range strings.FieldsFunc(s, delimits) {
		word = strings.TrimRight(word, ".!?")
		const short = 3 // a shorter word is found in every body, and gives nothing away
		if len(word) < short {
			continue
		}
		if bytes.Contains(c.body, []byte(`:"`+word+`"`)) || strings.EqualFold(asked, word) {
			s = strings.ReplaceAll(s, word, hidden)
		}
	}
	return s
}

// withoutToken takes out a token, also one whose end was cut off.
func withoutToken(s, token string) string {
	const telling = 16 // bytes of a token that no other text begins with
	start := token[:min(len(token), telling)]
	if start == "" {
		return s
	}
	var clean strings.Builder
	for at := strings.Index(s, start); at >= 0; at = strings.Index(s, start) {
		clean.WriteString(s[:at] + "redacted")
		s = s[at:]
		end := 0
		for end < min(len(token), len(s)) && s[end] == token[end] {
			end++
		}
		s = s[end:]
	}
	return clean.String() + s
}

// delimits tells what stands between two words of an error.
func delimits(r rune) bool { return strings.ContainsRune(" \"'`<>{}[]()=:;,", r) }

// cleaned is an error fit to be shown: net/http quotes what it cannot read from the connection, at
// any length.
func (c *call) cleaned(err error, tok *oauth2.Token) error {
	text := c.withoutRequest(printable(err.Error()), tok)
	if text == err.Error() {
		return err
	}
	return &cleanError{text, err}
}

// cleanError is an error under a text that is fit to be shown.
type cleanError struct {
	text string
	err  error
}

func (e *cleanError) Error() string { return e.text }
func (e *cleanError) Unwrap() error { return e.err }
