package ccapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"ccsyncd/internal/kit"
)

// maxAnswer bounds a JSON answer, unpacked, in bytes. A page of 500 contacts has about 400 kB.
const maxAnswer = 32 << 20

var (
	errNotJSON    = errors.New("the answer is cut off or is not the expected JSON")
	errIncomplete = errors.New("the answer lacks the requested data")
	errTooLarge   = errors.New("the answer is larger than 32 MiB")
)

// judge takes in an answer: nil for success, with out filled.
func (c *call) judge(resp *http.Response) *failure {
	status := resp.StatusCode
	switch {
	case c.success(status):
		return c.decode(resp)
	case status/100 == 2:
		return &failure{err: fmt.Errorf("HTTP %d: %w", status, errIncomplete), again: true}
	case status/100 == 3:
		return &failure{err: redirected(resp), clean: true}
	}
	apiErr := readError(resp)
	f := &failure{err: apiErr, after: apiErr.RetryAfter}
	switch {
	case status == http.StatusTooManyRequests:
		f.clean = true
		f.again = apiErr.Key != quotaExceeded
		if !f.again {
			f.err = &QuotaError{ResetsAt: nextDay(serverTime(resp))}
		}
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		f.again = true
	case status/100 == 4:
		f.clean = true
		f.refused = status == http.StatusUnauthorized
	}
	return f
}

// success tells which statuses carry the answer: 200 for a GET, any 2xx for a write.
func (c *call) success(status int) bool {
	if c.out == nil {
		return false
	}
	if c.method == http.MethodGet {
		return status == http.StatusOK
	}
	return status/100 == 2
}

// decode reads a JSON answer into out.
func (c *call) decode(resp *http.Response) *failure {
	data, err := readBounded(resp, maxAnswer)
	if err != nil {
		return &failure{err: err, again: !errors.Is(err, errTooLarge)}
	}
	if err := checkElements(data, c.perPage); err != nil {
		return &failure{err: err}
	}
	if err := json.Unmarshal(data, c.out); err != nil {
		return &failure{err: describeJSON(err, resp), again: true}
	}
	if !c.out.complete() {
		return &failure{err: errIncomplete, again: true}
	}
	return nil
}

// describeJSON says what is wrong with an answer without quoting it.
func describeJSON(err error, resp *http.Response) error {
	if t := (*json.UnmarshalTypeError)(nil); errors.As(err, &t) {
		return fmt.Errorf("%w: %s is %s, not %s", errNotJSON, printable(t.Field), t.Value, t.Type.Kind())
	}
	if isHTML(resp) {
		return fmt.Errorf("%w: it is an HTML page, probably from a gateway in between", errNotJSON)
	}
	return errNotJSON
}

// readBounded reads a body of at most limit bytes.
func readBounded(resp *http.Response, limit int64) ([]byte, error) {
	var buf bytes.Buffer
	if n := resp.ContentLength; n > 0 && n <= limit {
		buf.Grow(int(n) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", kit.OfConnection(err))
	}
	if n > limit {
		return nil, errTooLarge
	}
	return buf.Bytes(), nil
}

// readError makes an error of an answer that is not a success. A body that is too long or breaks
// off is used as far as it goes.
func readError(resp *http.Response) *Error {
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	says := parseErrorBody(data)
	return &Error{
		Status:     resp.StatusCode,
		Key:        says.key,
		Message:    says.message,
		RetryAfter: kit.RetryAfter(resp.Header, serverTime(resp)),
		Gateway:    says.gateway || isHTML(resp),
		IDs:        RequestIDs(resp.Header),
	}
}

// RequestIDs returns the ids by which Constant Contact's support finds a request:
// "x-eig-tracking-id ..., x-amzn-requestid ...". An id that the answer lacks is left out.
func RequestIDs(h http.Header) string {
	var ids []string
	for _, name := range []string{"x-eig-tracking-id", "x-amzn-requestid"} {
		if id := shortened(printable(h.Get(name)), 100); id != "" {
			ids = append(ids, name+" "+id)
		}
	}
	return strings.Join(ids, ", ")
}

// redirected names the place to which an answer redirects, and no more of the address.
func redirected(resp *http.Response) error {
	e := &redirectError{status: resp.StatusCode, to: "nowhere"}
	if u, err := url.Parse(resp.Header.Get("Location")); err == nil && u.String() != "" {
		target := resp.Request.URL.ResolveReference(u)
		e.to, e.foreign = place(target), target.Scheme != resp.Request.URL.Scheme || !sameHost(target, resp.Request.URL)
	}
	return e
}

// redirectError is a redirect, which is the refusal of a server that does not have the API at this
// address.
type redirectError struct {
	status  int
	to      string
	foreign bool
}

func (e *redirectError) Error() string {
	return fmt.Sprintf("HTTP %d: %v to %s; ccsyncd follows no redirects", e.status, ErrRedirect, e.to)
}

func (e *redirectError) Is(target error) bool {
	return target == ErrRedirect || target == ErrForeignHost && e.foreign
}

// isHTML reports an answer that calls itself HTML.
func isHTML(resp *http.Response) bool {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return err == nil && (kind == "text/html" || kind == "application/xhtml+xml")
}
