package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"ccsyncd/internal/kit"
)

// ErrConfig is every error that only another configuration can solve: a DSN that cannot be read, a
// table or column that does not exist, or a condition that is not SQL. A retry does not help.
var ErrConfig = errors.New("the [source] section does not fit the database")

// Error is an error of the app's database that a person can solve. It never has a password.
type Error struct {
	Message string // what is wrong, with the name of the file, server, table or column
	Hint    string // a hint; may be empty
	Err     error  // the cause, for errors.Is and errors.As; may be nil

	config bool
}

// Error returns the message and, after a semicolon, the hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + "; " + e.Hint
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is ErrConfig and the configuration is the cause.
func (e *Error) Is(target error) bool { return target == ErrConfig && e.config }

// misconfigured is an Error whose hint is to correct the configuration.
func misconfigured(hint, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Hint: hint, config: true}
}

// timedOut is the Error of a read that took longer than `timeout`.
func timedOut(what string, after time.Duration, cause error) *Error {
	return &Error{
		Message: fmt.Sprintf("%s: timed out after %s", what, after),
		Hint:    "raise timeout in [source], or add an index for the condition",
		Err:     errors.Join(context.DeadlineExceeded, cause),
	}
}

// missing is the Error of a name that does not exist, with the nearest one that does.
func missing(kind, name, where string, existing []string) *Error {
	e := misconfigured("choose from: "+list(existing), "no %s %q in %s", kind, name, where)
	switch near := kit.Nearest(name, existing); {
	case len(existing) == 0:
		e.Hint = "this account can read no " + kind
	case near != "":
		e.Hint = fmt.Sprintf("did you mean %q? %s", near, e.Hint)
	}
	return e
}

// reason is the cause of a file error without its path, which the message has already.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

// maxListed is how many names an error lists.
const maxListed = 20

func list(names []string) string {
	if len(names) > maxListed {
		return strings.Join(names[:maxListed], ", ") + fmt.Sprintf(" and %d more", len(names)-maxListed)
	}
	return strings.Join(names, ", ")
}
