package app

import (
	"context"
	"time"
)

// LoginStatus is what `auth status` tells; the JSON form is this struct.
type LoginStatus struct {
	Schema     int       `json:"schema"` // 1
	Authorized bool      `json:"authorized"`
	Reason     string    `json:"reason,omitempty"`
	Account    Account   `json:"account"`
	Scopes     []string  `json:"scopes"`
	Access     lifetime  `json:"access_token"`
	Refresh    lifetime  `json:"refresh_token"`
	LongLived  bool      `json:"long_lived"`
	InDoubt    bool      `json:"in_doubt,omitempty"`
	DoubtSince time.Time `json:"in_doubt_since,omitzero"`
	NextTry    time.Time `json:"next_try,omitzero"`
	DeadSince  time.Time `json:"dead_since,omitzero"`
	Pending    time.Time `json:"pending_until,omitzero"`
}

type Account struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

type lifetime struct {
	ObtainedAt time.Time `json:"obtained_at,omitzero"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
}

func (a *App) LoginStatus(ctx context.Context) (LoginStatus, error) {
	s, err := a.Auth.Status(ctx)
	if err != nil {
		return LoginStatus{}, err
	}
	who, err := a.Account(ctx)
	return LoginStatus{
		Schema:     1,
		Authorized: s.Authorized, Reason: s.Reason, Account: who, Scopes: append([]string{}, s.Scopes...),
		Access: lifetime{s.Obtained, s.Expires}, Refresh: lifetime{s.RefreshObtained, s.RefreshLapses},
		LongLived: s.LongLived, InDoubt: s.InDoubt, DoubtSince: s.DoubtSince, NextTry: s.NextTry,
		DeadSince: s.DeadSince, Pending: s.PendingUntil,
	}, err
}

// Names under which the state file keeps the account that it belongs to.
const (
	factAccountID   = "account_id"
	factAccountName = "account_name"
)

// Account is the account that this state file belongs to, as far as a login has told.
func (a *App) Account(ctx context.Context) (who Account, err error) {
	if who.ID, err = a.State.Fact(ctx, factAccountID); err != nil {
		return who, err
	}
	who.Name, err = a.State.Fact(ctx, factAccountName)
	return who, err
}

// String names the account for people.
func (a Account) String() string {
	switch {
	case a.Name == "":
		return a.ID
	case a.ID == "":
		return a.Name
	default:
		return a.Name + " (" + a.ID + ")"
	}
}
