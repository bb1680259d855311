package oauthdev

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

var (
	// ErrDenied is returned by Wait if the person declined.
	ErrDenied = errors.New("the login was declined")
	// ErrExpired is returned by Wait if nobody approved the code in time, or if the code was used
	// already.
	ErrExpired = errors.New("the code has expired")
	// ErrNoRefreshToken means that a login ended without a refresh token, so it could not be
	// renewed without a person. The scope offline_access was not requested, or the application may
	// not have it.
	ErrNoRefreshToken = errors.New("the login has no refresh token; the scope offline_access is missing")
)

// LoginError means that there is no usable login, and that only a person can log in.
type LoginError struct {
	Reason string // for people: why there is none, without any secret
}

func (e *LoginError) Error() string { return "not authorized: " + e.Reason }

// Unauthorized is always true. By this method, packages that do not import this one recognize a
// missing login.
func (e *LoginError) Unauthorized() bool { return true }

// DoubtError means that answers to refreshes were lost, so it is not known whether the refresh
// token is still valid. Token retries it automatically. Only an answer of the server ends the
// login.
type DoubtError struct {
	Since time.Time // when the first of these refreshes was sent, UTC
	Next  time.Time // when the refresh token is sent again, UTC
	Err   error     // what became of the last one; nil when nothing was sent this time
}

func (e *DoubtError) Error() string {
	text := fmt.Sprintf("the refresh token has been in doubt since %s, because answers from the authorization server were lost; the next try is due at %s",
		e.Since.Format(time.RFC3339), e.Next.Format(time.RFC3339))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *DoubtError) Unwrap() error { return e.Err }

// InDoubt is always true. By this method, packages that do not import this one recognize a token
// that waits.
func (e *DoubtError) InDoubt() bool { return true }

// Error is an answer of the authorization server that is not a success.
type Error struct {
	Status int // HTTP status
	// RFC 6749 section 5.2 or RFC 8628 section 3.5, such as "invalid_client"; "" when it gave none
	Code string
	// the server's own words, shortened, without what was sent; may be empty
	Description string
	RetryAfter  time.Duration // the server's Retry-After, 0 when it gave none
}

func (e *Error) Error() string {
	text := fmt.Sprintf("the authorization server answered %d", e.Status)
	if e.Code != "" {
		text += " " + e.Code
	}
	if e.Description != "" {
		text += ": " + e.Description
	}
	return text
}

// brokenError is a request without an answer. Its text leaves out what net/http quotes from the
// connection.
type brokenError struct {
	text string
	err  error
}

func (e *brokenError) Error() string { return e.text }
func (e *brokenError) Unwrap() error { return e.err }

const maxDescription = 200 // runes of a server's text that an error shows

// plain makes a server's text fit to be shown: printable, short, and without the secrets that were
// sent.
func plain(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "redacted")
		}
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if r := []rune(text); len(r) > maxDescription {
		text = string(r[:maxDescription])
	}
	return strings.TrimSpace(text)
}
