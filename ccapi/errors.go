package ccapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What callers decide on; test with errors.Is.
var (
	// ErrBadRequest: the server refused the request as invalid (400).
	ErrBadRequest = errors.New("bad request")
	// ErrUnauthorized: there is no access token, or the server refused a renewed one (401).
	ErrUnauthorized = errors.New("not authorized")
	// ErrTokenInDoubt: the answer to a refresh was lost, so the refresh token waits for its next
	// try. Nothing was sent. A later call may succeed.
	ErrTokenInDoubt = errors.New("refresh token in doubt")
	// ErrForbidden: the token lacks a scope, the user lacks a privilege, or the application was
	// deactivated (403). The server does not say which.
	ErrForbidden = errors.New("forbidden")
	// ErrNotFound: the thing does not exist, or no longer (404). Activities disappear after 10
	// days.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the name or address is taken (409).
	ErrConflict = errors.New("conflict")
	// ErrUnknownOutcome: a write was sent, and its answer was lost or could not be read. The server
	// may have carried it out. It was not sent again.
	ErrUnknownOutcome = errors.New("outcome unknown; the request may have been carried out")
	// ErrRedirect: the server redirects instead of answering. Nothing was done, and the redirect
	// was not followed.
	ErrRedirect = errors.New("the server redirects")
	// ErrForeignHost: an answer links or redirects to another host than the configured API, or a
	// link leads out of the path of the API. It was not followed.
	ErrForeignHost = errors.New("leads away from the configured API")
	// ErrEndlessPages: a page links to a page that was already read, or there are more pages than
	// the collection can have. Reading stopped there.
	ErrEndlessPages = errors.New("the links between the pages form a loop or never end")
	// ErrDeleted: the contact is deleted. Replacing it would restore it.
	ErrDeleted = errors.New("contact is deleted")
)

// Error is an answer of the server that was not a success.
type Error struct {
	Op      string // what was asked for, such as "read contacts"
	Status  int    // HTTP status
	Key     string // error_key; "" when the body had none
	Message string // error_message, or the title of an HTML page; printable, shortened
	// RetryAfter is the wait that the server asked for; 0 when it did not.
	RetryAfter time.Duration
	// Gateway is true if a gateway or proxy in front of the API answered. Such an answer shows
	// nothing about what was asked for.
	Gateway bool
	// x-eig-tracking-id and x-amzn-requestid with their values, for Constant Contact's support; may
	// be ""
	IDs string
}

// Error names the operation, the status and the server's message.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: HTTP %d", e.Op, e.Status)
	if text := http.StatusText(e.Status); text != "" {
		b.WriteString(" " + text)
	}
	if e.Key != "" {
		b.WriteString(" (" + e.Key + ")")
	}
	if e.Gateway {
		b.WriteString(" from a gateway, not from the API")
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.IDs != "" {
		b.WriteString(" [" + e.IDs + "]")
	}
	return b.String()
}

// Is makes errors.Is(err, ErrNotFound) and its siblings work by status. The refusal of a gateway is
// neither ErrNotFound nor ErrForbidden, because it shows nothing about the API's answer.
func (e *Error) Is(target error) bool {
	switch e.Status {
	case http.StatusBadRequest:
		return target == ErrBadRequest
	case http.StatusUnauthorized:
		return target == ErrUnauthorized
	case http.StatusForbidden:
		return target == ErrForbidden && !e.Gateway
	case http.StatusNotFound:
		return target == ErrNotFound && !e.Gateway
	case http.StatusConflict:
		return target == ErrConflict
	}
	return false
}

// QuotaError means that the server refuses every request until the day ends ("quota_exceeded").
// Other programs that use the same API key count too.
type QuotaError struct {
	ResetsAt time.Time // the next 00:00 UTC by the server's clock
}

// Error names the time at which requests are accepted again.
func (e *QuotaError) Error() string {
	return "today's requests of this API key are used up until " + e.ResetsAt.Format(time.RFC3339)
}

// tokenError tells a login that is needed from a token that could not be had just now.
func tokenError(op string, err error) error {
	var refused interface{ Unauthorized() bool }
	if errors.As(err, &refused) && refused.Unauthorized() {
		return fmt.Errorf("%s: %w", op, &loginNeeded{err})
	}
	var doubt interface{ InDoubt() bool }
	if errors.As(err, &doubt) && doubt.InDoubt() {
		return fmt.Errorf("%s: %w", op, &tokenInDoubt{err})
	}
	return fmt.Errorf("%s: obtain an access token: %w", op, err)
}

// tokenInDoubt is an ErrTokenInDoubt in the words of whoever keeps the tokens.
type tokenInDoubt struct{ err error }

func (e *tokenInDoubt) Error() string        { return e.err.Error() }
func (e *tokenInDoubt) Unwrap() error        { return e.err }
func (e *tokenInDoubt) Is(target error) bool { return target == ErrTokenInDoubt }

// loginNeeded is an ErrUnauthorized in the words of whoever keeps the tokens.
type loginNeeded struct{ err error }

func (e *loginNeeded) Error() string        { return e.err.Error() }
func (e *loginNeeded) Unwrap() error        { return e.err }
func (e *loginNeeded) Is(target error) bool { return target == ErrUnauthorized }

// opError names the operation that an error ended.
func opError(op string, err error) error { return fmt.Errorf("%s: %w", op, err) }
