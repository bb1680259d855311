package ccapi

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

func TestAnErrorQuotesNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	tok := &oauth2.Token{AccessToken: "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"}
	c := &call{body: []byte(`{"list_ids":["l"],"import_data":[{"email":"ann@example.com","cf:short_code":"K7Q2M9","first_name":"in","last_name":"Lee"}]}`),
		url: &url.URL{RawQuery: "email=Ben%40example.com&status=all"}}
	for text, want := range map[string]string{
		"invalid value K7Q2M9 of short_code":                      "invalid value •• of short_code",
		`"ann@example.com": is not an address; see cf:short_code`: `"••": is not an address; see cf:short_code`,
		"Lee! is in use":                          "••! is in use",
		"no contact ben@example.com.":             "no contact ••.",
		"Bearer " + tok.AccessToken + " is wrong": "Bearer redacted is wrong",
		"Bearer " + tok.AccessToken[:30] + "...":  "Bearer redacted...",
		"no row in l is in use":                   "no row in l is in use",
		"all contacts are fine":                   "all contacts are fine",
	} {
		if got := c.withoutRequest(text, tok); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

// What a server quotes is bounded, so that a token may have been cut in the middle.
func TestACutTokenIsHiddenToo(t *testing.T) {
	t.Parallel()
	token := strings.Repeat("0123456789abcdef", 30)
	body := `[{"error_key":"k","error_message":"Bearer ` + token + `"}]`
	message := parseErrorBody([]byte(body)).message
	if got := withoutToken(message, token); strings.Contains(got, token[:16]) {
		t.Errorf("got %q", got)
	}
	for n := 16; n <= len(token); n++ {
		text := "Bearer " + token[:n]
		if got := withoutToken(text, token); got != "Bearer redacted" {
			t.Errorf("%q gives %q", text, got)
		}
	}
	for token, want := range map[string]string{"": "text", "x": "teredactedt", "t": "redactedexredacted", "te": "redactedxt"} {
		if got := withoutToken("text", token); got != want {
			t.Errorf("token %q: got %q, want %q", token, got, want)
		}
	}
}
