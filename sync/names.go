package sync

import (
	"context"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/push"
	"ccsyncd/sync/state"
	"ccsyncd/sync/users"
)

// What the engine's packages define and its callers name: they import the engine alone.
type (
	// Field maps one source column to a custom field or to a standard property.
	Field = contact.Field
	// Reason says why a row is not sent.
	Reason = contact.Reason
	// SetupError says that the account lacks, or has lost, what the configuration maps.
	SetupError = contact.SetupError
	// Source counts the rows of the app's table.
	Source = users.Source
	// Skipped is one row that is not sent, and why.
	Skipped = users.Skipped
	// SourceError says that the app's database could not be read to its end.
	SourceError = users.SourceError
	// Mirrored tells how the mirror was refreshed: "snapshot", "incremental" or "none".
	Mirrored = mirror.Told
	// Guard holds the limits beyond which a plan looks like an accident.
	Guard = plan.Guard
	// Verdict is the guard's.
	Verdict = plan.Verdict
	// Action is what is done to a contact.
	Action = plan.Action
	// Summary counts contacts (Joins: memberships, Skipped: rows).
	Summary = plan.Summary
	// Coverage is the figure of the mission.
	Coverage = plan.Coverage
	// Change is one contact that the plan changes.
	Change = plan.Change
	// Fields are the values that a change replaces, by source column.
	Fields = plan.Fields
	// FieldChange is one of them.
	FieldChange = plan.FieldChange
	// OldToNew is one value of a change.
	OldToNew = plan.OldToNew
	// PushedActivity is one bulk import.
	PushedActivity = push.Activity
	// PushProblem is one contact whose change did not arrive.
	PushProblem = push.Problem
	// Clearing tells why no value is cleared in an account.
	Clearing = push.Clearing
	// Sparing tells why contacts that opted out are sent nothing in an account.
	Sparing = push.Sparing
	// UserState tells what became of one user that a run was for.
	UserState = plan.UserState
)

// ReadDoubt says why the last snapshot of the account may lack somebody; "" where it does not.
func ReadDoubt(ctx context.Context, db *state.DB) (string, error) { return mirror.Doubt(ctx, db) }

// ReadClearing tells whether clearing is off in this account, and why; nil when it is not.
func ReadClearing(ctx context.Context, db *state.DB) (*Clearing, error) {
	return push.ReadClearing(ctx, db)
}

// ReadSparing tells whether contacts that opted out are sent nothing in this account, and why; nil
// when that is left to the policy.
func ReadSparing(ctx context.Context, db *state.DB) (*Sparing, error) {
	return push.ReadSparing(ctx, db)
}

// The actions of a plan.
const (
	Update = plan.Update
	Create = plan.Create
	Clear  = plan.Clear
)

// The reasons for skipping a row, as contact.Reason explains them.
const (
	InvalidEmail   = contact.InvalidEmail
	DuplicateEmail = contact.DuplicateEmail
	DuplicateValue = contact.DuplicateValue
	MissingValue   = contact.MissingValue
	ValueTooLong   = contact.ValueTooLong
	InvalidValue   = contact.InvalidValue
	NotAContact    = contact.NotAContact
	Moved          = contact.Moved
	Unsubscribed   = contact.Unsubscribed
	Deleted        = contact.Deleted
	NoList         = contact.NoList
	Quarantined    = contact.Quarantined
	ClearingOff    = contact.ClearingOff
)

// The reasons for a problem, as push explains them.
const (
	Rejected        = push.Rejected
	Lost            = push.Lost
	Altered         = push.Altered
	Overstepped     = push.Overstepped
	ActivityFailed  = push.ActivityFailed
	ActivityTimeout = push.ActivityTimeout
)
