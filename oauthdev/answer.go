package oauthdev

import (
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ccsyncd/internal/kit"
)

// fate is what came of a request, as far as it matters to a token in it.
type fate int

const (
	granted fate = iota // 2xx and JSON: what was asked for
	refused             // JSON with an error code
	busy                // 429 or 5xx, whole
	foreign             // whole, but nothing that an authorization server says: a page, a redirect
	lost                // the request left, and no whole answer came
	unsent              // the request never left
)

// reply is the outcome of one request. All but a granted one have an err.
type reply struct {
	fate   fate
	answer answer
	sent   time.Time // when the request left, by the client's clock; zero when it did not
	err    error
}

// retryAfter is the pause that the server asked for, 0 when it did not.
func (r *reply) retryAfter() time.Duration {
	var e *Error
	if errors.As(r.err, &e) {
		return e.RetryAfter
	}
	return 0
}

// code is the server's error code, "" when it gave none.
func (r *reply) code() string {
	var e *Error
	if errors.As(r.err, &e) {
		return e.Code
	}
	return ""
}

// passing tells whether the same request may do better in a moment.
func (r *reply) passing() bool {
	switch r.fate {
	case busy, foreign, lost:
		return true
	case unsent:
		return noConnection(r.err)
	}
	return false
}

// noConnection tells a connection that could not be made from what the transport refused and from a
// wrong certificate. A server that is restarted or a proxy that is overloaded may close or refuse a
// connection in the middle of the TLS handshake.
func noConnection(err error) bool {
	_, network := errors.AsType[net.Error](err)
	_, alert := errors.AsType[tls.AlertError](err)
	return network || alert
}

// answer has the members of all answers: RFC 6749 sections 5.1 and 5.2, RFC 8628 section 3.2, the
// bare object of Constant Contact's API, Okta's own errors, and those of a gateway in front
// ("message" or "Message").
type answer struct {
	AccessToken             string  `json:"access_token"`
	TokenType               string  `json:"token_type"`
	RefreshToken            string  `json:"refresh_token"`
	Scope                   string  `json:"scope"`
	ExpiresIn               seconds `json:"expires_in"`
	DeviceCode              string  `json:"device_code"`
	UserCode                string  `json:"user_code"`
	VerificationURI         string  `json:"verification_uri"`
	VerificationURIComplete string  `json:"verification_uri_complete"`
	Interval                seconds `json:"interval"`
	Error                   string  `json:"error"`
	ErrorDescription        string  `json:"error_description"`
	ErrorKey                string  `json:"error_key"`
	ErrorMessage            string  `json:"error_message"`
	OktaCode                string  `json:"errorCode"`
	OktaSummary             string  `json:"errorSummary"`
	GatewayMessage          string  `json:"message"`
}

// seconds reads a number, also one in quotes. Anything else is 0: a token is never thrown away for
// its life-time.
type seconds time.Duration

func (s *seconds) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err == nil && n > 0 && n < 1e9 {
		*s = seconds(n * float64(time.Second))
	}
	return nil
}

// or is s, or otherwise when s is 0.
func (s seconds) or(otherwise time.Duration) time.Duration {
	if s == 0 {
		return otherwise
	}
	return time.Duration(s)
}

// judge reads a whole answer.
func judge(resp *http.Response, raw []byte, secrets ...string) *reply {
	r := &reply{}
	readable := parseAnswer(raw, &r.answer)
	wait := kit.RetryAfter(resp.Header, time.Now())
	if wait > 24*time.Hour { // no server means that
		wait = 0
	}
	e := &Error{
		Status: resp.StatusCode, RetryAfter: wait,
		Code:        plain(cmp.Or(r.answer.Error, r.answer.ErrorKey, r.answer.OktaCode), secrets...),
		Description: plain(cmp.Or(r.answer.ErrorDescription, r.answer.ErrorMessage, r.answer.OktaSummary, r.answer.GatewayMessage), secrets...),
	}
	r.err = e
	success := resp.StatusCode >= 200 && resp.StatusCode <= 299
	switch {
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests && e.Code != "slow_down":
		r.fate = busy
	case !readable && (!success || isPage(resp.Header)):
		r.fate = foreign
		e.Description = "not JSON but " + kind(resp)
	case !readable:
		r.fate = lost
		e.Description = "unreadable JSON"
	case !success && e.Code == "" && r.answer.GatewayMessage != "":
		r.fate = foreign
	case !success || e.Code != "" && r.answer.AccessToken == "":
		r.fate = refused
	default:
		r.fate, r.err = granted, nil
	}
	return r
}

// parseAnswer tells whether raw is JSON. Members of an unexpected type are left out, and the
// Content-Type is not asked: a token that came under a wrong one is still the only one.
func parseAnswer(raw []byte, a *answer) bool {
	if len(raw) > maxAnswer {
		return false
	}
	err := json.Unmarshal(raw, a)
	_, odd := errors.AsType[*json.UnmarshalTypeError](err)
	return err == nil || odd
}

func isPage(h http.Header) bool {
	t, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return t == "text/html" || t == "application/xhtml+xml"
}

// otherHost is where the authorization server may be, too: its access tokens name it as their
// issuer.
const otherHost = "identity.constantcontact.com"

// kind names what came instead of JSON.
func kind(resp *http.Response) string {
	what := "a body without a content type"
	if resp.Header.Get("Location") != "" {
		what = "a redirect, which ccsyncd does not follow"
	} else if t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil {
		what = plain(t)
	}
	if resp.Request.URL.Hostname() == otherHost {
		return what + "; check [endpoints] auth"
	}
	return what + "; check [endpoints] auth, or try " + otherHost + " there"
}
