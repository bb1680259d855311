package kit

import (
	"net/netip"
	"strings"
)

// IsLoopback tells whether what goes to a host, a name or an IP address without brackets, stays on
// this machine. A name other than localhost is not looked up.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
