package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What other users of the machine can do with a configuration and its secrets is told, and how to
// end it.
func TestFilesThatOthersCanReadOrChange(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode     fs.FileMode // of the configuration
		secret   fs.FileMode // of a file with a secret; 0: there is none
		folder   fs.FileMode
		clear    []string // secrets in the configuration
		want     []string // in what is told, one each
		writable bool
	}{
		"all is well":                       {mode: 0o644, secret: 0o600, folder: 0o755},
		"a group may do what it may":        {mode: 0o660, secret: 0o640, folder: 0o775, clear: []string{"[http] token"}},
		"a readable one with a secret":      {mode: 0o644, folder: 0o755, clear: []string{"[http] token", "[source] dsn"}, want: []string{"can read"}},
		"a readable one with one secret":    {mode: 0o644, folder: 0o755, clear: []string{"[http] token"}, want: []string{"can read"}},
		"a readable file with a secret":     {mode: 0o600, secret: 0o644, folder: 0o755, want: []string{"can read"}},
		"a writable one":                    {mode: 0o666, folder: 0o755, want: []string{"can write to"}, writable: true},
		"a writable one with a secret":      {mode: 0o666, folder: 0o755, clear: []string{"[http] token"}, want: []string{"can write to"}, writable: true},
		"a writable file with a secret":     {mode: 0o600, secret: 0o602, folder: 0o755, want: []string{"can write to"}, writable: true},
		"a folder that all can write to":    {mode: 0o600, folder: 0o777, want: []string{"can replace"}},
		"a sticky folder, such as /var/tmp": {mode: 0o600, folder: 0o777 | fs.ModeSticky},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "etc")
			cfg := &Config{Path: filepath.Join(dir, "ccsync.toml"), ClearSecrets: c.clear}
			files := map[string]fs.FileMode{cfg.Path: c.mode}
			if c.secret != 0 {
				cfg.SecretFiles = []string{filepath.Join(dir, "token")}
				files[cfg.SecretFiles[0]] = c.secret
			}
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			for path, mode := range files {
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(path, mode); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(dir, c.folder); err != nil {
				t.Fatal(err)
			}
			got := cfg.FileFaults()
			if len(got) != len(c.want) {
				t.Fatalf("told %+v, want %q", got, c.want)
			}
			for i, f := range got {
				if !strings.Contains(f.Text, c.want[i]) || f.Writable != c.writable || !strings.HasPrefix(f.Hint, "chmod o-") {
					t.Errorf("told %+v", f)
				}
				if ofConfig := strings.Contains(f.Hint, `"env:NAME"`); strings.Contains(f.Text, "can read") && ofConfig != (c.secret == 0) {
					t.Errorf("hint %q, for a secret file: %t", f.Hint, c.secret != 0)
				}
				for _, secret := range c.clear {
					if !c.writable && !strings.Contains(f.Text, secret) {
						t.Errorf("%q does not name %s", f.Text, secret)
					}
				}
			}
		})
	}
}

func TestAFileOfAnotherUserIsTold(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	cfg := &Config{Path: filepath.Join(t.TempDir(), "ccsync.toml")}
	if err := os.WriteFile(cfg.Path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := cfg.FileFaults(); len(got) != 0 {
		t.Errorf("of our own file it is told %+v", got)
	}
	const nobodyKnown = 54321
	if err := os.Chown(cfg.Path, nobodyKnown, nobodyKnown); err != nil {
		t.Fatal(err)
	}
	got := cfg.FileFaults()
	if len(got) != 1 || got[0].Writable || !strings.Contains(got[0].Text, "belongs to user 54321") || !strings.Contains(got[0].Text, "runs as "+UserName(0)) {
		t.Errorf("told %+v", got)
	}
	if hint := DeniedHint(cfg.Path); !strings.Contains(hint, "has mode 0600 and belongs to user 54321") {
		t.Errorf("hint %q", hint)
	}
	if hint := DeniedHint(cfg.Path + ".gone"); hint != "this process runs as "+UserName(0) {
		t.Errorf("hint %q", hint)
	}
}

// Which secrets stand in the configuration, and in which files others do, is known: their modes are
// judged by it.
func TestWhereSecretsStandIsKnown(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a-token-that-is-long-enough\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text  string
		clear []string
		files []string
	}{
		"none":                           {minimal, nil, nil},
		"a token in clear":               {minimal + "[http]\ntoken = \"a-token-that-is-long-enough\"\n", []string{"[http] token"}, nil},
		"a token in a file":              {minimal + "[http]\ntoken = \"secret:" + token + "\"\n", nil, []string{token}},
		"a token in a variable":          {minimal + "[http]\ntoken = \"env:TOKEN\"\n", nil, nil},
		"a password in dsn":              {strings.Replace(minimal, `"app.db"`, `"postgres://app:hunter2@db/app"`, 1), []string{"[source] dsn"}, nil},
		"a dsn without one":              {strings.Replace(minimal, `"app.db"`, `"postgres://app@db/app?sslmode=require"`, 1), nil, nil},
		"a dsn with one, in a variable":  {strings.Replace(minimal, `"app.db"`, `"env:URL"`, 1), nil, nil},
		"a webhook, which is a password": {minimal + "[notify]\nwebhook = \"https://hooks.example.com/T0/B0\"\n", []string{"[notify] webhook"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := load(t, c.text, map[string]string{"TOKEN": "a-token-that-is-long-enough", "URL": "postgres://app:hunter2@db/app"})
			if !slices.Equal(cfg.ClearSecrets, c.clear) || !slices.Equal(cfg.SecretFiles, c.files) {
				t.Errorf("in clear %q, in files %q; want %q and %q", cfg.ClearSecrets, cfg.SecretFiles, c.clear, c.files)
			}
		})
	}
}
