package sandbox

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A browser of the developer can be led here by pages of others: by their
// requests, or by a name of theirs that they point to this machine (DNS
// rebinding). Neither may steer or read the sandbox.

// access tells why a request is not let in; empty: it is.
func (s *Server) access(r *http.Request) string {
	switch {
	case !s.knows(r):
		return "this name is not known here: use the address that the sandbox listens on, or start it with --host NAME"
	case !sameOrigin(r):
		return "this request comes from the page of another site"
	}
	return ""
}

// knows tells whether the request names this sandbox: by a loopback name, by the
// address at which it arrived, or by one of [Options.Hosts]. What comes over
// anything but TCP comes from no browser.
func (s *Server) knows(r *http.Request) bool {
	arrived, tcp := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !tcp {
		return true
	}
	host := bareHost(r.Host)
	return host != "" && (isLoopback(host) || host == bareHost(arrived.String()) ||
		slices.ContainsFunc(s.hosts, func(name string) bool { return bareHost(name) == host }))
}

// sameOrigin tells whether a request comes from a page of the sandbox, or from no
// page at all. Browsers send Origin with all that changes something; where they
// hide it, Sec-Fetch-Site says the same (Fetch Metadata, 2.3).
func sameOrigin(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	switch from := r.Header.Get("Origin"); from {
	case "":
		return site == "" || site == "same-origin" || site == "none" || r.Method == http.MethodGet || r.Method == http.MethodHead
	case "null":
		return site == "same-origin"
	default:
		u, err := url.Parse(from)
		return err == nil && u.Host != "" && withPort(u.Host, u.Scheme) == withPort(r.Host, u.Scheme)
	}
}

// withPort is host:port in lower case, the port being that of the scheme where
// there is none.
func withPort(hostport, scheme string) string {
	port := "80"
	if scheme == "https" {
		port = "443"
	}
	if u, err := url.Parse("//" + hostport); err == nil && u.Port() == "" {
		hostport = net.JoinHostPort(u.Hostname(), port)
	}
	return strings.ToLower(hostport)
}

// bareHost is the host of host:port, without brackets, in lower case; empty where
// it is none.
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

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// turnAway answers a request that is not let in, in the form of what it asked for.
func turnAway(w http.ResponseWriter, r *http.Request, why string, now time.Time) {
	a := jsonAnswer(http.StatusForbidden, map[string]string{"error": why})
	switch {
	case strings.HasPrefix(r.URL.Path, "/v3/"):
		a = refused(http.StatusForbidden, "sandbox.not_let_in", why)
	case strings.HasPrefix(r.URL.Path, "/oauth2/"):
		a = oauthFailed(http.StatusForbidden, "access_denied", why)
	}
	a.send(w, now.Format(http.TimeFormat))
}
