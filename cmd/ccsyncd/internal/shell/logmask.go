package shell

import (
	"log/slog"
	"regexp"

	"ccsyncd/cmd/ccsyncd/internal/term"
)

// address finds what looks like an email address in the middle of a text. A host without a dot is
// none, so that "user@localhost" stays readable in an error of a database.
var address = regexp.MustCompile(`[^\s"'<>()\[\],;:=]+@[\pL\pN-]+(\.[\pL\pN-]+)*\.\pL[\pL\pN-]+`)

// maskAddresses masks addresses in what is logged: a server's error can quote one.
func maskAddresses(_ []string, a slog.Attr) slog.Attr {
	switch value := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(address.ReplaceAllStringFunc(value, term.MaskAddress))
	case error:
		a.Value = slog.StringValue(address.ReplaceAllStringFunc(value.Error(), term.MaskAddress))
	}
	return a
}
