package contact

// Reason says why a row is not sent.
type Reason string

// The reasons for skipping a row.
const (
	InvalidEmail   Reason = "invalid_email"
	DuplicateEmail Reason = "duplicate_email" // one address, different values
	DuplicateValue Reason = "duplicate_value" // of a unique field
	MissingValue   Reason = "missing_value"   // of a required field
	ValueTooLong   Reason = "value_too_long"
	InvalidValue   Reason = "invalid_value" // it does not fit the type of its custom field
	NotAContact    Reason = "not_a_contact" // and creating is off
	Moved          Reason = "moved"         // the user changed the address
	Unsubscribed   Reason = "unsubscribed"
	Deleted        Reason = "deleted"
	// no list that an import could name without changing a membership
	NoList      Reason = "no_list"
	Quarantined Reason = "quarantined"
	ClearingOff Reason = "clearing_off" // putting a contact back changed a permission
)
