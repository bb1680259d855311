package config

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"ccsyncd/internal/kit"
)

func anything(string) string { return "" }

func filled(s string) string {
	if strings.TrimSpace(s) == "" {
		return "set"
	}
	return ""
}

func oneWord(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return "set, without spaces or line breaks"
	}
	return ""
}

// labelLength is the longest label of a custom field, in characters (API operation
// postCustomFields).
const labelLength = 50

func label(s string) string {
	if strings.TrimSpace(s) == "" || len([]rune(s)) > labelLength {
		return "the name or label of a custom field, 1 to 50 characters"
	}
	return ""
}

func stateKey(s string) string {
	if decodeKey(s) == nil {
		return "32 bytes, as 64 hex digits or as base64 (openssl rand -hex 32 creates one)"
	}
	return ""
}

// endpoint is a base URL that tokens are sent to: encrypted, or not leaving the machine.
func endpoint(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Host == "", u.User != nil, u.RawQuery != "", u.Fragment != "", u.Hostname() == "":
		return "a base URL such as https://api.cc.email/v3, without user, query or fragment"
	case u.Scheme == "https", u.Scheme == "http" && kit.IsLoopback(u.Hostname()):
		return ""
	default:
		return "an https address; plain http works only on this machine (127.0.0.1, [::1], localhost)"
	}
}

// webAddress may be empty, which turns the notification off.
func webAddress(s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "an http or https address, or empty to turn it off"
	}
	return ""
}

// UnixSocket is put before the path of a Unix socket in [http] listen.
const UnixSocket = "unix:"

// listenAddress may be empty, which turns the status page off.
func listenAddress(s string) string {
	if s == "" {
		return ""
	}
	if path, ok := strings.CutPrefix(s, UnixSocket); ok {
		if path == "" || strings.HasSuffix(path, "/") {
			return `unix: and the path of a socket, such as "unix:/run/ccsyncd/http.sock"`
		}
		return ""
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || strings.ContainsAny(host, "/ ") {
		return `host:port, such as "127.0.0.1:8484", or empty to turn it off`
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return `host:port with a port from 0 to 65535, such as "127.0.0.1:8484"`
	}
	return ""
}

// hostName is what a browser puts into the Host header.
func hostName(s string) string {
	u, err := url.Parse("//" + s)
	if err != nil || s == "" || u.Host != s || u.Hostname() == "" {
		return `a host name as browsers send it, such as "sync.example.com", without scheme and path`
	}
	return ""
}
