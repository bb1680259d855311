package oauthdev_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// fault is what the server does in place of a plain answer.
type fault string

const (
	none         fault = ""
	noNew        fault = "no refresh token in the answer"
	sameAgain    fault = "the same refresh token in the answer"
	badClient    fault = "invalid_client"
	throttled    fault = "429"
	unavailable  fault = "503"
	page         fault = "200 with a page"
	gateway      fault = "403 of a gateway"
	okta         fault = "429 with errorCode"
	oktaClient   fault = "401 with errorCode"
	xhtmlPage    fault = "200 with a page of XHTML"
	bareAnswer   fault = "418 with words, but no type"
	wrongPath    fault = "404 with a page"
	redirect     fault = "307"
	seeOther     fault = "303"
	resetBefore  fault = "connection reset before the token is looked at"
	resetAfter   fault = "connection reset after the token was spent"
	cutAfter     fault = "answer cut after the token was spent"
	emptyAfter   fault = "empty answer after the token was spent"
	hangBefore   fault = "no answer, nothing spent"
	hangAfter    fault = "no answer after the token was spent"
	echo         fault = "400 that repeats what was sent"
	garbage      fault = "no HTTP at all, with the tokens in it"
	huge         fault = "more than 1 MiB"
	plain500     fault = "500 without a word"
	errorWith200 fault = "200 with an error"
	failedAfter  fault = "502 after the token was spent"
	textPlain    fault = "new tokens under text/plain"
	noExpiry     fault = "new tokens without expires_in"
	quotedExpiry fault = "new tokens with expires_in in quotes"
	noToken      fault = "200 without a token, after the token was spent"
	longWords    fault = "400 with a long description"
	oddExpiry    fault = "new tokens with the server's odd expires_in"
	brokenToken  fault = "new tokens with a line break in the access token"
)

// loses tells whether the client cannot know whether its token was spent.
func (f fault) loses() bool {
	switch f {
	case noToken, resetBefore, resetAfter, cutAfter, emptyAfter, hangBefore, hangAfter, garbage, huge:
		return true
	}
	return false
}

// looks tells whether the server looks at the token.
func (f fault) looks() bool {
	switch f {
	case plain500, errorWith200, longWords, badClient, throttled, unavailable, page, gateway, okta, oktaClient, xhtmlPage, bareAnswer, wrongPath, redirect, seeOther, echo:
		return false
	}
	return true
}

// server is a strict authorization server: a refresh token is good once, and again within grace
// of its spending.
type server struct {
	mu        sync.Mutex
	faults    []fault       // of the next requests to the token endpoint
	life      int           // seconds of an access token
	grace     time.Duration // 0: none
	interval  int           // seconds between polls
	poll      []string      // error codes of the next device polls; then success
	longLived bool          // refresh tokens are not replaced
	odd       string        // expires_in of an answer with oddExpiry
	lacks     string        // member that an answer to a device request lacks
	retry     string        // Retry-After of a 429
	address   string        // verification_uri
	complete  string        // verification_uri_complete
	strict    bool          // 429 for a request that comes within a second of the last

	n      int            // tokens made
	live   string         // the refresh token that is good
	last   string         // the one spent last
	lastAt time.Time      //
	reused bool           // last was taken a second time
	access string         // the access token that the API takes
	spent  map[string]int // refreshes done with a token
	// when it may have been spent: no whole answer, new tokens, or invalid_grant
	used     map[string][]time.Time
	sent     map[string]int // times that a refresh token came
	doubts   map[string]int // of these, how many got no whole answer
	refused  map[string]int // of these, how many were told invalid_grant
	times    []time.Time    // of token requests
	forms    []url.Values   // of all requests
	tooEarly int            // token requests within a second of the last
}

func newServer() *server {
	const address = "https://id.constantcontact.com/activate"
	return &server{life: 86_400, interval: 5, retry: "3", address: address, complete: address + "?user_code=ABCDEFGH", spent: map[string]int{}, used: map[string][]time.Time{}, sent: map[string]int{}, doubts: map[string]int{}, refused: map[string]int{}}
}

// issue makes new tokens, as a login does.
func (s *server) issue() *oauth2.Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rotate()
	return &oauth2.Token{AccessToken: s.access, TokenType: "Bearer", RefreshToken: s.live}
}

func (s *server) rotate() {
	s.n++
	s.live, s.access = fmt.Sprintf("refresh-%d", s.n), fmt.Sprintf("access-%d", s.n)
}

// takes tells whether the API would take an access token.
func (s *server) takes(access string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return access == s.access
}

// next sets the faults of the next token requests.
func (s *server) next(f ...fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// requests is how many token requests came.
func (s *server) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.times)
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.RawQuery != "" || r.ParseForm() != nil || r.PostForm.Get("client_id") != "app-1" {
		oauthError(w, 400, "invalid_request")
		return
	}
	// as gateways in front do
	if r.ContentLength <= 0 || r.Header.Get("Accept") != "application/json" {
		http.Error(w, "no form with its length that accepts JSON", http.StatusLengthRequired)
		return
	}
	switch r.URL.Path {
	case "/oauth2/default/v1/device/authorize":
		s.serveDevice(w, r)
	case "/oauth2/default/v1/token":
		s.serveToken(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *server) serveToken(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.forms = append(s.forms, r.PostForm)
	now := time.Now()
	early := len(s.times) > 0 && now.Sub(s.times[len(s.times)-1]) < time.Second
	s.times = append(s.times, now)
	var f fault
	if len(s.faults) > 0 {
		f, s.faults = s.faults[0], s.faults[1:]
	}
	if early {
		s.tooEarly++
		if s.strict {
			f = throttled
		}
	}
	token := r.PostForm.Get("refresh_token")
	s.sent[token]++
	if f.loses() {
		s.doubts[token]++
	}
	if f.loses() || f.looks() {
		s.used[token] = append(s.used[token], now)
	}
	s.mu.Unlock()
	if !s.before(w, r, f) {
		return
	}
	status, text := s.grant(r, f)
	s.after(w, r, f, status, text)
}

// before answers where the token is not looked at.
func (s *server) before(w http.ResponseWriter, r *http.Request, f fault) bool {
	switch f {
	case resetBefore:
		panic(http.ErrAbortHandler)
	case hangBefore:
		<-r.Context().Done()
	case badClient:
		oauthError(w, 401, "invalid_client")
	case throttled:
		w.Header().Set("Retry-After", s.retry)
		writeJSON(w, 429, `{"error_key":"throttled","error_message":"Too Many Requests"}`)
	case unavailable:
		writeJSON(w, 503, `{"error":"temporarily_unavailable"}`)
	case page:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<html>")
	case xhtmlPage:
		w.Header().Set("Content-Type", "application/xhtml+xml")
		fmt.Fprint(w, "<html>")
	case bareAnswer:
		w.Header()["Content-Type"] = nil
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "short and stout")
	case plain500:
		w.WriteHeader(500)
	case longWords:
		writeJSON(w, 400, `{"error":"invalid_request","error_description":"`+strings.Repeat("é", 1000)+`"}`)
	case errorWith200:
		writeJSON(w, 200, `{"error":"invalid_client","error_description":"this is invalid_client"}`)
	case gateway:
		writeJSON(w, 403, `{"message":"Missing Authentication Token"}`)
	case okta:
		writeJSON(w, 429, `{"errorCode":"E0000047","errorSummary":"API call exceeded rate limit","errorLink":"E0000047","errorId":"oae1","errorCauses":[]}`)
	case oktaClient:
		writeJSON(w, 401, `{"errorCode":"invalid_client","errorSummary":"Invalid value for 'client_id' parameter.","errorId":"oae2"}`)
	case wrongPath:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(404)
		fmt.Fprint(w, "<html>")
	case echo:
		writeJSON(w, 400, fmt.Sprintf(`{"error":"invalid_request","error_description":"bad:\u001b[31m %s"}`, r.PostForm))
	case huge:
		writeJSON(w, 200, `{"access_token":"`+strings.Repeat("x", 1<<20)+`"}`)
	case seeOther:
		http.Redirect(w, r, "http://elsewhere.test/token", http.StatusSeeOther)
	case redirect:
		http.Redirect(w, r, "http://elsewhere.test/token", http.StatusTemporaryRedirect)
	default:
		return true
	}
	return false
}

// grant looks at the token, or at the device code.
func (s *server) grant(r *http.Request, f fault) (status int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.PostForm.Get("device_code") != "" {
		if len(s.poll) > 0 {
			code := s.poll[0]
			s.poll = s.poll[1:]
			return 400, fmt.Sprintf(`{"error":%q}`, code)
		}
		s.rotate()
		return 200, s.tokens(f)
	}
	token := r.PostForm.Get("refresh_token")
	again := token == s.last && !s.reused && time.Since(s.lastAt) < s.grace
	if token != s.live && !again {
		if !f.loses() {
			s.refused[token]++
		}
		return 400, fmt.Sprintf(`{"error":"invalid_grant","error_description":"%s is invalid or expired"}`, token)
	}
	if s.longLived || f == noNew || f == sameAgain {
		s.n++
		s.access = fmt.Sprintf("access-%d", s.n)
		return 200, s.tokens(f)
	}
	s.spent[token]++
	s.last, s.lastAt, s.reused = token, time.Now(), again
	s.rotate()
	return 200, s.tokens(f)
}

func (s *server) tokens(f fault) string {
	refresh, expiry := fmt.Sprintf(`,"refresh_token":%q`, s.live), fmt.Sprintf(`,"expires_in":%d`, s.life)
	switch f {
	case noNew:
		refresh = ""
	case noExpiry:
		expiry = ""
	case brokenToken:
		return fmt.Sprintf(`{"access_token":"%s\n","token_type":"Bearer"%s%s}`, s.access, refresh, expiry)
	case oddExpiry:
		expiry = fmt.Sprintf(`,"expires_in":%s`, s.odd)
	case quotedExpiry:
		expiry = fmt.Sprintf(`,"expires_in":"%d"`, s.life)
	}
	return fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","scope":"contact_data offline_access"%s%s}`, s.access, refresh, expiry)
}

// after sends the answer, or loses it.
func (s *server) after(w http.ResponseWriter, r *http.Request, f fault, status int, text string) {
	switch f {
	case resetAfter:
		panic(http.ErrAbortHandler)
	case garbage:
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprintf(conn, "%s\r\n", text)
			conn.Close()
		}
	case hangAfter:
		<-r.Context().Done()
	case emptyAfter:
		w.Header().Set("Content-Type", "application/json")
	case noToken:
		writeJSON(w, 200, `{"token_type":"Bearer","scope":"contact_data"}`)
	case failedAfter:
		writeJSON(w, 502, `bad gateway`)
	case cutAfter:
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		writeJSON(w, status, text[:len(text)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case textPlain:
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	default:
		writeJSON(w, status, text)
	}
}

func (s *server) serveDevice(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forms = append(s.forms, r.PostForm)
	var f fault
	if len(s.faults) > 0 {
		f, s.faults = s.faults[0], s.faults[1:]
	}
	if !s.before(w, r, f) {
		return
	}
	s.n++
	rest := fmt.Sprintf(`,"user_code":"ABCDEFGH","verification_uri":%q,"verification_uri_complete":%q,"expires_in":600,"interval":%d}`,
		s.address, s.complete, s.interval)
	switch f {
	case noNew:
		rest = "}"
	case noExpiry:
		rest = fmt.Sprintf(`,"user_code":"ABCDEFGH","verification_uri":%q}`, s.address)
	}
	text := fmt.Sprintf(`{"device_code":"device-%d"%s`, s.n, rest)
	if s.lacks != "" {
		text = strings.Replace(text, `"`+s.lacks+`":`, `"other":`, 1)
	}
	writeJSON(w, 200, text)
}
