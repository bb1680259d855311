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

const initHelp = `Looks at the app's database, guesses the table and its columns, shows three rows
with their values masked, asks for what is left, and writes a commented
ccsync.toml. Every answer is a flag too; without a terminal nothing is asked,
and what cannot be guessed has to be given.

  ccsyncd init --dsn env:DATABASE_URL --table users --email email \
    --column short_code`

func (c *cli) initCommand() *cobra.Command {
	var f setup.Answers
	var force bool
	cmd := &cobra.Command{
		Use: "init", Short: "Ask a few questions and write a commented ccsync.toml", Long: initHelp, GroupID: groupSetUp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.initialise(cmd, &f, force) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.DSN, "dsn", "", "the app's database: a path, a `URL`, or env:NAME (default: env:DATABASE_URL where that is set)")
	flags.StringVar(&f.Driver, "driver", "", "`NAME` of the driver: sqlite, postgres or mysql, where the dsn does not tell")
	flags.StringVar(&f.Table, "table", "", "the `TABLE` with the users")
	flags.StringVar(&f.Where, "where", "", "an SQL `CONDITION` on its rows")
	flags.StringVar(&f.Email, "email", "", "the `COLUMN` with the address")
	flags.StringVar(&f.Key, "key", "", "the `COLUMN` that names a user in reports (default: the primary key)")
	flags.StringVar(&f.Column, "column", "", "the `COLUMN` with the short code")
	flags.StringVar(&f.CustomField, "custom-field", "", "the custom field of the contact, by `NAME` or label (default: like the column)")
	flags.StringVar(&f.ClientID, "client-id", "", "the `API-KEY` of your application (default: env:CC_CLIENT_ID)")
	flags.BoolVar(&force, "force", false, "replace a configuration that exists")
	return cmd
}

func (c *cli) initialise(cmd *cobra.Command, f *setup.Answers, force bool) error {
	path := cmp.Or(c.ConfigPath, cmp.Or(c.Getenv("CCSYNC_CONFIG"), "ccsync.toml"))
	switch _, err := os.Stat(path); {
	case err == nil && !force:
		return shell.Misused(cmd, fmt.Errorf("%s exists; --force replaces it", path))
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
		c.Next("ccsyncd auth login, once the variable %s has the API key of your application; ccsyncd sandbox --contacts-from-config is a trial without one", name)
	} else {
		c.Next("ccsyncd auth login")
	}
	return nil
}
