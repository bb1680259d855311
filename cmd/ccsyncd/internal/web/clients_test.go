package web

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Clients that are slow, huge or malformed are cut off, and hinder nobody else.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Token = "a-token"
	s := w.serve()
	for name, client := range map[string]struct {
		start  string
		drip   string // sent again and again
		status string // wanted at once; "" when the connection is just to end
	}{
		"headers byte by byte":       {"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", "x", ""},
		"a body byte by byte":        {"POST /run HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a-token\r\nContent-Length: 60000\r\n\r\n", "x", ""},
		"nothing at all":             {"", "", ""},
		"headers without end":        {"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 64<<10), "", "431"},
		"headers of 16 KiB":          {"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 16<<10) + "\r\n\r\n", "", "431"},
		"headers of nearly 16 KiB":   {"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 15<<10) + "\r\n\r\n", "", "200"},
		"a body that is too large":   {"POST /run HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a-token\r\nContent-Length: 263000\r\n\r\n" + strings.Repeat(" ", 263000), "", "413"},
		"two lengths":                {"POST /run HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "", "400"},
		"two hosts":                  {"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", "", "400"},
		"a host of somebody else":    {"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "", "403"},
		"an address of another host": {"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "", "403"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", s.at)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			const patience = 15 * time.Second
			if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			go drip(c, client.start, client.drip)
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err == nil {
				defer answer.Body.Close()
			}
			switch {
			case client.status != "" && (err != nil || !strings.HasPrefix(answer.Status, client.status)):
				t.Errorf("got %v, %v; want %s", answer, err, client.status)
			case client.status == "" && err != nil && isTimeout(err):
				t.Errorf("the connection is open still after %v", patience)
			}
		})
	}
	if got := s.ask("GET", "/healthz", ""); got.status != http.StatusOK {
		t.Errorf("meanwhile others get %d", got.status)
	}
}

func drip(c net.Conn, start, again string) {
	if _, err := io.WriteString(c, start); err != nil || again == "" {
		return
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := io.WriteString(c, again); err != nil {
			return
		}
	}
}

func isTimeout(err error) bool {
	failed, ok := err.(net.Error)
	return ok && failed.Timeout()
}
