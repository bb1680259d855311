package report

import (
	"errors"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	ccsync "ccsyncd/sync"
)

// Unstarted ends a command whose run did not even begin. A script that asked for JSON gets its
// object all the same.
func Unstarted(sh *shell.Shell, err error, output string, dry bool) error {
	if output != shell.OutputJSON || exit.IsSaid(err) {
		return err
	}
	code, hint := exit.Of(err)
	report := Empty(sh.Version, dry)
	report.Outcome, report.ExitCode = ccsync.Failed, code
	if code == exit.Unauthorized {
		report.Outcome = ccsync.Unauthorized
	}
	report.Error = &ccsync.Problem{Code: errorCode(code, err), Message: err.Error(), Hint: hint}
	return errors.Join(sh.Out.JSON(report), err)
}

// Empty is the report of a run that never was.
func Empty(version string, dry bool) *ccsync.Report {
	return &ccsync.Report{
		Schema: 1, Version: version, Trigger: "command", DryRun: dry, StartedAt: time.Now().UTC().Truncate(time.Millisecond),
		Mirror: ccsync.Mirrored{Refresh: "none"}, Changes: []ccsync.Change{}, Skipped: []ccsync.Skipped{},
		Guard: ccsync.Verdict{Reasons: []string{}, Details: []string{}},
	}
}

// errorCode names an error by its exit code, for reports, or by itself.
func errorCode(status int, err error) string {
	switch status {
	case exit.Config:
		return "config"
	case exit.Held:
		return "held"
	case exit.Unauthorized:
		return "unauthorized"
	default:
		code, _ := ccsync.Diagnose(err)
		return code
	}
}
