package shell

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestTheLogMasksAddresses(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: maskAddresses}))
	at := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	log.Info("said", "error", errors.New(`contact "Ann.Lee@example.com" is not <bob@mail.example.org>`), "dsn", "app@localhost:5432", "next", at, "n", 7)
	text := out.String()
	for _, want := range []string{"A••@example.com", "b••@mail.example.org", "app@localhost:5432", "next=2026-11-25T00:00:00.000Z", "n=7"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %s: %s", want, text)
		}
	}
	if strings.Contains(text, "Ann.Lee") || strings.Contains(text, "bob@") {
		t.Errorf("the log shows an address: %s", text)
	}
}
