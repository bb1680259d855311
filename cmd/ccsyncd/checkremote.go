package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/oauthdev"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// testConstantContact tests the links that need the network.
func (a *app) testConstantContact(ctx context.Context, ch *chain) {
	if a.state == nil {
		ch.fail("authorization", &oauthdev.LoginError{Reason: "nobody has logged in yet"}, "")
		return
	}
	if !a.testLogin(ctx, ch) {
		return
	}
	a.testScopes(ctx, ch)
	a.testPrivileges(ctx, ch)
	if a.source != nil {
		a.testNames(ctx, ch)
	}
	a.testClearing(ctx, ch)
	a.testDoubt(ctx, ch)
	a.testClock(ch)
	a.testQuota(ctx, ch)
}

// testLogin proves the login by a real call.
func (a *app) testLogin(ctx context.Context, ch *chain) (ok bool) {
	const name = "authorization"
	who, err := a.read.Account(ctx)
	switch {
	case err == nil:
		return a.testAccount(ctx, ch, account{ID: who.ID, Name: who.Name})
	case errors.Is(err, ccapi.ErrForbidden), errors.Is(err, ccapi.ErrNotFound):
		ch.note(name, "accepted, but the account does not tell its name", "keep account_read in [auth] scopes, then log in again: it guards against another account")
		return true
	default:
		ch.fail(name, err, "")
		return false
	}
}

func (a *app) testAccount(ctx context.Context, ch *chain, is account) (ok bool) {
	const name = "authorization"
	was, err := a.account(ctx)
	switch {
	case err != nil:
		ch.fail(name, err, "")
		return false
	case was.ID != "" && is.ID != "" && was.ID != is.ID:
		ch.fail(name, otherAccount(was, is), "")
		return false
	}
	ch.ok(name, is.String())
	return true
}

// testScopes compares what was granted with what is needed.
func (a *app) testScopes(ctx context.Context, ch *chain) {
	const name = "scopes"
	s, err := a.auth.Status(ctx)
	switch {
	case err != nil:
		ch.fail(name, err, "")
	case len(s.Scopes) > 0 && !slices.Contains(s.Scopes, "contact_data"):
		ch.fail(name, fmt.Errorf("contact_data is missing: %s: %w", strings.Join(s.Scopes, " "), ccapi.ErrForbidden), "name it in [auth] scopes, then run `ccsyncd auth login`")
	default:
		ch.ok(name, fmt.Sprintf("%s; unused, the login lapses on %s", strings.Join(s.Scopes, " "), s.RefreshLapses.Format(time.DateOnly)))
	}
}

// testPrivileges looks what the user who approved may do. An account that does not tell is no failure.
func (a *app) testPrivileges(ctx context.Context, ch *chain) {
	const name = "privileges"
	has, err := a.read.Privileges(ctx)
	if err != nil {
		ch.note(name, "not told: "+err.Error(), "")
		return
	}
	var missing []string
	for _, need := range []string{"contacts:read", "contacts:write"} {
		if !slices.Contains(has, need) {
			missing = append(missing, need)
		}
	}
	if len(missing) > 0 {
		ch.fail(name, fmt.Errorf("the user who approved lacks %s", strings.Join(missing, " and ")), "give that user the right in Constant Contact, or log in as another one")
		return
	}
	ch.ok(name, "contacts may be read and written")
}

// testNames looks up the configured custom fields and lists.
func (a *app) testNames(ctx context.Context, ch *chain) {
	bound, err := a.engine().Bind(ctx)
	if err != nil {
		ch.fail("fields and lists", err, "")
		return
	}
	for _, b := range bound {
		name := strings.ReplaceAll(b.Kind, "_", " ")
		switch {
		case b.Err != nil:
			ch.fail(name, b.Err, "")
		case b.Create:
			ch.note(name, fmt.Sprintf("%q is not there yet", b.Wanted), "the first run makes it (create = true)")
		case b.Unproven:
			ch.note(name, fmt.Sprintf("%q is %q (name %s, type %s), which is unproven", b.Wanted, b.Found.Label, b.Found.Name, b.Found.Type),
				"nobody has seen yet how Constant Contact takes the choices of a select field; a field of type string is safe")
		case b.Kind == state.CustomField:
			ch.ok(name, fmt.Sprintf("%q is %q (name %s, type %s)", b.Wanted, b.Found.Label, b.Found.Name, b.Found.Type))
		default:
			ch.ok(name, fmt.Sprintf("%q is %q", b.Wanted, b.Found.Name))
		}
	}
}

// testClearing says why no value is cleared in this account, where that is so.
func (a *app) testClearing(ctx context.Context, ch *chain) {
	const name = "clearing"
	off, err := ccsync.ReadClearing(ctx, a.state)
	switch {
	case err != nil:
		ch.fail(name, err, "")
	case off != nil:
		ch.note(name, clearingText(off), "look at that contact in Constant Contact, and empty values there meanwhile")
	}
}

// testDoubt says how the account's count of contacts disagrees with what it shows.
func (a *app) testDoubt(ctx context.Context, ch *chain) {
	const name = "contacts"
	switch doubt, err := ccsync.ReadDoubt(ctx, a.state); {
	case err != nil:
		ch.fail(name, err, "")
	case doubt != "":
		ch.note(name, doubt, "")
	}
}

func clearingText(off *ccsync.Clearing) string {
	what := "putting a contact back changed its permission"
	if off.Contact != "" {
		what = fmt.Sprintf("putting the contact %s back changed its permission from %s to %s", off.Contact, off.Was, off.Is)
	}
	return fmt.Sprintf("%s on %s, so nothing is cleared until %s", what, off.Since.Format(time.DateOnly), off.Until.Format(time.DateOnly))
}

// skewTold is by how much clocks may differ before a person is told.
const skewTold = time.Minute

func (a *app) testClock(ch *chain) {
	const name = "clock"
	skew, known := a.read.Clock()
	switch {
	case !known:
		ch.note(name, "Constant Contact did not tell its time", "")
	case skew.Abs() > skewTold:
		ch.note(name, skewText(skew), "set the clock (NTP); ccsyncd goes by Constant Contact's clock meanwhile")
	default:
		ch.ok(name, "within a minute of Constant Contact's")
	}
}

func skewText(skew time.Duration) string {
	if skew > 0 {
		return fmt.Sprintf("this machine is %s behind Constant Contact", term.Duration(skew))
	}
	return fmt.Sprintf("this machine is %s ahead of Constant Contact", term.Duration(-skew))
}

func (a *app) testQuota(ctx context.Context, ch *chain) {
	const name = "quota"
	u, err := a.quota.Usage(ctx)
	switch {
	case err != nil:
		ch.fail(name, err, "")
	case u.Closed || u.Used >= u.Limit:
		ch.fail(name, &state.QuotaError{Used: u.Used, Limit: u.Limit, ResetsAt: u.ResetsAt}, "")
	default:
		ch.ok(name, fmt.Sprintf("%s of %s requests left today", term.Count(u.Limit-u.Used), term.Count(u.Limit)))
	}
}
