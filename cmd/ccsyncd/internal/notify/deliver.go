package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// noticeTimeout bounds one try, from the connection to the end of the answer.
const noticeTimeout = 10 * time.Second

// noticeClient sends notifications: apart from the requests to Constant Contact, whose pace and
// quota are not theirs. It follows no redirect, since the address is a secret and a POST would
// become a GET. wire is the network; nil: the real one.
func noticeClient(wire http.RoundTripper) *http.Client {
	if wire == nil {
		base := http.DefaultTransport.(*http.Transport).Clone()
		base.DisableKeepAlives = true // one message in hours
		wire = base
	}
	return &http.Client{Transport: wire, Timeout: noticeTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// statusError is an answer other than 2xx.
type statusError struct{ status int }

func (e *statusError) Error() string {
	return fmt.Sprintf("the receiver answered %d %s", e.status, http.StatusText(e.status))
}

// send sends one message and takes any 2xx as its receipt; the text of the answer is not read.
// Whoever knows the address may write to it, so no error names it.
func send(ctx context.Context, client *http.Client, agent, method, address string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return withoutAddress(err, address)
	}
	r.Header.Set("User-Agent", agent)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(r)
	if err != nil {
		return withoutAddress(err, address)
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return &statusError{answer.StatusCode}
	}
	return nil
}

// withoutAddress takes the address out of an error, its host too.
func withoutAddress(err error, address string) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		if wrapped.Timeout() {
			return errors.New("the receiver did not answer in time")
		}
		err = wrapped.Err
	}
	text := strings.ReplaceAll(err.Error(), address, "the receiver")
	if u, parseErr := url.Parse(address); parseErr == nil && u.Hostname() != "" {
		text = strings.ReplaceAll(strings.ReplaceAll(text, u.Host, "the receiver"), u.Hostname(), "the receiver")
	}
	return errors.New(text)
}
