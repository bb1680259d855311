package doctor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
)

func TestCheckHasAHintForErrorsOfTheNetwork(t *testing.T) {
	t.Parallel()
	secured := httptest.NewTLSServer(http.NotFoundHandler())
	defer secured.Close()
	get := func(address string, trust *tls.Config) error {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust}}
		defer client.CloseIdleConnections()
		answer, err := client.Get(address)
		if err == nil {
			answer.Body.Close()
		}
		return err
	}
	trusted := secured.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	other := trusted.Clone()
	other.ServerName = "elsewhere.invalid"
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a name that cannot be resolved":     {fmt.Errorf("get: %w", &net.DNSError{Name: "api.example.com", IsNotFound: true}), "cannot resolve api.example.com"},
		"a certificate of nobody":            {get(secured.URL, nil), "no known authority issued the certificate"},
		"a certificate for another host":     {get(secured.URL, other), "for another host"},
		"a server that does not listen":      {get("http://"+closed.Addr().String(), nil), "check the network"},
		"a file that cannot be opened":       {&fs.PathError{Op: "open", Path: "/tmp/spool", Err: syscall.EMFILE}, ""},
		"an error that is none of the above": {errors.New("broken"), ""},
	} {
		got := networkHint(c.err)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s (%v): %q, want %q", name, c.err, got, c.want)
		}
	}
}
