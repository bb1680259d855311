package source

import (
	"net/url"
	"regexp"
	"strings"
)

// location is a server's URL in parts, decoded but for the hosts.
type location struct {
	user, password string
	hasPassword    bool
	hosts          string // host[:port], several of them with commas between
	database       string
	params         map[string]string
}

// parseURL reads scheme://user:password@host:port/database?name=value.
//
// Passwords with raw @ or % work, as in Node's libraries. One with a raw / ? or # ends the
// authority early and would show up as a host, database or parameter; that is refused, since all
// of these are named in errors.
func parseURL(dsn string) (location, error) {
	var l location
	_, rest, ok := strings.Cut(dsn, "://")
	if !ok {
		return l, misconfigured("it is scheme://user:password@host:port/database", "dsn in [source] lacks the // after its scheme")
	}
	authority, tail := rest, ""
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority, tail = rest[:end], rest[end:]
	}
	if strings.ContainsAny(tail, "@#") {
		return l, misconfigured("percent-encode them: / is %2F, ? is %3F, # is %23, @ is %40", "dsn in [source] has / ? # or @ in the wrong place, most likely in its password")
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		var user string
		user, l.password, l.hasPassword = strings.Cut(authority[:at], ":")
		l.user, l.password = unescape(user), unescape(l.password)
		authority = authority[at+1:]
	}
	l.hosts = authority
	path, query, _ := strings.Cut(tail, "?")
	l.database = unescape(strings.TrimPrefix(path, "/"))
	err := checkNames(authority, l.database)
	if err == nil {
		l.params, err = parseParams(query)
	}
	return l, err
}

// hostsPattern allows names, IPv4, IPv6 in brackets, ports, percent-encoded socket folders and
// commas between several of them.
var hostsPattern = regexp.MustCompile(`^[A-Za-z0-9._:,\[\]%-]*$`)

var paramPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// parseParams reads a=1&b=2. A name that is none is refused without being shown.
func parseParams(query string) (map[string]string, error) {
	params := make(map[string]string)
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if name = unescape(name); !ok || !paramPattern.MatchString(name) {
			return nil, misconfigured("percent-encode ? & and = in names and passwords", "dsn in [source] has a parameter without a valid name or without a value")
		}
		params[name] = unescape(strings.ReplaceAll(value, "+", " "))
	}
	return params, nil
}

// unescape decodes %XX; text that has a % without two hexadecimal digits is taken as it is.
func unescape(text string) string {
	if decoded, err := url.PathUnescape(text); err == nil {
		return decoded
	}
	return text
}
