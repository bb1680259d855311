package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/setup"
	"ccsyncd/cmd/ccsyncd/internal/shell"
)

const initHelp = `Look at the app's database, guess the table and its columns, and show three rows
with masked values. Ask for the rest, and write a commented ccsync.toml. Every
answer is also a flag. Without a terminal nothing is asked, so every answer
without a guess must be given as a flag.`

const initExamples = `  ccsyncd init
  ccsyncd init --dsn env:DATABASE_URL --table users --email email \
    --column short_code`

func (c *cli) initCommand() *cobra.Command {
	var f setup.Answers
	var force bool
	cmd := &cobra.Command{
		Use: "init", Short: "Ask a few questions and write ccsync.toml", Long: initHelp, Example: initExamples, GroupID: groupSetUp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.initialise(cmd, &f, force) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.DSN, "dsn", "", "the app's database: a path, a `URL`, or env:NAME (default: env:DATABASE_URL if set)")
	flags.StringVar(&f.Driver, "driver", "", "database driver, if the dsn does not name it: `sqlite|postgres|mysql`")
	flags.StringVar(&f.Table, "table", "", "the `TABLE` with the users")
	flags.StringVar(&f.Where, "where", "", "only rows that match this SQL `CONDITION`")
	flags.StringVar(&f.Email, "email", "", "the `COLUMN` with the email address")
	flags.StringVar(&f.Key, "key", "", "the `COLUMN` that names a user in reports (default: the primary key)")
	flags.StringVar(&f.Column, "column", "", "the `COLUMN` with the short code")
	flags.StringVar(&f.CustomField, "custom-field", "", "the contact's custom field, by `NAME` or label (default: same as the column)")
	flags.StringVar(&f.ClientID, "client-id", "", "the `API-KEY` of your application (default: env:CC_CLIENT_ID)")
	flags.BoolVar(&force, "force", false, "overwrite an existing configuration")
	return cmd
}

func (c *cli) initialise(cmd *cobra.Command, f *setup.Answers, force bool) error {
	path := cmp.Or(c.ConfigPath, cmp.Or(c.Getenv("CCSYNC_CONFIG"), "ccsync.toml"))
	switch _, err := os.Stat(path); {
	case err == nil && !force:
		return shell.Misused(cmd, fmt.Errorf("%s exists; --force overwrites it", path))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	err := setup.Ask(cmd.Context(), c.Shell, cmd.Flags().Changed, f, filepath.Dir(path))
	if errors.As(err, new(*setup.UnansweredError)) {
		return shell.Misused(cmd, err)
	}
	if err != nil {
		return err
	}
	if err := f.Write(path); err != nil {
		return err
	}
	c.Out.Printf("wrote %s\n", path)
	if name, ok := strings.CutPrefix(f.ClientID, "env:"); ok && c.Getenv(name) == "" {
		c.Next("ccsyncd auth login, after setting %s to the API key of your application", name)
		c.Next("ccsyncd sandbox --contacts-from-config, for a trial without an API key")
	} else {
		c.Next("ccsyncd auth login")
	}
	return nil
}
