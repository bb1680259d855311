package ccapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

const (
	// readTimeout bounds an attempt from its turn to the headers of the answer.
	readTimeout = 30 * time.Second
	// importTimeout is the same for an import, whose body has up to 4 MB.
	importTimeout = 2 * time.Minute
	// bodyTimeout bounds the body of a JSON answer, and each silence within an export file.
	bodyTimeout = time.Minute
)

// call is one operation of the API.
type call struct {
	op      string // for errors, such as "read contacts"
	method  string
	url     *url.URL
	body    []byte        // JSON; nil for none
	timeout time.Duration // from the turn to the headers; 0 means readTimeout
	unsafe  bool          // doing it twice differs from doing it once
	out     document      // what the answer is decoded into; nil for a file
	perPage int           // the most elements that a page of a collection holds; 0 for no page

	refusals int       // tokens refused with 401 so far
	servedAt time.Time // set with success: the server's time
	file     io.ReadCloser
}

// document is a decoded answer.
type document interface {
	// complete reports whether the members are there that make it what it should be: an error
	// object or a stray {} would else pass for an empty page.
	complete() bool
}

// read makes a call that reads.
func (r *Reader) read(ctx context.Context, op string, out document, query url.Values, segments ...string) error {
	u, err := r.endpoint(query, segments...)
	if err != nil {
		return opError(op, err)
	}
	return r.do(ctx, &call{op: op, method: http.MethodGet, url: u, out: out})
}

// errToken is a token that no header can carry.
var errToken = errors.New("the access token has a line break or another character that a header cannot contain")

// request builds the request of one attempt.
func (c *call) request(ctx context.Context, tok *oauth2.Token) (*http.Request, error) {
	if strings.ContainsFunc(tok.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errToken
	}
	var payload io.Reader
	if c.body != nil {
		payload = bytes.NewReader(c.body)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, c.url.String(), payload)
	if err != nil {
		return nil, err
	}
	if c.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	if c.out == nil {
		req.Header.Set("Accept", "text/csv")
	}
	req.Header.Set("Authorization", "Bearer "+tok.AccessToken)
	req.Header.Set("User-Agent", "ccsyncd")
	return req, nil
}
