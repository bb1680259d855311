package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"ccsyncd/ccapi"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/exit"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/oauthdev"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// loginVault is the name under which the state file keeps the tokens.
const loginVault = "login"

// StartLogin gives the code that a person has to approve: that of an earlier login which waits
// still, or a new one.
func (a *App) StartLogin(ctx context.Context) (device *oauthdev.Device, resumed bool, err error) {
	if err := a.home().LoggedIn(ctx, a.State, false); err != nil {
		return nil, false, err
	}
	if device, err = a.Auth.Pending(ctx); err != nil || device != nil {
		return device, true, err
	}
	device, err = a.Auth.Start(ctx)
	return device, false, err
}

// prove makes a real call with the token, before it is stored: somebody who approved with a portal
// login that belongs to no account gets a token that looks like any other. An account that does not
// tell its name is proven by its contacts.
func (a *App) prove(ctx context.Context, t *oauth2.Token) (Account, error) {
	reader := ccapi.NewReader(a.Config.Endpoints.API, &http.Client{Transport: a.door}, oauthdev.Static(t))
	who, err := reader.Account(ctx)
	if err == nil {
		return Account{ID: who.ID, Name: who.Name}, nil
	}
	if !errors.As(err, new(*ccapi.Error)) || errors.Is(err, ccapi.ErrUnauthorized) {
		return Account{}, notProven(err)
	}
	for _, err := range reader.Contacts(ctx, ccapi.ContactsQuery{}) {
		if err != nil {
			return Account{}, notProven(err)
		}
		break
	}
	return Account{}, nil
}

func notProven(err error) error {
	switch {
	case errors.Is(err, ccapi.ErrUnauthorized):
		return fmt.Errorf("the login was approved, but the user who approved it belongs to no account (a developer portal login is not enough); "+
			"sign out in that browser and approve again as a user of the account; nothing was stored: %w", err)
	case errors.Is(err, ccapi.ErrForbidden):
		return fmt.Errorf("the login was approved, but cannot read contacts; the scope contact_data or the user's privilege for contacts is missing; nothing was stored: %w", err)
	default:
		return fmt.Errorf("the login could not be tested with a real request; nothing was stored: %w", err)
	}
}

// Login proves a login that was approved and stores it. For another account than before the run
// lock must be held.
func (a *App) Login(ctx context.Context, t *oauth2.Token, switchAccount bool) (Account, error) {
	who, err := a.prove(ctx, t)
	if err != nil {
		return Account{}, err
	}
	return who, a.accept(ctx, t, who, switchAccount)
}

// accept stores a proven login, if it is for the account that this state file belongs to. For
// another one the run lock must be held.
func (a *App) accept(ctx context.Context, t *oauth2.Token, who Account, switchAccount bool) error {
	was, err := a.Account(ctx)
	if err != nil {
		return err
	}
	if was.ID != "" && was.ID != who.ID {
		if !switchAccount {
			return OtherAccount(was, who)
		}
		if err := a.forgetAccount(ctx); err != nil {
			return err
		}
	}
	// before the tokens are kept that may be sent there alone
	if err := a.home().LoggedIn(ctx, a.State, true); err != nil {
		return err
	}
	if err := a.Auth.Accept(ctx, t); err != nil {
		return err
	}
	return a.State.SetFacts(ctx, map[string]string{factAccountID: who.ID, factAccountName: who.Name})
}

// forgetAccount drops what belongs to the old account: its contacts, and the ids of its fields and
// lists. It waits for a dry run that is reading contacts.
func (a *App) forgetAccount(ctx context.Context) error {
	held, release, err := a.State.Lock(ctx, state.MirrorLock)
	for errors.As(err, new(*state.HeldError)) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		held, release, err = a.State.Lock(ctx, state.MirrorLock)
	}
	if err != nil {
		return err
	}
	defer release()
	return ccsync.ForgetAccount(held, a.State)
}

func OtherAccount(was, is Account) error {
	if is.ID == "" {
		return &exit.ConfigError{
			Message: fmt.Sprintf("the account of this login is unknown, and the state file belongs to %s; nothing was stored", was),
			Hint:    "keep account_read in [auth] scopes and run `ccsyncd auth login` again",
		}
	}
	return &exit.ConfigError{
		Message: fmt.Sprintf("this login is for the account %s, but the state file belongs to %s; nothing was stored", is, was),
		Hint:    "log in as a user of that account, or use another state file ([state] path); `ccsyncd auth login --switch-account` deletes the local copy of the old account",
	}
}

// LogOut forgets the tokens, also those that a lost state key sealed.
func LogOut(ctx context.Context, cfg *config.Config) (err error) {
	db, err := state.OpenSealed(ctx, cfg.State.Path)
	if err != nil {
		return err
	}
	defer shell.AtExit(&err, "close", db.Close)
	if err := oauthdev.New(oauthdev.Config{ClientID: cfg.Auth.ClientID}, db.Vault(loginVault)).Forget(ctx); err != nil {
		return fmt.Errorf("delete the tokens: %w", err)
	}
	if err := db.Wipe(ctx); err != nil {
		return fmt.Errorf("the tokens are deleted: %w", err)
	}
	return nil
}
