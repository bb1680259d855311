package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/report"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

const pushHelp = `A run now, for all users or for these alone, quarantined or not. "key:4711"
works in place of an address.

Beside a daemon, the daemon does it: the request is left in the state database,
taken up within two seconds or after the run under way, and its report is
printed as if it had run here.

Exit codes are those of --once; with users, 0 only if each of them was seen
carrying its values, else 3.`

func (c *cli) pushCommand() *cobra.Command {
	var f runFlags
	var noWait bool
	cmd := &cobra.Command{
		Use: "push [EMAIL...]", Short: "A run now, for all users or for some", Long: pushHelp, GroupID: groupRun, Args: users,
		RunE: func(cmd *cobra.Command, only []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			return c.push(cmd.Context(), f, only, noWait)
		},
	}
	f.add(cmd)
	cmd.Flags().Lookup("output").Usage = "`FORM` of the report: text or json"
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "beside a daemon: leave the request and do not wait for the report")
	return cmd
}

// users takes addresses, and keys in the form key:4711.
func users(_ *cobra.Command, given []string) error {
	for _, who := range given {
		if !strings.Contains(who, "@") && !strings.HasPrefix(who, "key:") {
			return fmt.Errorf("%q is neither an address nor key:KEY", who)
		}
	}
	return nil
}

func (c *cli) push(ctx context.Context, f runFlags, only []string, noWait bool) error {
	r, err := c.runPush(ctx, f, only, noWait)
	switch {
	case err != nil:
		return report.Unstarted(c.Shell, err, f.output, false)
	case r == nil: // left to the daemon
		c.Next("ccsyncd runs")
		return nil
	}
	return report.Print(c.Shell, r, f.printed())
}

// runPush runs here, or lets the process do it that holds the lock. The report is nil when nobody waits for it.
func (c *cli) runPush(ctx context.Context, f runFlags, only []string, noWait bool) (report *ccsync.Report, err error) {
	a, err := app.OpenAll(ctx, c.Shell)
	if err != nil {
		return nil, err
	}
	defer shell.AtExit(&err, "close", a.Close)
	held, release, err := a.LockRun(ctx)
	var holder *state.HeldError
	switch {
	case errors.As(err, &holder):
		return c.handOver(ctx, a, f, only, noWait, holder)
	case err != nil:
		return nil, err
	}
	defer release()
	return a.Drive(held, c.Terminal, a.WritingEngine(), f.options("push", only))
}

// handOver leaves a request for the process that holds the lock, and waits for its report.
func (c *cli) handOver(ctx context.Context, a *app.App, f runFlags, only []string, noWait bool, holder *state.HeldError) (*ccsync.Report, error) {
	options, err := json.Marshal(pushRequest{Force: f.force, Full: f.full, Limit: f.limit, Only: only, Wait: !noWait})
	if err != nil {
		return nil, err
	}
	id, err := a.State.Ask(ctx, string(options))
	if err != nil {
		return nil, err
	}
	if noWait {
		c.Out.Printf("left to process %d on %s\n", holder.PID, holder.Host)
		return nil, nil
	}
	defer c.Err.EndLive()
	const (
		look  = 200 * time.Millisecond
		grace = 2 * time.Second // for a daemon that is being restarted: it takes the request up
	)
	began, seen := time.Now(), time.Now()
	for {
		c.Err.Live(c.Err.Text("process %d on %s does it, waiting for its report  %s", holder.PID, holder.Host, time.Since(began).Truncate(time.Second)))
		report, err := answer(ctx, a, id)
		if report != nil || err != nil {
			return report, err
		}
		if _, alive := a.Holder(); alive {
			seen = time.Now()
		} else if time.Since(seen) > grace {
			if held, release, err := a.LockRun(ctx); err == nil {
				defer release()
				return c.takeBack(held, a, id, f, only)
			}
		}
		if kit.Sleep(ctx, look) != nil {
			return nil, errors.Join(errors.New("interrupted; a run that has begun goes on without us"), withdraw(ctx, a, id))
		}
	}
}

// answer is the report that came for a request; nil while there is none. It is deleted, since it has addresses and values.
func answer(ctx context.Context, a *app.App, id int64) (*ccsync.Report, error) {
	text, err := a.State.Answer(ctx, id)
	if err != nil || text == "" {
		return nil, ignoreEnd(ctx, err)
	}
	var report ccsync.Report
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		return nil, errors.New("the process that holds the state database did not understand the request; it may be of another version")
	}
	return &report, a.State.SetAnswer(ctx, id, answerRead)
}

// ignoreEnd leaves it to the caller to notice that ctx has ended.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func withdraw(ctx context.Context, a *app.App, id int64) error {
	return a.State.SetAnswer(context.WithoutCancel(ctx), id, answerWithdrawn)
}

// takeBack runs here after all. The run lock is held.
func (c *cli) takeBack(held context.Context, a *app.App, id int64, f runFlags, only []string) (*ccsync.Report, error) {
	report, err := answer(held, a, id)
	if report != nil || err != nil {
		return report, err
	}
	if err := withdraw(held, a, id); err != nil {
		return nil, err
	}
	return a.Drive(held, c.Terminal, a.WritingEngine(), f.options("push", only))
}
