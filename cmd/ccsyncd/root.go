package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/daemon"
	"ccsyncd/cmd/ccsyncd/internal/shell"
)

const rootHelp = `ccsyncd copies the short codes of your app's users to their contacts at
Constant Contact and keeps both in step.

Without a command it runs as a daemon: it compares the app's table with the
account on a schedule and sends the differences. SIGTERM or SIGINT stops it,
SIGHUP reloads the configuration.

To get started:
  ccsyncd init          write ccsync.toml
  ccsyncd auth login    authorize once, on any phone
  ccsyncd check         test configuration, databases, login and fields
  ccsyncd --dry-run     show what would change; change nothing
  ccsyncd               run the daemon

Exit codes:
   0  done (dry run: planned)
   1  failed: an error that retries did not fix
   2  --dry-run --detailed-exitcode: changes are pending
   3  partial: some changes were rejected or could not be verified
   4  not authorized: run ccsyncd auth login
   5  refused by the guard
   6  deferred: today's quota is used up; the rest follows after 00:00 UTC
   7  another process holds the state file
  64  wrong usage
  78  wrong configuration`

// Groups of commands in the help.
const (
	groupSetUp = "setup"
	groupRun   = "run"
	groupLook  = "look"
	groupTry   = "try"
)

// root builds the tree of commands.
func (c *cli) root() *cobra.Command {
	var flags runFlags
	root := &cobra.Command{
		Use:     "ccsyncd",
		Short:   "Keep the short codes in Constant Contact in step with your app's table",
		Long:    rootHelp,
		Version: c.Version,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(cmd); err != nil {
				return err
			}
			if flags.dryRun || flags.once {
				return c.once(cmd.Context(), flags)
			}
			return daemon.Run(cmd.Context(), c.Shell)
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return c.prepare(cmd) },
		SilenceErrors:     true, SilenceUsage: true,
	}
	flags.add(root)
	root.Flags().BoolVar(&flags.dryRun, "dry-run", false, "show what a run would change; change nothing")
	root.Flags().BoolVar(&flags.once, "once", false, "run once, then exit")
	root.Flags().BoolVar(&flags.detailed, "detailed-exitcode", false, "with --dry-run: exit with 2 if changes are pending")
	root.Flags().BoolVar(&flags.reveal, "reveal", false, "with --dry-run: show values in full")
	all := root.PersistentFlags()
	all.StringVar(&c.ConfigPath, "config", "", "configuration file `PATH` (default: $CCSYNC_CONFIG, ./ccsync.toml, /etc/ccsync/ccsync.toml)")
	all.StringVar(&c.EnvFile, "env-file", "", "read variables for env: from lines NAME=value of a `FILE`; the environment takes precedence")
	all.StringVar(&c.LogLevel, "log-level", "", "log level: `debug|info|warn|error`")
	all.BoolVar(&c.NoColor, "no-color", false, "do not use colours")
	root.AddGroup(
		&cobra.Group{ID: groupSetUp, Title: "Set up:"}, &cobra.Group{ID: groupRun, Title: "Run:"},
		&cobra.Group{ID: groupLook, Title: "Look:"}, &cobra.Group{ID: groupTry, Title: "Try:"},
	)
	root.AddCommand(c.commands()...)
	root.SetVersionTemplate("ccsyncd {{.Version}}\n")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages |", ".FlagUsagesWrapped 80 |"))
	root.SetHelpCommand(c.helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	describeCompletion(root)
	completeValues(root)
	strict(root)
	return root
}

// prepare looks at the flags that every command has.
func (c *cli) prepare(cmd *cobra.Command) error {
	c.OpenTerminal()
	switch c.LogLevel {
	case "", "debug", "info", "warn", "error":
		return c.UseEnvFile()
	}
	return shell.Misused(cmd, errors.New("--log-level must be debug, info, warn or error, not "+c.LogLevel))
}

// strict makes every command of the tree refuse what it does not understand, with an error that is
// wrong usage. cobra by itself prints the help of a parent and ends well when a subcommand is
// misspelt.
func strict(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(shell.Misused)
	args := cmd.Args
	cmd.Args = func(cmd *cobra.Command, given []string) error {
		switch {
		case cmd.HasAvailableSubCommands() && len(given) > 0:
			return shell.Misused(cmd, unknownCommand(cmd, given[0]))
		case args == nil:
			return nil
		}
		if err := args(cmd, given); err != nil {
			return shell.Misused(cmd, wrongCount(cmd, given, err))
		}
		return nil
	}
	if !cmd.Runnable() {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			var names []string
			for _, sub := range cmd.Commands() {
				names = append(names, sub.Name())
			}
			return shell.Misused(cmd, fmt.Errorf("%q needs a command: %s", cmd.CommandPath(), strings.Join(names, ", ")))
		}
	}
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
}

// wrongCount says in words which arguments a command takes; cobra counts only.
func wrongCount(cmd *cobra.Command, given []string, err error) error {
	switch _, takes, ok := strings.Cut(cmd.Use, " "); {
	case !ok && len(given) > 0:
		return fmt.Errorf("%q takes no arguments", cmd.CommandPath())
	case ok && len(given) == 0:
		return fmt.Errorf("%q needs %s", cmd.CommandPath(), takes)
	case ok:
		return fmt.Errorf("%q takes %s: %w", cmd.CommandPath(), takes, err)
	}
	return err
}

func unknownCommand(cmd *cobra.Command, given string) error {
	text := fmt.Sprintf("unknown command %q for %q", given, cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(given); len(near) > 0 {
		text += ", did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(text)
}

// helpCommand is cobra's, but that an unknown topic is wrong usage.
func (c *cli) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show help for a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return shell.Misused(cmd, fmt.Errorf("unknown command %q", strings.Join(args, " ")))
			}
			return topic.Help()
		},
	}
}
