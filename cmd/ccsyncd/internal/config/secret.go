package config

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "redacted"

// Secret is a value that must never be printed: a database URL with its password, a token, a key, a
// webhook address. fmt (every verb), encoding/json, TOML and log/slog write "redacted" in its
// place; only Reveal gives it away. The zero Secret is an unset one. Compare with Equal; ==
// compares where the values are kept.
//
// It is no string type, since for one of these fmt's %p, a Secret in an unexported field, a JSON
// object's key and the TOML encoder go past all methods.
type Secret struct {
	value *string
}

// NewSecret keeps value; an empty one makes the zero Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the value itself, "" when unset, for the one place that needs it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet tells whether there is a value.
func (s Secret) IsSet() bool { return s.value != nil }

// Equal tells whether both have the same value.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String returns "redacted".
func (s Secret) String() string { return redacted }

// Format writes "redacted" for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "redacted"; encoding/json and TOML encoders use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "redacted".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
