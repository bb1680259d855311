package sync

import (
	"ccsyncd/sync/contact"
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
)
