package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/daemon"
	"ccsyncd/cmd/ccsyncd/internal/report"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	ccsync "ccsyncd/sync"
)

func (c *cli) statusCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "status", Short: "Show coverage, last and next run, quota, problems", GroupID: groupLook, Args: cobra.NoArgs,
		Long: "Show current status from the state file, and whether the daemon is ready.\nNothing is requested from Constant Contact.",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := shell.CheckOutput(cmd, output); err != nil {
				return err
			}
			a, err := app.Open(cmd.Context(), c.Shell)
			if err != nil {
				return err
			}
			defer shell.AtExit(&err, "close", a.Close)
			s, err := readStatus(cmd.Context(), a)
			if err != nil {
				return err
			}
			if output == shell.OutputJSON {
				return c.Out.JSON(s)
			}
			c.printStatus(s, a.State.Now())
			return nil
		},
	}
	shell.AddOutput(cmd, &output)
	return cmd
}

// status is how an installation stands; the JSON form of `status` is this struct. Times are UTC, by
// Constant Contact's clock.
type status struct {
	Schema     int              `json:"schema"`               // 1
	Coverage   *ccsync.Coverage `json:"coverage"`             // null before the first whole run
	CoverageAt time.Time        `json:"coverage_at,omitzero"` // when that run ended
	Authorized bool             `json:"authorized"`
	Reason     string           `json:"reason,omitempty"`
	DoubtSince time.Time        `json:"in_doubt_since,omitzero"` // of the refresh token
	// of the refresh token, while it is in doubt
	NextTry time.Time       `json:"next_try,omitzero"`
	Account app.Account     `json:"account"`
	LastRun *report.Summary `json:"last_run"` // for all users, and not dry
	Running *report.Summary `json:"running,omitempty"`
	Daemon  *holder         `json:"daemon"`            // null when none runs
	NextRun time.Time       `json:"next_run,omitzero"` // when a daemon runs
	// NotReady is why that daemon is not ready, as its /readyz says.
	NotReady string        `json:"not_ready,omitempty"`
	Quota    ccsync.Quota  `json:"quota"`
	Mirror   mirrorStatus  `json:"mirror"`
	Problems problemStatus `json:"problems"`
	// Constant Contact's clock minus this machine's
	Skew float64 `json:"clock_skew_seconds"`
}

// holder is the process that holds the run lock.
type holder struct {
	PID  int    `json:"pid"`
	Host string `json:"host"`
}

type mirrorStatus struct {
	Contacts    int       `json:"contacts"`
	RefreshedAt time.Time `json:"refreshed_at,omitzero"`
	SnapshotAt  time.Time `json:"snapshot_at,omitzero"`
	NextFull    time.Time `json:"next_full,omitzero"`
}

type problemStatus struct {
	Count int           `json:"count"`
	First []openProblem `json:"first"` // at most shownProblems
	// Overstepped is how many of them are contacts that a person must check.
	Overstepped int `json:"overstepped,omitempty"`
}

// openProblem is a user whose change did not arrive and waits for its next try, or whose contact
// was overstepped.
type openProblem struct {
	Key      string    `json:"key,omitempty"`
	Email    string    `json:"email"`
	Reason   string    `json:"reason"`
	Detail   string    `json:"detail,omitempty"`
	Attempts int       `json:"attempts"`
	RetryAt  time.Time `json:"retry_at,omitzero"` // not of an overstepped one: a person must act
}

func readStatus(ctx context.Context, a *app.App) (s status, err error) {
	s.Schema = 1
	for _, read := range []func(context.Context, *app.App, *status) error{readLogin, readRuns, readQuota, readMirror, readProblems} {
		if err := read(ctx, a, &s); err != nil {
			return s, err
		}
	}
	s.Skew = a.State.Skew().Round(time.Second).Seconds()
	if who, alive := a.Holder(); alive {
		s.Daemon = &holder{PID: who.PID, Host: who.Host}
		at, err := daemon.NextRun(ctx, a, who.PID)
		if err != nil {
			return s, err
		}
		s.NextRun = at.Add(a.State.Skew()).UTC()
		is := daemon.Ask(ctx, a)
		s.NotReady = is.NotReady
		if s.Running != nil && is.Run >= 0 && is.Run != s.Running.Run {
			s.Running = nil // it has ended, and its end could not be recorded
		}
	}
	return s, nil
}

func readLogin(ctx context.Context, a *app.App, s *status) error {
	login, err := a.LoginStatus(ctx)
	s.Authorized, s.Reason, s.Account = login.Authorized, login.Reason, login.Account
	s.DoubtSince, s.NextTry = login.DoubtSince, login.NextTry
	return err
}

// readRuns reads how the last whole run ended, and finds a run under way.
func readRuns(ctx context.Context, a *app.App, s *status) error {
	last, ran, err := ccsync.ReadLastWhole(ctx, a.State)
	if err != nil {
		return err
	}
	if ran {
		s.LastRun = report.SummaryOf(&last)
		s.Coverage, s.CoverageAt = last.Coverage, last.CoverageAt
	}
	newest, err := a.State.Runs(ctx, 1)
	if err != nil || len(newest) == 0 || newest[0].Dry || newest[0].Outcome != "" {
		return err
	}
	running := report.Summarise(newest[0], report.Of(newest[0]))
	s.Running = &running
	return nil
}

func readQuota(ctx context.Context, a *app.App, s *status) error {
	u, err := a.Quota.Usage(ctx)
	s.Quota = ccsync.Quota{Used: u.Used, Limit: u.Limit, ResetsAt: u.ResetsAt}
	if u.Closed {
		s.Quota.Used = u.Limit
	}
	return err
}

func readMirror(ctx context.Context, a *app.App, s *status) error {
	m, err := a.State.Mirror(ctx)
	s.Mirror = mirrorStatus{Contacts: m.Contacts, RefreshedAt: m.Mark, SnapshotAt: m.SnapshotAt}
	if !m.SnapshotAt.IsZero() {
		s.Mirror.NextFull = a.Config.Schedule.Full.Next(m.SnapshotAt)
	}
	return err
}

func readProblems(ctx context.Context, a *app.App, s *status) error {
	s.Problems.First = []openProblem{}
	open, err := a.State.Oversteps(ctx)
	if err != nil {
		return err
	}
	s.Problems.Count, s.Problems.Overstepped = len(open), len(open)
	for _, o := range open[:min(len(open), report.ShownProblems)] {
		s.Problems.First = append(s.Problems.First, openProblem{Key: o.Key, Email: o.Address, Reason: ccsync.Overstepped, Detail: o.Detail, Attempts: 1})
	}
	for p, err := range a.State.Problems(ctx) {
		if err != nil {
			return err
		}
		s.Problems.Count++
		if len(s.Problems.First) < report.ShownProblems {
			s.Problems.First = append(s.Problems.First, openProblem{Key: p.Key, Email: p.Address, Reason: p.Reason, Detail: p.Detail,
				Attempts: p.Attempts, RetryAt: p.RetryAt})
		}
	}
	return nil
}
