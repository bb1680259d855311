package oauthdev

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"ccsyncd/internal/kit"
)

// maxAddress bounds an address that a person is asked to open, in bytes. Real ones have about 70.
const maxAddress = 200

// vendor is the domain that Constant Contact's own pages are on.
const vendor = "constantcontact.com"

// checkAddress refuses an address that nobody should be asked to open or to scan. Plain http is for
// a sandbox on this machine.
func checkAddress(address string) error {
	if len(address) > maxAddress {
		return fmt.Errorf("it has more than %d characters", maxAddress)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || !visible(address):
		return errors.New("it is not a web address")
	case u.User != nil:
		return errors.New("it contains a user name")
	case u.Scheme == "https", u.Scheme == "http" && kit.IsLoopback(u.Hostname()):
		return nil
	}
	return errors.New("it is not an https address")
}

// stranger is the host of the first address that is neither on the authorization server nor on
// Constant Contact's domain; "" when all are.
func stranger(tokenURL string, addresses ...string) string {
	own, err := url.Parse(tokenURL)
	if err != nil {
		own = &url.URL{}
	}
	for _, address := range addresses {
		u, err := url.Parse(address)
		if address == "" || err != nil {
			continue
		}
		host := strings.ToLower(u.Hostname())
		if host != strings.ToLower(own.Hostname()) && host != vendor && !strings.HasSuffix(host, "."+vendor) {
			return u.Host
		}
	}
	return ""
}

// visible tells whether text is ASCII that can be seen, without a space or a line break: what a
// header or an address may hold.
func visible(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return text != ""
}
