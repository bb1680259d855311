package config

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "redacted"

// Secret is a value that must never be printed: a database URL with its password, a token, a key, a webhook address.
// fmt (every verb), encoding/json, TOML and log/slog write "redacted" in its place; only Reveal gives it away.
// An empty Secret is an unset one. It must stand in an exported field: fmt cannot call methods on unexported ones.
type Secret string

// Reveal returns the value itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String returns "redacted".
func (s Secret) String() string { return redacted }

// Format writes "redacted" for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "redacted"; encoding/json and TOML encoders use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "redacted".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
