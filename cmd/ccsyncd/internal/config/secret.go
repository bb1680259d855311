package config

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "redacted"

// Secret is a value that must never be printed: a database URL with its password, a token, a key,
// or a webhook address. fmt (every verb), encoding/json, TOML and log/slog write "redacted"
// instead. Only Reveal returns the value. The zero Secret is not set. Compare secrets with Equal,
// because == compares where the values are stored.
//
// Secret is not a string type. With a string type, the methods would be bypassed by fmt's %p, by a
// Secret in an unexported field, by a key of a JSON object, and by the TOML encoder.
type Secret struct {
	value *string
}

// NewSecret returns a Secret with value. An empty value gives the zero Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the value, or "" if it is not set. Call it only where the value is needed.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet reports whether there is a value.
func (s Secret) IsSet() bool { return s.value != nil }

// Equal reports whether both have the same value.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String returns "redacted".
func (s Secret) String() string { return redacted }

// Format writes "redacted" for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "redacted"; encoding/json and TOML encoders use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "redacted".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
