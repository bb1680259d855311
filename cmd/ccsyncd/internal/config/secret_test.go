package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

func TestSecretsArePrintedNowhere(t *testing.T) {
	t.Parallel()
	cfg := Default()
	hidden := NewSecret(marked)
	cfg.Source.DSN, cfg.State.Key, cfg.HTTP.Token = hidden, hidden, hidden
	cfg.Notify.Webhook, cfg.Notify.Heartbeat = hidden, hidden

	var printed bytes.Buffer
	for _, verb := range strings.Split("v +v #v s q x X d o b t p c U e T", " ") {
		fmt.Fprintf(&printed, "%"+verb+"\n", cfg.Source.DSN)
		fmt.Fprintf(&printed, "%"+verb+"\n", cfg)
		fmt.Fprintf(&printed, "%"+verb+"\n", &cfg.Source.DSN)
		fmt.Fprintf(&printed, "%"+verb+"\n", struct{ unexported Secret }{hidden})
	}
	fmt.Fprintln(&printed, cfg.Source.DSN.String(), errors.New(fmt.Sprint(cfg.HTTP.Token)))
	for _, handler := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
		slog.New(handler).Info("configuration", "dsn", cfg.Source.DSN, "all", cfg.Notify, "pointer", &cfg.State)
	}
	if err := json.NewEncoder(&printed).Encode(cfg.Source); err != nil {
		t.Error(err)
	}
	if err := json.NewEncoder(&printed).Encode(map[Secret]Secret{hidden: hidden}); err != nil {
		t.Error(err)
	}
	if err := toml.NewEncoder(&printed).Encode(cfg.Source); err != nil {
		t.Error(err)
	}

	hex := fmt.Sprintf("%x", marked)
	for _, leak := range []string{marked, hex, strings.ToUpper(hex), fmt.Sprint([]byte(marked))} {
		if strings.Contains(printed.String(), leak) {
			t.Errorf("%q was printed:\n%s", leak, printed.String())
		}
	}
	if !strings.Contains(printed.String(), "redacted") {
		t.Error("nothing says that it was redacted")
	}
	if got := cfg.Source.DSN.Reveal(); got != marked {
		t.Errorf("Reveal() = %q, want %q", got, marked)
	}
}
