package sync

import (
	"errors"
	"io"
	"net"
	"syscall"

	"ccsyncd/ccapi"
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
		return "token_in_doubt", "it is retried automatically; if it persists, check the network, or run `ccsyncd auth login`"
	case errors.As(err, new(*users.SourceError)):
		return "source", "run `ccsyncd check` to see what is wrong with the app's database; it is retried at the next run"
	case errors.Is(err, ccapi.ErrForbidden):
		return "forbidden", "the login lacks the scope contact_data or the right to edit contacts, or the application is switched off: run `ccsyncd check`"
	case errors.Is(err, ccapi.ErrRedirect):
		return "redirected", "correct [endpoints] api: the API is not at that address, or a proxy stands in between; nothing was done there"
	case ofGateway(err):
		return "gateway", "a gateway in front of the API answered, so this is not a missing scope; it is retried at the next run. If it persists, give Constant Contact's support the ids in the message"
	case errors.Is(err, mirror.ErrIncomplete):
		return "snapshot_incomplete", "nothing was sent; it is retried at the next run"
	case errors.As(err, new(*state.HeldError)):
		return "held", "another process holds this state database; `ccsyncd push` hands the work to it"
	case errors.Is(err, state.ErrFull), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		// The disk of the state database, or of the file in the same folder where rows are sorted.
		return "state_full", "free disk space; the next run continues where this one stopped"
	case errors.Is(err, state.ErrBusy):
		return "state_busy", "stop what keeps the state database locked; it is retried at the next run"
	case errors.Is(err, state.ErrReadOnly):
		return "state_readonly", "give the state database and its folder to the account that ccsyncd runs as"
	case errors.Is(err, state.ErrReplaced):
		return "state_replaced", "start ccsyncd again; a lost state database costs a login and a snapshot, never a wrong write"
	case errors.Is(err, state.ErrDamaged):
		return "state_damaged", "move the file away, put back a backup or none, and run `ccsyncd auth login`: it costs a login and a snapshot, never a wrong write"
	case errors.As(err, new(net.Error)), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "network", "Constant Contact cannot be reached from here: check network, DNS and proxy; it is retried at the next run"
	default:
		return "failed", "it is retried at the next run; `ccsyncd check` tests each link of the chain"
	}
}

// ofGateway tells the word of a gateway in front of the API.
func ofGateway(err error) bool {
	e, ok := errors.AsType[*ccapi.Error](err)
	return ok && e.Gateway
}
