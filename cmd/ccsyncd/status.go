package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

func (c *cli) statusCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "status", Short: "Coverage, last and next run, quota, mirror, open problems", GroupID: groupLook, Args: cobra.NoArgs,
		Long: "Tells how it stands, from the state database alone. It asks Constant\nContact nothing and works beside a daemon.",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := checkOutput(cmd, output); err != nil {
				return err
			}
			a, err := c.open(cmd.Context())
			if err != nil {
				return err
			}
			defer atExit(&err, "close", a.close)
			s, err := a.status(cmd.Context())
			if err != nil {
				return err
			}
			if output == outputJSON {
				return c.Out.JSON(s)
			}
			c.printStatus(s, a.state.Now())
			return nil
		},
	}
	addOutput(cmd, &output)
	return cmd
}

// status is how an installation stands; the JSON form of `status` is this struct. Times are UTC, by Constant Contact's clock.
type status struct {
	Coverage   *ccsync.Coverage `json:"coverage"`             // null before the first whole run
	CoverageAt time.Time        `json:"coverage_at,omitzero"` // when that run ended
	Authorized bool             `json:"authorized"`
	Reason     string           `json:"reason,omitempty"`
	DoubtSince time.Time        `json:"in_doubt_since,omitzero"` // of the refresh token
	NextTry    time.Time        `json:"next_try,omitzero"`       // of the refresh token, while it is in doubt
	Account    account          `json:"account"`
	LastRun    *runSummary      `json:"last_run"` // of those that were not dry
	Running    *runSummary      `json:"running,omitempty"`
	Daemon     *holder          `json:"daemon"`            // null when none runs
	NextRun    time.Time        `json:"next_run,omitzero"` // when a daemon runs
	Quota      ccsync.Quota     `json:"quota"`
	Mirror     mirrorStatus     `json:"mirror"`
	Problems   problemStatus    `json:"problems"`
	Skew       float64          `json:"clock_skew_seconds"` // Constant Contact's clock minus this machine's
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
}

// openProblem is a user whose change did not land and waits for its next try.
type openProblem struct {
	Key      string    `json:"key,omitempty"`
	Email    string    `json:"email"`
	Reason   string    `json:"reason"`
	Detail   string    `json:"detail,omitempty"`
	Attempts int       `json:"attempts"`
	RetryAt  time.Time `json:"retry_at"`
}

func (a *app) status(ctx context.Context) (s status, err error) {
	for _, read := range []func(context.Context, *status) error{a.readLogin, a.readRuns, a.readQuota, a.readMirror, a.readProblems} {
		if err := read(ctx, &s); err != nil {
			return s, err
		}
	}
	s.Skew = a.state.Skew().Round(time.Second).Seconds()
	if who := a.state.Holder(runLock); alive(who) {
		s.Daemon = &holder{PID: who.PID, Host: who.Host}
		s.NextRun = a.cfg.Schedule.Cron.Next(wallClock()).Add(a.state.Skew()).UTC()
	}
	return s, nil
}

func (a *app) readLogin(ctx context.Context, s *status) error {
	login, err := a.authStatus(ctx)
	s.Authorized, s.Reason, s.Account = login.Authorized, login.Reason, login.Account
	s.DoubtSince, s.NextTry = login.DoubtSince, login.NextTry
	return err
}

// readRuns finds the last run, one under way, and the last that counted all users.
func (a *app) readRuns(ctx context.Context, s *status) error {
	const recent = 200
	runs, err := a.state.Runs(ctx, recent)
	if err != nil {
		return err
	}
	for i, r := range runs {
		report := reportOf(r)
		switch summary := summarise(r, report); {
		case r.Dry:
		case r.Outcome == "" && i == 0:
			s.Running = &summary
		case r.Outcome != "" && s.LastRun == nil:
			s.LastRun = &summary
		}
		if whole := !r.Dry && report.Only == 0 && report.Coverage.Users > 0; whole && s.Coverage == nil {
			s.Coverage, s.CoverageAt = &report.Coverage, r.EndedAt
		}
	}
	return nil
}

// reportOf reads what a run left behind, as far as this version knows it; a run that died left nothing.
func reportOf(r state.Run) *ccsync.Report {
	var report ccsync.Report
	_ = json.Unmarshal(r.Report, &report)
	return &report
}

func (a *app) readQuota(ctx context.Context, s *status) error {
	u, err := a.quota.Usage(ctx)
	s.Quota = ccsync.Quota{Used: u.Used, Limit: u.Limit, ResetsAt: u.ResetsAt}
	if u.Closed {
		s.Quota.Used = u.Limit
	}
	return err
}

func (a *app) readMirror(ctx context.Context, s *status) error {
	m, err := a.state.Mirror(ctx)
	s.Mirror = mirrorStatus{Contacts: m.Contacts, RefreshedAt: m.Mark, SnapshotAt: m.SnapshotAt}
	if !m.SnapshotAt.IsZero() {
		s.Mirror.NextFull = a.cfg.Schedule.Full.Next(m.SnapshotAt)
	}
	return err
}

func (a *app) readProblems(ctx context.Context, s *status) error {
	s.Problems.First = []openProblem{}
	for p, err := range a.state.Problems(ctx) {
		if err != nil {
			return err
		}
		s.Problems.Count++
		if len(s.Problems.First) < shownProblems {
			s.Problems.First = append(s.Problems.First, openProblem{Key: p.Key, Email: p.Address, Reason: p.Reason, Detail: p.Detail,
				Attempts: p.Attempts, RetryAt: p.RetryAt})
		}
	}
	return nil
}
