// Package setup asks the questions of `ccsyncd init`, guesses what it can, and writes the file.
package setup

import (
	"context"
	"errors"
	"slices"
	"time"

	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/source"
)

// Answers are the answers to the questions of init: what the configuration will say.
type Answers struct {
	DSN, Driver, Table, Where, Email, Key string
	Column, CustomField, ClientID         string
}

// Ask settles all answers: those that were given as flags, as given tells by their names, and the
// others by a guess and, on a terminal, a question. dir is the folder of the configuration. Its
// error is an *UnansweredError where nobody was there to answer.
func Ask(ctx context.Context, sh *shell.Shell, given func(flag string) bool, f *Answers, dir string) error {
	ask := newAsker(ctx, sh, given)
	at, table, err := lookAt(ask, f, dir)
	if err != nil {
		return err
	}
	if err := askColumns(ask, f, table); err != nil {
		return err
	}
	where := func() error {
		return ask.optional(&f.Where, "where", "only rows that match (an SQL condition, - for all rows)", guessWhere(table))
	}
	if err := ask.until("where", where, func() error { return f.proveWhere(ask, at) }); err != nil {
		return err
	}
	if err := ask.text(&f.CustomField, "custom-field", "the contact's custom field, created if it does not exist", f.Column); err != nil {
		return err
	}
	clientID := func() error {
		return ask.text(&f.ClientID, "client-id", "the API key of your application, or env:NAME", "env:CC_CLIENT_ID")
	}
	return ask.until("client-id", clientID, func() error { return f.proveClientID(ask, dir) })
}

// lookAt finds the database and in it the table with the users.
func lookAt(ask *asker, f *Answers, dir string) (at source.Config, table source.Table, err error) {
	guess := ""
	if ask.Getenv("DATABASE_URL") != "" {
		guess = "env:DATABASE_URL"
	} else if !ask.given("dsn") {
		ask.tellOfEnvFile()
	}
	if err := ask.text(&f.DSN, "dsn", "the app's database (a path, a URL, or env:NAME)", guess); err != nil {
		return at, table, err
	}
	dsn, err := config.Follow(f.DSN, dir, ask.Getenv)
	if err != nil {
		hint := "enter the URL of the app's database, env:NAME for a variable, or the path of its SQLite file"
		if unset := new(config.UnsetError); errors.As(err, &unset) {
			hint = unset.Hint()
		}
		return at, table, &exit.ConfigError{Message: "dsn " + err.Error(), Hint: hint}
	}
	const patience = 30 * time.Second
	at = source.Config{DSN: dsn, Driver: f.Driver, Dir: dir, Timeout: patience}
	tables, err := source.Inspect(ask.ctx, at)
	if err != nil {
		return at, table, err
	}
	if err := ask.choose(&f.Table, "table", "the table with the users", tableNames(tables), guessTable(tables)); err != nil {
		return at, table, err
	}
	return at, tables[slices.IndexFunc(tables, func(t source.Table) bool { return t.Name == f.Table })], nil
}

// tellOfEnvFile names the app's own file where it has the database's URL: nobody wants to type
// that.
func (a *asker) tellOfEnvFile() {
	const app = ".env"
	if vars, err := config.ReadEnvFile(app); err == nil && vars["DATABASE_URL"] != "" && a.EnvFile == "" {
		a.Err.Printf("%s has DATABASE_URL: `ccsyncd init --env-file %s` uses it\n", app, app)
	}
}

// askColumns settles the columns, and shows a few rows.
func askColumns(ask *asker, f *Answers, table source.Table) error {
	columns := columnNames(table)
	if err := ask.choose(&f.Email, "email", "the column with the email address", columns, guessEmail(columns)); err != nil {
		return err
	}
	if err := ask.choose(&f.Column, "column", "the column with the short code", columns, guessCode(columns)); err != nil {
		return err
	}
	if f.Key == "" {
		f.Key = guessKey(table)
	}
	showSample(ask.Shell, table, f)
	return nil
}

// showSample shows a few rows, so that a wrong column is seen at once.
func showSample(sh *shell.Shell, table source.Table, f *Answers) {
	if len(table.Sample) == 0 {
		sh.Err.Printf("%s has no rows to show\n", table.Name)
		return
	}
	t := &term.Table{}
	for _, column := range table.Columns {
		t.Columns = append(t.Columns, term.Column{Title: column.Name, Wrap: true})
	}
	for _, row := range table.Sample {
		cells := make([]any, len(row))
		for i, value := range row {
			cells[i] = maskCell(table.Columns[i], value, f.Email)
		}
		t.Add(cells...)
	}
	sh.Err.Printf("%s, some rows (values masked):\n\n", table.Name)
	sh.Err.Table(t)
	sh.Err.Printf("\n")
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
