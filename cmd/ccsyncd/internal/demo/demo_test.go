package demo

import (
	"net"
	"testing"
)

// The demo takes free ports where its own are taken.
func TestTheDemoTakesFreePorts(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	listener, err := listenNear(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	page, err := freeAddress(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	host, _, err := net.SplitHostPort(page)
	if err != nil || host != "127.0.0.1" || page == taken.Addr().String() || listener.Addr().String() == taken.Addr().String() {
		t.Errorf("sandbox at %s, page at %s, beside %s: %v", listener.Addr(), page, taken.Addr(), err)
	}
}
