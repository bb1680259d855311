package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
)

// client speaks to a sandbox over HTTP, as a program would.
type client struct {
	t     testing.TB
	http  *http.Client
	base  string
	token string
	// broken: answers are not held against the contract, since faults spoil them.
	broken bool
}

// validate holds an answer against the official contract.
var validate = func(c *client, req *http.Request, got reply) {}

// serve starts a sandbox on loopback and logs in.
func serve(t testing.TB, opts sandbox.Options) (*sandbox.Server, *client) {
	t.Helper()
	s := sandbox.New(opts)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	access, _ := s.Authorize()
	return s, &client{t: t, http: srv.Client(), base: srv.URL, token: access}
}

// pipe starts a sandbox that is reached over net.Pipe, for use in a synctest
// bubble, and logs in.
func pipe(t testing.TB, opts sandbox.Options) (*sandbox.Server, *client) {
	t.Helper()
	s := sandbox.New(opts)
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: s}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	tr := &http.Transport{DialContext: l.dial}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		_ = srv.Close()
		<-done
	})
	access, _ := s.Authorize()
	return s, &client{t: t, http: &http.Client{Transport: tr}, base: "http://sandbox", token: access}
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// reply is a response with its body read.
type reply struct {
	status int
	header http.Header
	body   string
}

func (c *client) do(method, path string, body any) (reply, error) {
	c.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, c.base+path, r)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.send(req)
}

func (c *client) send(req *http.Request) (reply, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	got := reply{resp.StatusCode, resp.Header, string(text)}
	if err == nil {
		validate(c, req, got)
	}
	return got, err
}

// call sends a request and wants a status.
func (c *client) call(method, path string, body any, status int) reply {
	c.t.Helper()
	r, err := c.do(method, path, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if r.status != status {
		c.t.Fatalf("%s %s: got %d %s, want %d", method, path, r.status, r.body, status)
	}
	return r
}

// get reads a JSON answer.
func get[T any](c *client, path string) T {
	c.t.Helper()
	return decode[T](c.t, c.call("GET", path, nil, http.StatusOK))
}

func decode[T any](t testing.TB, r reply) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("decode %s: %v", r.body, err)
	}
	return v
}

// form posts to the authorization server.
func (c *client) form(path string, values ...string) reply {
	c.t.Helper()
	form := url.Values{}
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	req, err := http.NewRequest("POST", c.base+"/oauth2/default/v1"+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r, err := c.send(req)
	if err != nil {
		c.t.Fatalf("POST %s: %v", path, err)
	}
	return r
}

// The parts of answers that tests look at.
type (
	contactsPage struct {
		Contacts []contactView `json:"contacts"`
		Count    *int          `json:"contacts_count"`
		Links    linksView     `json:"_links"`
	}
	linksView struct {
		Next struct {
			Href string `json:"href"`
		} `json:"next"`
	}
	contactView struct {
		ID    string `json:"contact_id"`
		Email struct {
			Address    string `json:"address"`
			Permission string `json:"permission_to_send"`
			Updated    string `json:"updated_at"`
			OptOut     string `json:"opt_out_date"`
		} `json:"email_address"`
		FirstName string `json:"first_name"`
		Updated   string `json:"updated_at"`
		Deleted   string `json:"deleted_at"`
		Fields    []struct {
			Field string `json:"custom_field_id"`
			Value string `json:"value"`
		} `json:"custom_fields"`
		Lists []string `json:"list_memberships"`
	}
	listsView struct {
		Lists []struct {
			ID      string `json:"list_id"`
			Name    string `json:"name"`
			Members *int   `json:"membership_count"`
		} `json:"lists"`
		Count *int      `json:"lists_count"`
		Links linksView `json:"_links"`
	}
	activityView struct {
		ID      string         `json:"activity_id"`
		State   string         `json:"state"`
		Percent int            `json:"percent_done"`
		Errors  []string       `json:"activity_errors"`
		Status  map[string]int `json:"status"`
		Links   struct {
			Self struct {
				Href string `json:"href"`
			} `json:"self"`
			Results struct {
				Href string `json:"href"`
			} `json:"results"`
		} `json:"_links"`
	}
	errorView struct {
		Key     string `json:"error_key"`
		Message string `json:"error_message"`
	}
	tokenView struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Expires int    `json:"expires_in"`
		Scope   string `json:"scope"`
		Error   string `json:"error"`
	}
	deviceView struct {
		Code     string `json:"device_code"`
		UserCode string `json:"user_code"`
		Expires  int    `json:"expires_in"`
		Interval int    `json:"interval"`
	}
)

// finished waits for an activity to end, with a look each second.
func (c *client) finished(id string) activityView {
	c.t.Helper()
	for range 1000 {
		a := get[activityView](c, "/v3/activities/"+id)
		if a.State != "initialized" && a.State != "processing" {
			return a
		}
		time.Sleep(time.Second) // in a bubble: no time at all
	}
	c.t.Fatalf("activity %s never ended", id)
	return activityView{}
}

// instant makes imports end at once.
func instant(int) time.Duration { return 0 }
