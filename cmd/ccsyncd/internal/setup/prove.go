package setup

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/internal/kit"
	"ccsyncd/source"
)

// until asks a question until the answer is proven. Where nobody is there to answer again, its
// error ends the command.
func (a *asker) until(flag string, question, prove func() error) error {
	for {
		if err := question(); err != nil {
			return err
		}
		err := prove()
		if err == nil || !a.asks || a.given(flag) {
			return err
		}
		_, hint := exit.Of(err)
		a.Complain(err.Error(), hint)
	}
}

const whereHint = "correct the condition (--where), or leave it out to use all rows"

// proveWhere counts the rows of the condition, and says how many they are.
func (f *Answers) proveWhere(ask *asker, at source.Config) (err error) {
	at.Table, at.Where, at.Email, at.Columns = f.Table, f.Where, f.Email, []string{f.Column}
	db, err := source.Open(ask.ctx, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	matching, all, err := db.Count(ask.ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		ask.Err.Printf("there are too many rows to count within %s\n", at.Timeout)
	case errors.Is(err, source.ErrConfig):
		return &exit.ConfigError{Message: err.Error(), Hint: whereHint}
	case err != nil:
		return err
	case all == 0:
		ask.Err.Printf("%s has no rows yet\n", f.Table)
	case matching == 0:
		return &exit.ConfigError{Message: fmt.Sprintf("where %s matches 0 of %s", f.Where, kit.Plural(all, "row", "rows")),
			Hint: whereHint}
	case f.Where == "":
		ask.Err.Printf("%s has %s\n", f.Table, kit.Plural(all, "row", "rows"))
	default:
		ask.Err.Printf("where %s matches %s of %s\n", f.Where, kit.Count(matching), kit.Plural(all, "row", "rows"))
	}
	return nil
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// proveClientID refuses what cannot be an API key. A variable that is not set yet may be set later.
func (f *Answers) proveClientID(ask *asker, dir string) error {
	wrong := func(what string) error {
		return &exit.ConfigError{Message: "client id " + what,
			Hint: "enter the API key that the developer portal shows for your application, or env:NAME for a variable"}
	}
	if name, ok := strings.CutPrefix(f.ClientID, "env:"); ok && !variable.MatchString(name) {
		return wrong("names no variable: " + f.ClientID)
	}
	id, err := config.Follow(f.ClientID, dir, ask.Getenv)
	switch unset := new(config.UnsetError); {
	case errors.As(err, &unset):
		return nil
	case err != nil:
		return wrong(err.Error())
	case strings.ContainsFunc(id, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsSpace(r) || unicode.IsControl(r) }):
		return wrong("has spaces, line breaks or letters that no API key has")
	case strings.ContainsAny(id, "\"'`<>$"):
		return wrong("has quotes or brackets around it, or an unreplaced variable")
	case strings.Contains(id, "://") || strings.Contains(id, "@"):
		return wrong("is an address")
	}
	return nil
}
