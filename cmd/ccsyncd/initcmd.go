package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/source"
)

const initHelp = `Looks at the app's database, guesses the table and its columns, shows three rows
with their values masked, asks for what is left, and writes a commented
ccsync.toml. Every answer is a flag too; without a terminal nothing is asked,
and what cannot be guessed has to be given.

  ccsyncd init --dsn env:DATABASE_URL --table users --email email \
    --column short_code`

// initFlags are the answers to the questions of init.
type initFlags struct {
	dsn, driver, table, where, email, key string
	column, customField, clientID         string
	force                                 bool
}

func (c *cli) initCommand() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use: "init", Short: "Ask a few questions and write a commented ccsync.toml", Long: initHelp, GroupID: groupSetUp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.initialise(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dsn, "dsn", "", "the app's database: a path, a `URL`, or env:NAME (default: env:DATABASE_URL where that is set)")
	flags.StringVar(&f.driver, "driver", "", "`NAME` of the driver: sqlite, postgres or mysql, where the dsn does not tell")
	flags.StringVar(&f.table, "table", "", "the `TABLE` with the users")
	flags.StringVar(&f.where, "where", "", "an SQL `CONDITION` on its rows")
	flags.StringVar(&f.email, "email", "", "the `COLUMN` with the address")
	flags.StringVar(&f.key, "key", "", "the `COLUMN` that names a user in reports (default: the primary key)")
	flags.StringVar(&f.column, "column", "", "the `COLUMN` with the short code")
	flags.StringVar(&f.customField, "custom-field", "", "the custom field of the contact, by `NAME` or label (default: like the column)")
	flags.StringVar(&f.clientID, "client-id", "", "the `API-KEY` of your application (default: env:CC_CLIENT_ID)")
	flags.BoolVar(&f.force, "force", false, "replace a configuration that exists")
	return cmd
}

func (c *cli) initialise(cmd *cobra.Command, f *initFlags) error {
	path := cmp.Or(c.ConfigPath, cmp.Or(c.Getenv("CCSYNC_CONFIG"), "ccsync.toml"))
	switch _, err := os.Stat(path); {
	case err == nil && !f.force:
		return shell.Misused(cmd, fmt.Errorf("%s exists; --force replaces it", path))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	ask := newAnswers(cmd, c)
	table, err := c.lookAt(ask, f, filepath.Dir(path))
	if err == nil {
		err = c.answer(ask, f, table)
	}
	if errors.As(err, new(*unansweredError)) {
		return shell.Misused(cmd, err)
	}
	if err != nil {
		return err
	}
	if err := f.write(path); err != nil {
		return err
	}
	c.Out.Printf("wrote %s\n", path)
	if name, ok := strings.CutPrefix(f.clientID, "env:"); ok && c.Getenv(name) == "" {
		c.Next("ccsyncd auth login, once the variable %s has the API key of your application", name)
	} else {
		c.Next("ccsyncd auth login")
	}
	return nil
}

// lookAt finds the database and in it the table with the users.
func (c *cli) lookAt(ask *answers, f *initFlags, dir string) (source.Table, error) {
	guess := ""
	if c.Getenv("DATABASE_URL") != "" {
		guess = "env:DATABASE_URL"
	}
	if err := ask.text(&f.dsn, "dsn", "the app's database (a path, a URL, or env:NAME)", guess); err != nil {
		return source.Table{}, err
	}
	dsn, err := config.Follow(f.dsn, dir, c.Getenv)
	if err != nil {
		return source.Table{}, &exit.ConfigError{Message: "dsn " + err.Error(), Hint: "name the place of the app's database URL, or the path of its SQLite file"}
	}
	const patience = 30 * time.Second
	tables, err := source.Inspect(ask.ctx, source.Config{DSN: dsn, Driver: f.driver, Dir: dir, Timeout: patience})
	if err != nil {
		return source.Table{}, err
	}
	if err := ask.choose(&f.table, "table", "the table with the users", tableNames(tables), guessTable(tables)); err != nil {
		return source.Table{}, err
	}
	return tables[slices.IndexFunc(tables, func(t source.Table) bool { return t.Name == f.table })], nil
}

// answer settles what the file needs beside the table.
func (c *cli) answer(ask *answers, f *initFlags, table source.Table) error {
	columns := columnNames(table)
	if err := ask.choose(&f.email, "email", "the column with the address", columns, guessEmail(columns)); err != nil {
		return err
	}
	if err := ask.choose(&f.column, "column", "the column with the short code", columns, guessCode(columns)); err != nil {
		return err
	}
	c.showSample(table, f)
	if err := ask.optional(&f.where, "where", "only rows where (a condition in SQL, - for all)", guessWhere(columns)); err != nil {
		return err
	}
	if err := ask.text(&f.customField, "custom-field", "the custom field of the contact, made if it is not there", f.column); err != nil {
		return err
	}
	return ask.text(&f.clientID, "client-id", "the API key of your application, or the variable that has it", "env:CC_CLIENT_ID")
}

// showSample shows a few rows, so that a wrong column is seen at once.
func (c *cli) showSample(table source.Table, f *initFlags) {
	if len(table.Sample) == 0 {
		c.Err.Printf("%s has no rows to show\n", table.Name)
		return
	}
	t := &term.Table{}
	for _, column := range table.Columns {
		t.Columns = append(t.Columns, term.Column{Title: column.Name, Wrap: true})
	}
	for _, row := range table.Sample {
		cells := make([]any, len(row))
		for i, value := range row {
			cells[i] = maskCell(table.Columns[i], value, f.email)
		}
		t.Add(cells...)
	}
	c.Err.Printf("%s, some rows (values masked):\n\n", table.Name)
	c.Err.Table(t)
	c.Err.Printf("\n")
}

// maskCell hides most of a value; a number that names a row harms nobody.
func maskCell(column source.Column, value, email string) string {
	switch {
	case column.Name == email:
		return term.MaskAddress(value)
	case column.PrimaryKey:
		return value
	default:
		return term.Mask(value)
	}
}
