package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/cmd/ccsyncd/internal/term"
	"ccsyncd/oauthdev"
)

// An address on a host that nobody knows is shown with a warning.
func TestAStrangersAddressIsWarnedOf(t *testing.T) {
	t.Parallel()
	for stranger, want := range map[string]bool{"evil.example": true, "": false} {
		var shown bytes.Buffer
		c := &cli{&shell.Shell{Terminal: term.New(term.Options{Stdout: io.Discard, Stderr: &shown})}}
		c.showCode(&oauthdev.Device{UserCode: "ABCDEFGH", VerificationURI: "https://evil.example/activate", Stranger: stranger})
		if got := strings.Contains(shown.String(), "warning: this URL is on evil.example, which is neither"); got != want {
			t.Errorf("stranger %q: %s", stranger, shown.String())
		}
	}
}
