package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"ccsyncd/internal/kit"
)

// policy lets a page load its own style sheet and icon, send its own forms, and nothing else: no
// script at all.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers sets what every answer carries, and bounds what a request may carry.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// door lets a request in.
//
//	Host is not one of ours           403  a name that an attacker points here (DNS rebinding)
//	another site's page asks          403  but for a link that a person follows
//	there is a token, and not given   401  on loopback too: any user of the machine can look
//	it is wrong                       401  after a while
//	else                              in
func (s *site) door(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !s.ourName(r):
			http.Error(w, "unknown host name: open the page at the address that it listens on, or add the name to [http] hosts", http.StatusForbidden)
		case !sameOrigin(r):
			http.Error(w, "this request comes from another site's page", http.StatusForbidden)
		case s.Token != "" && !s.hasToken(r):
			s.wrong.wait(r)
			askForToken(w)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// askForToken makes a browser ask for the token; programs see from it how to send theirs.
func askForToken(w http.ResponseWriter) {
	w.Header().Add("WWW-Authenticate", `Basic realm="ccsyncd: the token is the password", charset="UTF-8"`)
	w.Header().Add("WWW-Authenticate", "Bearer")
	http.Error(w, "the [http] token is required: send it as Authorization: Bearer, or enter it as the password when the browser asks", http.StatusUnauthorized)
}

// hasToken tells whether a request carries the token, as bearer or as the password of HTTP Basic.
// It takes the same time however much of a wrong one is right.
func (s *site) hasToken(r *http.Request) bool {
	if s.Token == "" {
		return false
	}
	given, ok := bearer(r)
	if !ok {
		_, given, ok = r.BasicAuth()
	}
	is, want := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(s.Token))
	return subtle.ConstantTimeCompare(is[:], want[:]) == 1 && ok
}

// bearer reads a bearer token (RFC 6750, 2.1).
func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

// ourName tells whether the request names this listener: by a loopback name, by the address
// listened on, or by one of the further hosts. An attacker's name that points to this machine is
// none of them.
func (s *site) ourName(r *http.Request) bool {
	host := bareHost(r.Host)
	if host == "" {
		return false
	}
	if kit.IsLoopback(host) || host == bareHost(s.Listen) && host != "" || host == arrivedAt(r) {
		return true
	}
	for _, name := range s.Hosts {
		if strings.EqualFold(name, r.Host) || bareHost(name) == host {
			return true
		}
	}
	return false
}

// arrivedAt is the address at which the connection arrived: the one listened on, when that was "all
// of them".
func arrivedAt(r *http.Request) string {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return ""
	}
	return bareHost(local.String())
}

// wrongTokens slows down who guesses. Its methods may be called concurrently.
type wrongTokens struct {
	log *slog.Logger

	mu      sync.Mutex // guards what follows
	waiting int
	untold  int // since the log last told
	toldAt  time.Time
}

const (
	// before a wrong token is answered, and more the more of them wait
	guessPause   = 500 * time.Millisecond
	longestGuess = 10 * time.Second
	guessesTold  = time.Second // the log tells no more often
)

// wait keeps the answer back if a request has a wrong token, and logs that. One without any is no
// guess.
func (g *wrongTokens) wait(r *http.Request) {
	if r.Header.Get("Authorization") == "" {
		return
	}
	g.mu.Lock()
	g.waiting++
	g.untold++
	pause := min(guessPause+time.Duration(g.waiting-1)*guessPause/10, longestGuess)
	if now := time.Now(); now.Sub(g.toldAt) >= guessesTold {
		g.log.Warn("wrong [http] token", "from", r.RemoteAddr, "times", g.untold)
		g.toldAt, g.untold = now, 0
	}
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.waiting--
	}()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// sameOrigin tells whether a request comes from a page of ours, from no page at all, or from a link
// that a person follows. Browsers send Origin with every request that changes something; where they
// hide it, Sec-Fetch-Site says the same (Fetch Metadata, 2.3).
func sameOrigin(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	switch origin := r.Header.Get("Origin"); origin {
	case "":
		follows := safe(r.Method) && r.Header.Get("Sec-Fetch-Mode") == "navigate"
		return site == "" || site == "same-origin" || site == "none" || follows
	case "null":
		return site == "same-origin"
	default:
		u, err := url.Parse(origin)
		return err == nil && u.Host != "" && withPort(u.Host, u.Scheme) == withPort(r.Host, u.Scheme)
	}
}

func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// withPort adds the port that a scheme stands for, so that equal hosts are equal texts.
func withPort(host, scheme string) string {
	host = strings.ToLower(host)
	if u, err := url.Parse("//" + host); err != nil || u.Port() != "" {
		return host
	}
	if scheme == "https" {
		return host + ":443"
	}
	return host + ":80"
}

// bareHost is the host of host:port, without brackets, in lower case.
func bareHost(hostport string) string {
	u, err := url.Parse("//" + hostport)
	if err != nil || u.Host != hostport {
		return ""
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().WithZone("").String()
	}
	return host
}

// loopbackListener tells whether only this machine can reach the listener.
func loopbackListener(listen string) bool {
	return strings.HasPrefix(listen, "unix:") || kit.IsLoopback(bareHost(listen))
}
