package sandbox

import "time"

// Options shape a [Server]. The zero value is an empty account that behaves
// like the real service with rotating refresh tokens.
type Options struct {
	// Contacts is the number of contacts of the default account: two lists,
	// a custom field "Short code" and plainly generated addresses, a share of
	// them without a code. 0 is an account with nothing in it at all.
	Contacts int
	// ClientID is the only client id that may log in; empty welcomes any.
	ClientID string
	// Hosts are further names by which requests may call the sandbox, beside the
	// loopback ones and the address at which they arrive.
	Hosts []string
	// Approve lets device codes approve themselves.
	Approve bool
	// Unlimited turns off pace, daily quota and the token endpoint's limit, and
	// bulk activities do not take longer the larger they are.
	Unlimited bool
	// PerSecond and PerDay are the limits of one client id; 0 stands for the
	// real ones, 4 requests a second and 10,000 a UTC day.
	PerSecond, PerDay int
	// Seed makes ids, tokens, order and faults repeatable.
	Seed uint64
	// Tokens are the lifetimes of what the authorization server gives out.
	Tokens Lifetimes
	// LongLived makes refresh tokens keep their value; by default they rotate.
	LongLived bool
	// Grace is how long a rotated refresh token may be presented again.
	Grace time.Duration
	// ImportTime tells how long an import of so many contacts takes; nil is
	// one second and one more for each 5,000 contacts, one second if Unlimited.
	// Other bulk activities take the same time for their items.
	ImportTime func(contacts int) time.Duration
	// Privileges of the user who approves; nil means all of them.
	Privileges []string
	// Switches decide what is not known of the real service.
	Switches Switches
}

// Lifetimes of tokens and device codes; a zero stands for the real one.
type Lifetimes struct {
	Access   time.Duration // 24 hours
	Refresh  time.Duration // 180 days, from issue (rotating) or last use (long-lived)
	Device   time.Duration // 10 minutes
	Interval time.Duration // 5 seconds between two polls
}

// Limits and lifetimes of the real service.
const (
	defaultPerSecond = 4
	defaultPerDay    = 10_000
	accessLifetime   = 24 * time.Hour
	refreshLifetime  = 180 * 24 * time.Hour
	deviceLifetime   = 10 * time.Minute
	pollInterval     = 5 * time.Second
)

// withDefaults replaces the zeros that stand for real values.
func (o Options) withDefaults() Options {
	o.PerSecond = orDefault(o.PerSecond, defaultPerSecond)
	o.PerDay = orDefault(o.PerDay, defaultPerDay)
	o.Tokens.Access = orDefault(o.Tokens.Access, accessLifetime)
	o.Tokens.Refresh = orDefault(o.Tokens.Refresh, refreshLifetime)
	o.Tokens.Device = orDefault(o.Tokens.Device, deviceLifetime)
	o.Tokens.Interval = orDefault(o.Tokens.Interval, pollInterval)
	switch {
	case o.ImportTime != nil:
	case o.Unlimited:
		o.ImportTime = func(int) time.Duration { return time.Second }
	default:
		o.ImportTime = importTime
	}
	if o.Privileges == nil {
		o.Privileges = allPrivileges()
	}
	return o
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// importTime grows with the size as the real one does: seconds for a few
// contacts, minutes only for very many.
func importTime(contacts int) time.Duration {
	return time.Second + time.Duration(contacts)*time.Second/5000
}
