// Package exit decides how a command ends: it gives each error and each report an exit code, and
// each error a hint. It is the one place that knows the errors of all packages, and it needs
// nothing else of them.
package exit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"ccsyncd/ccapi"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/oauthdev"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// Exit codes. When several apply, the first of 78, 4, 1, 5, 3, 6 is it.
const (
	Done         = 0
	Failed       = 1  // an error that retries did not fix
	Pending      = 2  // --dry-run --detailed-exitcode: changes are pending
	Partial      = 3  // some changes were sent but rejected or could not be verified
	Unauthorized = 4  // ccsyncd auth login is needed
	Refused      = 5  // by the guard
	Deferred     = 6  // the day's quota is used up
	Held         = 7  // another process holds the state file
	Usage        = 64 // EX_USAGE of sysexits(3)
	Config       = 78 // EX_CONFIG of sysexits(3)
)

// UsageError is a command line that cannot be understood. Command is the command that it was for.
type UsageError struct {
	Command string // "ccsyncd push"
	Err     error
}

func (e *UsageError) Error() string { return e.Err.Error() }

// ConfigError is a configuration that does not fit, beyond what the file itself tells. Hint is
// what a person can do about it.
type ConfigError struct{ Message, Hint string }

func (e *ConfigError) Error() string { return e.Message }

// ErrForcedLate ends a forced push whose turn came too late: the plan that a person saw may be
// another one by then.
var ErrForcedLate = errors.New("the forced push was withdrawn, because the daemon restarted or because the push waited longer than ten minutes")

// said ends a command whose output has told everything already: only the exit code is left.
type said int

func (s said) Error() string { return "see the output" }

// With ends a command with a code, after its output.
func With(code int) error {
	if code == Done {
		return nil
	}
	return said(code)
}

// IsSaid tells whether the output of the command has told everything already.
func IsSaid(err error) bool { return errors.As(err, new(said)) }

// exits is the one table from errors to exit codes and hints. The first row that fits counts.
var exits = []struct {
	fits func(error) bool
	code int
	hint func(error) string
}{
	{is[*UsageError], Usage, usageHint},
	{is[*config.Error], Config, configHint},
	{is[*ConfigError], Config, func(err error) string { return as[*ConfigError](err).Hint }},
	{is[*ccsync.SetupError], Config, engineHint},
	{isErr(source.ErrConfig), Config, always("correct [source] in the configuration; `ccsyncd check` tests it")},
	{isErr(state.ErrExposed), Config, always("")},
	{isErr(state.ErrKey), Config, engineHint},
	{is[*state.OwnerError], Config, ownerHint},
	{isErr(state.ErrLink), Config, always("remove it, and make the folder of the state file writable only for the user that ccsyncd runs as")},
	{is[*oauthdev.LoginError], Unauthorized, always("run `ccsyncd auth login`")},
	{isErr(ccapi.ErrUnauthorized), Unauthorized, always("run `ccsyncd auth login`")},
	{is[*oauthdev.DoubtError], Failed, engineHint},
	{isErr(oauthdev.ErrDenied), Unauthorized, always("run `ccsyncd auth login` again and approve the code")},
	{isErr(oauthdev.ErrExpired), Unauthorized, always("run `ccsyncd auth login` again for a new code")},
	{isErr(oauthdev.ErrNoRefreshToken), Unauthorized, always("enable the device flow for the application, keep offline_access in [auth] scopes, then run `ccsyncd auth login` again")},
	{is[*state.HeldError], Held, always("use `ccsyncd push`, which hands the work to that process")},
	{is[*state.QuotaError], Deferred, always("requests are possible again after 00:00 UTC; `ccsyncd status` shows the quota")},
	{is[*ccapi.QuotaError], Deferred, always("requests are possible again after 00:00 UTC; other programs with the same API key share the quota")},
	{isErr(ErrForcedLate), Failed, always("review the plan with `ccsyncd --dry-run`; if the changes are intended, push again")},
	{isErr(state.ErrReplaced), Failed, engineHint},
	{isErr(state.ErrFull), Failed, engineHint},
	{isErr(syscall.ENOSPC), Failed, engineHint},
	{isErr(syscall.EDQUOT), Failed, engineHint},
	{isErr(state.ErrBusy), Failed, engineHint},
	{isErr(state.ErrReadOnly), Failed, engineHint},
	{isErr(state.ErrRemnants), Failed, always("if a daemon is running, do nothing; otherwise run `ccsyncd status` in a moment")},
	{isErr(state.ErrNewer), Failed, always("")},
	{isErr(state.ErrDamaged), Failed, engineHint},
}

// Of gives an error its exit code and says what a person can do about it.
func Of(err error) (code int, hint string) {
	var end said
	switch {
	case err == nil:
		return Done, ""
	case errors.As(err, &end):
		return int(end), ""
	}
	for _, row := range exits {
		if row.fits(err) {
			return row.code, row.hint(err)
		}
	}
	return Failed, ""
}

// OfReport gives a report its exit code.
//
//	outcome            code
//	planned, synced    0
//	partial            3
//	refused            5
//	deferred           6
//	unauthorized       4
//	failed             78 when the configuration is at fault, else 1
//
// A run for some users alone that did what it could ends with 0 only if each of them was seen
// carrying its values.
func OfReport(r *ccsync.Report) int {
	code := Failed
	switch r.Outcome {
	case ccsync.Planned, ccsync.Synced:
		code = Done
	case ccsync.Partial:
		code = Partial
	case ccsync.Refused:
		code = Refused
	case ccsync.Deferred:
		code = Deferred
	case ccsync.Unauthorized:
		code = Unauthorized
	case ccsync.Failed:
		if cause, _ := Of(r.Err()); cause == Config {
			code = Config
		}
	}
	if (code == Done || code == Deferred) && !r.DryRun && !allVerified(r.Users) {
		return Partial
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
	return "`" + as[*UsageError](err).Command + " --help` shows the usage"
}

func configHint(err error) string {
	wrong := as[*config.Error](err)
	if wrong.Denied != "" {
		return config.DeniedHint(wrong.Denied)
	}
	if wrong.Unset != "" {
		return wrong.UnsetHint()
	}
	if wrong.Path == "" {
		return "`ccsyncd init` writes a configuration"
	}
	return "ccsync.example.toml has every key with its default"
}

func engineHint(err error) string {
	_, hint := ccsync.Diagnose(err)
	return hint
}

// ownerHint is how to run as the user whose file it is. A service of systemd with DynamicUser has
// one that exists while it runs.
func ownerHint(err error) string {
	e := as[*state.OwnerError](err)
	if dir, ok := strings.CutPrefix(filepath.Dir(e.Path), "/var/lib/"); ok && os.Geteuid() == 0 {
		dir = strings.TrimPrefix(dir, "private/")
		return "run it as the service user: systemd-run --pty --quiet --property=DynamicUser=yes --property=User=" + e.Owner +
			" --property=StateDirectory=" + dir + " --property=EnvironmentFile=-/etc/ccsync/env /usr/local/bin/ccsyncd … --config /etc/ccsync/ccsync.toml"
	}
	return "run it as that user (sudo -u " + e.Owner + " ccsyncd …), or, if you trust the file, change its owner (chown)"
}
