package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"ccsyncd/ccapi"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/oauthdev"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// Exit codes. When several apply, the first of 78, 4, 1, 5, 3, 6 is it.
const (
	exitDone         = 0
	exitFailed       = 1  // an error that retries did not cure
	exitPending      = 2  // --dry-run --detailed-exitcode: changes are pending
	exitPartial      = 3  // some changes were sent but rejected or could not be verified
	exitUnauthorized = 4  // ccsyncd auth login is needed
	exitRefused      = 5  // by the guard
	exitDeferred     = 6  // the day's quota is used up
	exitHeld         = 7  // another process holds the state database
	exitUsage        = 64 // EX_USAGE of sysexits(3)
	exitConfig       = 78 // EX_CONFIG of sysexits(3)
)

// usageError is a command line that cannot be understood.
type usageError struct {
	command string // "ccsyncd push"
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// configError is a configuration that does not fit, beyond what the file itself tells.
type configError struct{ message, hint string }

func (e *configError) Error() string { return e.message }

// said ends a command whose output has told everything already: only the exit code is left.
type said int

func (s said) Error() string { return "the output tells" }

// exitWith ends a command with a code, after its output.
func exitWith(code int) error {
	if code == exitDone {
		return nil
	}
	return said(code)
}

func isSaid(err error) bool { return errors.As(err, new(said)) }

// exits is the one table from errors to exit codes and cures. The first row that fits counts.
var exits = []struct {
	fits func(error) bool
	code int
	hint func(error) string
}{
	{is[*usageError], exitUsage, usageHint},
	{is[*config.Error], exitConfig, configHint},
	{is[*configError], exitConfig, func(err error) string { return as[*configError](err).hint }},
	{is[*ccsync.SetupError], exitConfig, engineHint},
	{isErr(source.ErrConfig), exitConfig, always("correct [source] in the configuration; `ccsyncd check` tests it")},
	{isErr(state.ErrExposed), exitConfig, always("")},
	{isErr(state.ErrKey), exitConfig, always("")},
	{is[*state.OwnerError], exitConfig, ownerHint},
	{isErr(state.ErrLink), exitConfig, always("remove it, and keep the folder of the state database to the account that ccsyncd runs as")},
	{is[*oauthdev.LoginError], exitUnauthorized, always("run `ccsyncd auth login`")},
	{isErr(ccapi.ErrUnauthorized), exitUnauthorized, always("run `ccsyncd auth login`")},
	{is[*oauthdev.DoubtError], exitFailed, engineHint},
	{isErr(oauthdev.ErrDenied), exitUnauthorized, always("run `ccsyncd auth login` again and approve the code")},
	{isErr(oauthdev.ErrExpired), exitUnauthorized, always("run `ccsyncd auth login` again: it prints a fresh code")},
	{isErr(oauthdev.ErrNoRefreshToken), exitUnauthorized, always("set up the application for the device flow, keep offline_access in [auth] scopes, then run `ccsyncd auth login` again")},
	{is[*state.HeldError], exitHeld, always("`ccsyncd push` hands the work to that process; a daemon runs on its schedule by itself")},
	{is[*state.QuotaError], exitDeferred, always("it goes on after 00:00 UTC; `ccsyncd status` shows the quota")},
	{is[*ccapi.QuotaError], exitDeferred, always("it goes on after 00:00 UTC; other programs with the same API key count too")},
	{isErr(state.ErrReplaced), exitFailed, engineHint},
	{isErr(state.ErrFull), exitFailed, engineHint},
	{isErr(state.ErrBusy), exitFailed, engineHint},
	{isErr(state.ErrReadOnly), exitFailed, engineHint},
	{isErr(state.ErrRemnants), exitFailed, always("nothing more is to be done where a daemon runs; else run `ccsyncd status` in a moment")},
	{isErr(state.ErrNewer), exitFailed, always("")},
	{isErr(state.ErrDamaged), exitFailed, engineHint},
}

// exitOf gives an error its exit code and says what a person can do about it.
func exitOf(err error) (code int, hint string) {
	var end said
	switch {
	case err == nil:
		return exitDone, ""
	case errors.As(err, &end):
		return int(end), ""
	}
	for _, row := range exits {
		if row.fits(err) {
			return row.code, row.hint(err)
		}
	}
	return exitFailed, ""
}

// reportCode gives a report its exit code.
//
//	outcome            code
//	planned, synced    0
//	partial            3
//	refused            5
//	deferred           6
//	unauthorized       4
//	failed             78 when the configuration is at fault, else 1
//
// A run for some users alone that did what it could ends with 0 only if each of them was seen carrying its values.
func reportCode(r *ccsync.Report) int {
	code := exitFailed
	switch r.Outcome {
	case ccsync.Planned, ccsync.Synced:
		code = exitDone
	case ccsync.Partial:
		code = exitPartial
	case ccsync.Refused:
		code = exitRefused
	case ccsync.Deferred:
		code = exitDeferred
	case ccsync.Unauthorized:
		code = exitUnauthorized
	case ccsync.Failed:
		if cause, _ := exitOf(r.Err()); cause == exitConfig {
			code = exitConfig
		}
	}
	if (code == exitDone || code == exitDeferred) && !r.DryRun && !allVerified(r.Users) {
		return exitPartial
	}
	return code
}

func allVerified(users []ccsync.UserState) bool {
	for _, u := range users {
		if u.State != "verified" {
			return false
		}
	}
	return true
}

func is[E error](err error) bool {
	var target E
	return errors.As(err, &target)
}

func as[E error](err error) E {
	var target E
	errors.As(err, &target)
	return target
}

func isErr(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func always(hint string) func(error) string { return func(error) string { return hint } }

func usageHint(err error) string {
	return "`" + as[*usageError](err).command + " --help` shows how it is used"
}

func configHint(err error) string {
	if denied := as[*config.Error](err).Denied; denied != "" {
		return deniedHint(denied)
	}
	if as[*config.Error](err).Path == "" {
		return "`ccsyncd init` writes a configuration"
	}
	return "ccsync.example.toml has every key with its default"
}

func engineHint(err error) string {
	_, hint := ccsync.Diagnose(err)
	return hint
}

// ownerHint is how to run as the user whose file it is. A service of systemd with DynamicUser has one that exists while it runs.
func ownerHint(err error) string {
	e := as[*state.OwnerError](err)
	if dir, ok := strings.CutPrefix(filepath.Dir(e.Path), "/var/lib/"); ok && os.Geteuid() == 0 {
		dir = strings.TrimPrefix(dir, "private/")
		return "run it as the service does: systemd-run --pty --quiet --property=DynamicUser=yes --property=User=" + e.Owner +
			" --property=StateDirectory=" + dir + " --property=EnvironmentFile=-/etc/ccsync/env /usr/local/bin/ccsyncd … --config /etc/ccsync/ccsync.toml"
	}
	return "run it as that user (sudo -u " + e.Owner + " ccsyncd …), or give the file to this one if nobody else wrote it"
}

func splitLines(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }
