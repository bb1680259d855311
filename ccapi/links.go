package ccapi

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// parseBase checks the address of the API, such as https://api.cc.email/v3.
func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return nil, errors.New("the address of the API is not a URL like https://api.cc.email/v3")
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	return u, nil
}

// endpoint is the address of an operation. Each segment is escaped.
func (r *Reader) endpoint(query url.Values, segments ...string) (*url.URL, error) {
	if r.baseErr != nil {
		return nil, r.baseErr
	}
	u := *r.base
	for _, s := range segments {
		if s == "" || s == "." || s == ".." {
			return nil, fmt.Errorf("%q is not an id", s)
		}
		u.RawPath = u.EscapedPath() + "/" + url.PathEscape(s)
		u.Path += "/" + s
	}
	u.RawQuery = query.Encode()
	return &u, nil
}

// maxLink bounds a link of an answer, in bytes. Real ones have some hundred.
const maxLink = 8192

// resolve turns a link of an answer into an address of the configured API. A link without a host
// is taken on the configured one. A link to another scheme, host or port, or out of the API's path,
// is [ErrForeignHost].
func (r *Reader) resolve(href string) (*url.URL, error) {
	if r.baseErr != nil {
		return nil, r.baseErr
	}
	if len(href) > maxLink {
		return nil, errors.New("the answer has a link that is too long")
	}
	link, err := url.Parse(href)
	if err != nil {
		return nil, errors.New("the answer has a link that is not a URL")
	}
	u := r.base.ResolveReference(link)
	switch {
	case u.User != nil || u.Scheme != r.base.Scheme || !sameHost(u, r.base):
		return nil, fmt.Errorf("a link to %s %w (%s); ccsyncd does not follow it", place(u), ErrForeignHost, place(r.base))
	case climbs(link.Path) || u.Path != r.base.Path && !strings.HasPrefix(u.Path, r.base.Path+"/"):
		return nil, fmt.Errorf("a link to another path %w (%s); ccsyncd does not follow it", ErrForeignHost, place(r.base)+printable(r.base.Path))
	}
	u.Fragment = ""
	return u, nil
}

// climbs reports a path, unescaped, with a segment "..". A server may take a backslash for a slash.
func climbs(path string) bool {
	return slices.Contains(strings.FieldsFunc(path, func(c rune) bool { return c == '/' || c == '\\' }), "..")
}

// place is a URL as far as it is fit to be shown: path and query can hold personal data.
func place(u *url.URL) string { return printable(u.Scheme + "://" + u.Host) }

// sameHost compares host and port, a port left out being that of the scheme.
func sameHost(a, b *url.URL) bool {
	return strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// port is the port that a URL leads to.
func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}
