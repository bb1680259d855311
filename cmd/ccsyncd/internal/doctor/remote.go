package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/cmd/ccsyncd/internal/report"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/internal/kit"
	"ccsyncd/oauthdev"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// testConstantContact tests the links that need the network.
func (ch *chain) testConstantContact(ctx context.Context, a *app.App) {
	if a.State == nil {
		ch.fail("authorization", &oauthdev.LoginError{Reason: "nobody is logged in"}, "")
		return
	}
	if !ch.testLogin(ctx, a) {
		return
	}
	ch.testScopes(ctx, a)
	ch.testPrivileges(ctx, a)
	if a.Source != nil {
		ch.testNames(ctx, a)
	}
	ch.testNewcomers(ctx, a)
	ch.testClearing(ctx, a)
	ch.testSparing(ctx, a)
	ch.testDoubt(ctx, a)
	ch.testClock(a)
	ch.testQuota(ctx, a)
}

// testLogin proves the login by a real call.
func (ch *chain) testLogin(ctx context.Context, a *app.App) (ok bool) {
	const name = "authorization"
	who, err := a.Reader.Account(ctx)
	switch {
	case err == nil:
		return ch.testAccount(ctx, a, app.Account{ID: who.ID, Name: who.Name})
	case errors.Is(err, ccapi.ErrForbidden), errors.Is(err, ccapi.ErrNotFound):
		ch.note(name, "accepted, but the account's name is not available", "keep account_read in [auth] scopes, then run `ccsyncd auth login`; ccsyncd uses it to detect a login to a different account")
		return true
	default:
		ch.fail(name, err, "")
		return false
	}
}

func (ch *chain) testAccount(ctx context.Context, a *app.App, is app.Account) (ok bool) {
	const name = "authorization"
	was, err := a.Account(ctx)
	switch {
	case err != nil:
		ch.fail(name, err, "")
		return false
	case was.ID != "" && is.ID != "" && was.ID != is.ID:
		ch.fail(name, app.OtherAccount(was, is), "")
		return false
	}
	ch.ok(name, is.String())
	return true
}

// testScopes compares what was granted with what is needed.
func (ch *chain) testScopes(ctx context.Context, a *app.App) {
	const name = "scopes"
	s, err := a.Auth.Status(ctx)
	switch {
	case err != nil:
		ch.fail(name, err, "")
	case len(s.Scopes) > 0 && !slices.Contains(s.Scopes, "contact_data"):
		ch.fail(name, fmt.Errorf("contact_data is missing from %q: %w", strings.Join(s.Scopes, " "), ccapi.ErrForbidden), "add it to [auth] scopes, then run `ccsyncd auth login`")
	default:
		ch.ok(name, fmt.Sprintf("%s; the login expires on %s if not used", strings.Join(s.Scopes, " "), s.RefreshLapses.Format(time.DateOnly)))
	}
}

// testPrivileges looks what the user who approved may do. An account that does not tell is no
// failure.
func (ch *chain) testPrivileges(ctx context.Context, a *app.App) {
	const name = "privileges"
	has, err := a.Reader.Privileges(ctx)
	if err != nil {
		ch.note(name, "unknown: "+err.Error(), "")
		return
	}
	var missing []string
	for _, need := range []string{"contacts:read", "contacts:write"} {
		if !slices.Contains(has, need) {
			missing = append(missing, need)
		}
	}
	if len(missing) > 0 {
		ch.fail(name, fmt.Errorf("the user who approved the login lacks %s", strings.Join(missing, " and ")), "give that user this privilege in Constant Contact, or log in as another user")
		return
	}
	ch.ok(name, "contacts can be read and written")
}

// testNames looks up the configured custom fields and lists.
func (ch *chain) testNames(ctx context.Context, a *app.App) {
	bound, err := a.Engine().Bind(ctx)
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
			ch.note(name, fmt.Sprintf("%q does not exist yet", b.Wanted), "the first run creates it (create = true)")
		case b.Unproven:
			ch.note(name, fmt.Sprintf("%q found: label %q, name %s, type %s (unproven)", b.Wanted, b.Found.Label, b.Found.Name, b.Found.Type),
				"no one has observed yet how Constant Contact handles the choices of such a field; use a field of type string")
		case b.Kind == state.CustomField:
			ch.ok(name, fmt.Sprintf("%q found: label %q, name %s, type %s", b.Wanted, b.Found.Label, b.Found.Name, b.Found.Type))
		default:
			ch.ok(name, fmt.Sprintf("%q found: %q", b.Wanted, b.Found.Name))
		}
	}
}

// testNewcomers says how many users the last run left out since they are no contacts.
func (ch *chain) testNewcomers(ctx context.Context, a *app.App) {
	const name = "users"
	last, _, err := ccsync.ReadLastWhole(ctx, a.State)
	switch n := last.Skips[string(ccsync.NotAContact)]; {
	case err != nil:
		ch.fail(name, err, "")
	case n > 0 && !a.Config.Contacts.Create:
		ch.note(name, fmt.Sprintf("%s (run %d)", report.Newcomers(n), last.CoverageRun), report.NewcomersHint)
	}
}

// testClearing says why no value is cleared in this account, where that is so.
func (ch *chain) testClearing(ctx context.Context, a *app.App) {
	const name = "clearing"
	off, err := ccsync.ReadClearing(ctx, a.State)
	switch {
	case err != nil:
		ch.fail(name, err, "")
	case off != nil:
		ch.note(name, clearingText(off), "check this contact's permission in Constant Contact; for now, empty values there")
	}
}

// testSparing says why contacts that opted out are sent nothing though [contacts] unsubscribed is
// "update", where that is so.
func (ch *chain) testSparing(ctx context.Context, a *app.App) {
	const name = "unsubscribed"
	s, err := ccsync.ReadSparing(ctx, a.State)
	switch {
	case err != nil:
		ch.fail(name, err, "")
	case s != nil && a.Config.Contacts.Unsubscribed == config.Update:
		ch.note(name, fmt.Sprintf("an import subscribed a contact that had opted out on %s; ccsyncd sends nothing to contacts that opted out until %s",
			s.Since.Format(time.DateOnly), s.Until.Format(time.DateOnly)), "check the contacts that `ccsyncd problems` names")
	}
}

// testDoubt says how the account's count of contacts disagrees with what it shows.
func (ch *chain) testDoubt(ctx context.Context, a *app.App) {
	const name = "contacts"
	switch doubt, err := ccsync.ReadDoubt(ctx, a.State); {
	case err != nil:
		ch.fail(name, err, "")
	case doubt != "":
		ch.note(name, doubt, "")
	}
}

func clearingText(off *ccsync.Clearing) string {
	what := "clearing a value changed a contact's permission"
	if off.Contact != "" {
		what = fmt.Sprintf("clearing a value changed the permission of contact %s from %s to %s", off.Contact, off.Was, off.Is)
	}
	return fmt.Sprintf("%s on %s; ccsyncd clears nothing until %s", what, off.Since.Format(time.DateOnly), off.Until.Format(time.DateOnly))
}

// SkewTold is by how much clocks may differ before a person is told.
const SkewTold = time.Minute

func (ch *chain) testClock(a *app.App) {
	const name = "clock"
	skew, known := a.Reader.Clock()
	switch {
	case !known:
		ch.note(name, "Constant Contact's answers had no time", "")
	case skew.Abs() > SkewTold:
		ch.note(name, SkewText(skew), "set the clock (NTP); meanwhile ccsyncd uses Constant Contact's clock")
	default:
		ch.ok(name, "within a minute of Constant Contact's clock")
	}
}

func SkewText(skew time.Duration) string {
	if skew > 0 {
		return fmt.Sprintf("this machine is %s behind Constant Contact", term.Duration(skew))
	}
	return fmt.Sprintf("this machine is %s ahead of Constant Contact", term.Duration(-skew))
}

func (ch *chain) testQuota(ctx context.Context, a *app.App) {
	const name = "quota"
	u, err := a.Quota.Usage(ctx)
	switch {
	case err != nil:
		ch.fail(name, err, "")
	case u.Closed || u.Used >= u.Limit:
		ch.fail(name, &state.QuotaError{Used: u.Used, Limit: u.Limit, ResetsAt: u.ResetsAt}, "")
	default:
		ch.ok(name, fmt.Sprintf("%s of %s requests left today", kit.Count(u.Limit-u.Used), kit.Count(u.Limit)))
	}
}
