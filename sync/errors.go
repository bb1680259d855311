package sync

import (
	"errors"
	"strings"
	"syscall"

	"ccsyncd/ccapi"
	"ccsyncd/internal/kit"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// Diagnose gives an error its code in the report and says what a person can do about it.
func Diagnose(err error) (code, hint string) {
	var setup *contact.SetupError
	switch {
	case errors.As(err, &setup):
		return setup.Code, setup.Hint
	case errors.Is(err, ccapi.ErrUnauthorized):
		return "unauthorized", "run `ccsyncd auth login`"
	case errors.Is(err, ccapi.ErrTokenInDoubt):
		return "token_in_doubt", "ccsyncd retries automatically; if this persists, check the network or run `ccsyncd auth login`"
	case errors.As(err, new(*users.SourceError)):
		return "source", "run `ccsyncd check` to test the app's database; the next run retries"
	case errors.Is(err, ccapi.ErrForbidden):
		return "forbidden", "run `ccsyncd check`; the login may lack the scope contact_data or the right to edit contacts, or the application may be disabled"
	case errors.Is(err, ccapi.ErrRedirect):
		return "redirected", "check [endpoints] api and any proxy in between; the API does not redirect, so the request was not carried out"
	case ofGateway(err):
		return "gateway", "a gateway in front of the API refused the request; the login's scopes are not the cause. The next run retries; if this persists, give the ids in the message to Constant Contact's support"
	case errors.Is(err, mirror.ErrIncomplete):
		return "snapshot_incomplete", "nothing was sent; the next run retries"
	case errors.As(err, new(*state.HeldError)):
		return "held", "another process holds this state file; `ccsyncd push` hands the work to it"
	case errors.Is(err, state.ErrFull), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		// The disk of the state file, or of the file in the same folder where rows are sorted.
		return "state_full", "free disk space; the next run continues"
	case errors.Is(err, state.ErrBusy):
		return "state_busy", "stop the program that locks the state file; the next run retries"
	case errors.Is(err, state.ErrReadOnly):
		return "state_readonly", "let the user that ccsyncd runs as write to " + denied(err)
	case errors.Is(err, state.ErrReplaced):
		return "state_replaced", "start ccsyncd again; if the state file is lost, log in again, and ccsyncd reads all contacts again"
	case errors.Is(err, state.ErrKey):
		return "state_key", "set [state] key to the key that encrypted the tokens, and restart a daemon that runs without it; if the key is lost, run `ccsyncd auth logout` and `ccsyncd auth login`"
	case errors.Is(err, state.ErrDamaged):
		return "state_damaged", "move the file away, restore a backup if you have one, and run `ccsyncd auth login`; ccsyncd then reads all contacts again"
	case kit.IsNetwork(err):
		return "network", "Constant Contact cannot be reached; check network, DNS and proxy. The next run retries"
	default:
		return "failed", "the next run retries; `ccsyncd check` tests each part"
	}
}

// denied is what this user may not write.
func denied(err error) string {
	e, ok := errors.AsType[*state.ReadOnlyError](err)
	if !ok {
		return "the state file and its folder"
	}
	names := make([]string, len(e.Not))
	for i, d := range e.Not {
		names[i] = d.Name
	}
	return strings.Join(names, ", ")
}

// ofGateway tells the word of a gateway in front of the API.
func ofGateway(err error) bool {
	e, ok := errors.AsType[*ccapi.Error](err)
	return ok && e.Gateway
}
