package web

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// served is the site of a world behind a real listener on a free port of loopback.
type served struct {
	*world
	at string // host:port
}

func (w *world) serve() *served {
	w.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	if w.options.Listen == "127.0.0.1:8484" {
		w.options.Listen = l.Addr().String()
	}
	server := NewServer(w.site(), slog.New(slog.DiscardHandler))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // Close ends it
	}()
	w.Cleanup(func() {
		_ = server.Close() // what is still open is not of interest
		<-done
	})
	return &served{w, l.Addr().String()}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request. Header "Host" names the host.
func (s *served) ask(method, path, body string, header ...string) answer {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, "http://"+s.at+path, strings.NewReader(body))
	s.must(err)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	s.must(err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	s.must(err)
	return answer{got.StatusCode, got.Header, string(text)}
}

func TestOnlyOurNamesOpenThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Hosts = []string{"sync.example.com", "proxy.example.com:8443"}
	s := w.serve()
	_, port, _ := net.SplitHostPort(s.at)
	tests := map[string]int{
		s.at: 200, "localhost": 200, "localhost:" + port: 200, "LocalHost.:" + port: 200, "[::1]:" + port: 200, "127.0.0.9:80": 200,
		"sync.example.com": 200, "SYNC.example.com:443": 200, "proxy.example.com:8443": 200, "proxy.example.com": 200,
		"evil.example.com": 403, "evil.example.com:" + port: 403, "localhost.evil.example.com": 403, "192.168.1.5": 403, "0.0.0.0:" + port: 403,
		"notlocalhost": 403,
	}
	for host, want := range tests {
		if got := s.ask("GET", "/", "", "Host", host); got.status != want {
			t.Errorf("Host %s: %d, want %d", host, got.status, want)
		}
		for _, path := range []string{"/healthz", "/metrics"} {
			if got := s.ask("GET", path, "", "Host", host); got.status != 200 {
				t.Errorf("Host %s: %s says %d, want 200 for any name", host, path, got.status)
			}
		}
	}
}

func TestARequestWithoutAHostIsRefused(t *testing.T) {
	t.Parallel()
	s := newWorld(t).serve()
	c, err := net.Dial("tcp", s.at)
	s.must(err)
	defer c.Close()
	_, err = io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
	s.must(err)
	line, err := bufio.NewReader(c).ReadString('\n')
	s.must(err)
	if !strings.Contains(line, "403") {
		t.Errorf("got %q, want 403", line)
	}
}

func TestPagesOfOtherSitesCanDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Token = token
	w.options.Hosts = []string{"sync.example.com"}
	s := w.serve()
	_, port, _ := net.SplitHostPort(s.at)
	tests := map[string]struct {
		header []string
		want   int
	}{
		"no origin, as a script":                    {nil, 303},
		"our own page":                              {[]string{"Origin", "http://" + s.at}, 303},
		"our own page behind a proxy with TLS":      {[]string{"Host", "sync.example.com", "Origin", "https://sync.example.com"}, 303},
		"the same with its port written out":        {[]string{"Host", "sync.example.com", "Origin", "https://sync.example.com:443"}, 303},
		"another site":                              {[]string{"Origin", "https://evil.example.com"}, 403},
		"another port of this machine":              {[]string{"Origin", "http://127.0.0.1:1"}, 403},
		"another name of this machine":              {[]string{"Origin", "http://localhost:" + port}, 403},
		"a page without an origin":                  {[]string{"Origin", "null"}, 403},
		"our page that hides its origin":            {[]string{"Origin", "null", "Sec-Fetch-Site", "same-origin"}, 303},
		"another site that hides its origin":        {[]string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, 403},
		"another site, as only Sec-Fetch-Site says": {[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"an origin that is none":                    {[]string{"Origin", "%"}, 403},
	}
	for name, tt := range tests {
		got := s.ask("POST", "/runs", "", append(tt.header, "Authorization", "Bearer "+token)...)
		if got.status != tt.want {
			t.Errorf("%s: %d, want %d", name, got.status, tt.want)
		}
	}
	if got := s.ask("GET", "/", "", "Origin", "https://evil.example.com"); got.status != 403 {
		t.Errorf("a page read by another site: %d, want 403", got.status)
	}
	v := newWorld(t).serve() // without a token
	for _, site := range []string{"cross-site", "same-site"} {
		for _, mode := range []string{"no-cors", "cors", "same-origin", "websocket", ""} {
			if got := v.ask("GET", "/explain?who=key:1", "", "Sec-Fetch-Site", site, "Sec-Fetch-Mode", mode); got.status != 403 {
				t.Errorf("what the page of another site loads (%s, %s): %d, want 403", site, mode, got.status)
			}
		}
		if got := v.ask("GET", "/", "", "Sec-Fetch-Site", site, "Sec-Fetch-Mode", "navigate"); got.status != 200 {
			t.Errorf("a link that a person follows (%s): %d, want 200", site, got.status)
		}
	}
}

func TestWhereATokenIsConfiguredItIsNeeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Listen = "0.0.0.0:8484"
	for _, short := range []string{"", token[:15]} {
		w.options.Token = short
		if _, err := New(w.options); err == nil {
			t.Errorf("a listener that others reach, with a token of %d characters: no error", len(short))
		}
	}
	w.options.Token = token
	for _, listen := range []string{"0.0.0.0:8484", "127.0.0.1:8484", "unix:/run/ccsyncd/http.sock"} {
		w.options.Listen = listen
		s := w.serve()
		for _, path := range []string{"/", "/runs/1", "/explain", "/static/style.css", "/nothing"} {
			got := s.ask("GET", path, "", "Host", "localhost")
			if got.status != 401 || !strings.Contains(strings.Join(got.header.Values("WWW-Authenticate"), ","), "Basic") {
				t.Errorf("%s: %s without a token: %d %v, want 401 and a question", listen, path, got.status, got.header)
			}
		}
		for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
			if got := s.ask("GET", path, "", "Host", "localhost"); got.status == 401 {
				t.Errorf("%s: %s asks for a token", listen, path)
			}
		}
	}
	w.options.Listen = "0.0.0.0:8484"
	s := w.serve()
	for name, header := range map[string]string{
		"bearer": "Bearer " + token, "bearer in another case": "bearer " + token, "basic": basic("", token), "basic with a user": basic("ann", token),
	} {
		if got := s.ask("GET", "/", "", "Authorization", header); got.status != 200 {
			t.Errorf("%s: %d, want 200", name, got.status)
		}
	}
	for name, header := range map[string]string{
		"a wrong one": "Bearer x" + token, "an empty one": "Bearer ", "a part": "Bearer " + token[:5], "basic, wrong": basic("ann", "x"),
		"the user name": basic(token, ""), "another scheme": "Digest " + token,
	} {
		if got := s.ask("GET", "/", "", "Authorization", header); got.status != 401 {
			t.Errorf("%s: %d, want 401", name, got.status)
		}
	}
}

func basic(user, password string) string {
	r, _ := http.NewRequest("GET", "/", nil)
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

func TestEveryAnswerCarriesItsProtection(t *testing.T) {
	t.Parallel()
	s := newWorld(t).serve()
	for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/nothing", "/static/style.css"} {
		got := s.ask("GET", path, "")
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "Content-Security-Policy": policy} {
			if is := got.header.Get(name); is != want {
				t.Errorf("%s: %s is %q, want %q", path, name, is, want)
			}
		}
	}
}

func TestTheStyleSheetIsKeptForEver(t *testing.T) {
	t.Parallel()
	s := newWorld(t).serve()
	for _, name := range []string{"style.css", "icon.svg"} {
		got := s.ask("GET", assetPath(name), "")
		if got.status != 200 || !strings.Contains(got.header.Get("Cache-Control"), "immutable") || got.body == "" {
			t.Errorf("%s: %d %v", name, got.status, got.header)
		}
	}
	if got := s.ask("GET", "/static/style.css", ""); got.status != 404 {
		t.Errorf("a name without its hash: %d, want 404", got.status)
	}
}

func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	server := NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	for name, d := range map[string]time.Duration{"headers": server.ReadHeaderTimeout, "request": server.ReadTimeout, "answer": server.WriteTimeout, "idle": server.IdleTimeout} {
		if d <= 0 || d > time.Minute {
			t.Errorf("%s: %v", name, d)
		}
	}
	if server.MaxHeaderBytes > 64<<10 || server.MaxHeaderBytes <= 0 {
		t.Errorf("headers may have %d bytes", server.MaxHeaderBytes)
	}
}

// A wrong token costs whoever sends it time, and nobody else.
func TestWrongTokensAreSlowedDownAndLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var log bytes.Buffer
		w.options.Token, w.options.Log = token, slog.New(slog.NewTextHandler(&log, nil))
		site := w.site()
		ask := func(header string) (int, time.Duration) {
			began := time.Now()
			r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8484/", nil)
			if header != "" {
				r.Header.Set("Authorization", header)
			}
			answer := httptest.NewRecorder()
			site.ServeHTTP(answer, r)
			return answer.Code, time.Since(began)
		}
		var guesses sync.WaitGroup
		for i := range 100 {
			guesses.Go(func() {
				if status, took := ask("Bearer guess-" + strconv.Itoa(i)); status != 401 || took < guessPause {
					t.Errorf("a guess: %d after %s", status, took)
				}
			})
		}
		synctest.Wait()
		if status, took := ask("Bearer " + token); status != 200 || took != 0 {
			t.Errorf("the right one: %d after %s", status, took)
		}
		if status, took := ask(""); status != 401 || took != 0 {
			t.Errorf("none: %d after %s", status, took)
		}
		began := time.Now()
		guesses.Wait()
		if took := time.Since(began); took < 5*time.Second {
			t.Errorf("100 guesses were answered within %s", took)
		}
		time.Sleep(guessesTold)
		ask("Bearer guess")
		if !strings.Contains(log.String(), "wrong [http] token") || !strings.Contains(log.String(), "times=100") || strings.Contains(log.String(), "guess") {
			t.Errorf("log: %s", log.String())
		}
	})
}
