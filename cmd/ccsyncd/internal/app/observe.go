package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"ccsyncd/ccapi"
)

// Observe lets somebody see each answer of Constant Contact, and each request that got none. It is
// called before the first request.
func (a *App) Observe(see func(*http.Request, *http.Response, error)) {
	a.observers = append(a.observers, see)
}

// observe learns the server's time from every answer.
func (a *App) observe(r *http.Request, answer *http.Response, err error) {
	if err == nil {
		if date, noDate := http.ParseTime(answer.Header.Get("Date")); noDate == nil {
			if err := a.State.Saw(context.WithoutCancel(r.Context()), date); err != nil {
				a.Log.Debug("could not store the server's time", "error", err)
			}
		}
	}
	if err == nil {
		a.logRefusal(r, answer)
	}
	for _, observe := range a.observers {
		observe(r, answer, err)
	}
}

// logRefusal notes an answer that is no success, with the names under which Constant Contact's
// support finds it. What passes by itself or is decided on elsewhere is for who looks closely.
func (a *App) logRefusal(r *http.Request, answer *http.Response) {
	if answer.StatusCode < http.StatusBadRequest {
		return
	}
	level := slog.LevelDebug
	if answer.StatusCode >= http.StatusInternalServerError || answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusRequestEntityTooLarge {
		level = slog.LevelWarn
	}
	a.Log.Log(r.Context(), level, "request refused", "method", r.Method, "path", r.URL.Path, "status", answer.StatusCode, "ids", ccapi.RequestIDs(answer.Header))
}

// IsUntold is for what an account may keep to itself, for want of a scope.
func IsUntold(err error) bool {
	return errors.Is(err, ccapi.ErrForbidden) || errors.Is(err, ccapi.ErrNotFound)
}
