package config

import (
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd"
)

// minimal is a configuration without mistakes; tests add to it.
const minimal = `[source]
dsn = "app.db"
table = "users"
email = "email"

[[field]]
column = "short_code"
custom_field = "short_code"

[auth]
client_id = "client-1"
`

func load(t *testing.T, text string, vars map[string]string) *Config {
	t.Helper()
	cfg, err := Load(write(t, text), env(vars))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestWhatAVariableHoldsIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	cfg := load(t, minimal+"[contacts]\nlists = [\"env:LIST\", \"Other\"]\n[schedule]\ndrift = \"env:DRIFT\"\n",
		map[string]string{"LIST": " env:LIST ", "DRIFT": "2d"})
	if diff := cmp.Diff(cfg.Contacts.Lists, []string{" env:LIST ", "Other"}); diff != "" {
		t.Error(diff)
	}
	if cfg.Schedule.Drift != 2*day {
		t.Errorf("drift = %v, want 48h", cfg.Schedule.Drift)
	}
}

func TestASecretFileLosesOneLineEnding(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"pw": "pw", "pw\n": "pw", "pw\r\n": "pw", "pw\n\n": "pw\n", " pw ": " pw ", "pw\r": "pw\r", "env:X\n": "env:X",
	} {
		path := write(t, strings.Replace(minimal, `"app.db"`, `"secret:dsn.txt"`, 1))
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "dsn.txt"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := Load(path, env(nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.Source.DSN.Reveal(); got != want {
			t.Errorf("a file with %q gives %q, want %q", content, got, want)
		}
	}
}

func TestAStateKeyIsHexOrBase64(t *testing.T) {
	t.Parallel()
	raw := []byte("\xfb\xff\xfe0123456789abcdef0123456789abc")
	for name, text := range map[string]string{
		"hex":            "fbfffe" + "30313233343536373839616263646566303132333435363738396162" + "63",
		"base64":         base64.StdEncoding.EncodeToString(raw),
		"base64 unfull":  base64.RawStdEncoding.EncodeToString(raw),
		"base64 for URL": base64.URLEncoding.EncodeToString(raw),
		"both":           base64.RawURLEncoding.EncodeToString(raw),
	} {
		cfg := load(t, minimal+"[state]\nkey = \"env:KEY\"\n", map[string]string{"KEY": text})
		if got := cfg.State.KeyBytes(); string(got) != string(raw) {
			t.Errorf("%s: got %d other bytes than were written", name, len(got))
		}
	}
	for _, n := range []int{0, 16, 31, 33, 64} {
		for _, text := range []string{strings.Repeat("ab", n), base64.StdEncoding.EncodeToString(make([]byte, n))} {
			if _, err := Load(write(t, minimal+"[state]\nkey = \"env:KEY\"\n"), env(map[string]string{"KEY": text})); err == nil {
				t.Errorf("a key of %d bytes is taken", n)
			}
		}
	}
	if got := load(t, minimal, nil).State.KeyBytes(); got != nil {
		t.Errorf("without a key KeyBytes() = %v, want nil", got)
	}
}

func TestTheStateFileHasItsPlace(t *testing.T) {
	t.Parallel()
	const own = "[state]\npath = \"data/mine.db\"\n"
	tests := map[string]struct {
		more, want string
		vars       map[string]string
	}{
		"beside the file":             {"", "DIR/ccsync.db", nil},
		"where the file says":         {own, "DIR/data/mine.db", nil},
		"at an absolute path":         {"[state]\npath = \"/srv/c.db\"\n", "/srv/c.db", nil},
		"in the folder of the unit":   {"", "/var/lib/ccsyncd/ccsync.db", map[string]string{"STATE_DIRECTORY": "/var/lib/ccsyncd"}},
		"in the first of two folders": {"", "/a/ccsync.db", map[string]string{"STATE_DIRECTORY": "/a:/b"}},
		"not in that folder if named": {own, "DIR/data/mine.db", map[string]string{"STATE_DIRECTORY": "/var/lib/ccsyncd"}},
		"apart for the sandbox":       {own, "DIR/data/ccsync.sandbox.db", map[string]string{"CCSYNC_ENDPOINT": "http://127.0.0.1:8585"}},
		"apart in the unit's folder": {"", "/a/ccsync.sandbox.db",
			map[string]string{"STATE_DIRECTORY": "/a", "CCSYNC_ENDPOINT": "http://127.0.0.1:8585"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := load(t, minimal+tt.more, tt.vars)
			if got, want := cfg.State.Path, strings.Replace(tt.want, "DIR", cfg.Dir, 1); got != want {
				t.Errorf("state path = %s, want %s", got, want)
			}
		})
	}
}

func TestTheSandboxReplacesBothEndpoints(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://127.0.0.1:8585", "http://127.0.0.1:8585/"} {
		cfg := load(t, minimal, map[string]string{"CCSYNC_ENDPOINT": address})
		want := Endpoints{API: "http://127.0.0.1:8585/v3", Auth: "http://127.0.0.1:8585/oauth2/default/v1"}
		if diff := cmp.Diff(cfg.Endpoints, want); diff != "" || !cfg.Sandbox {
			t.Errorf("Sandbox = %v, endpoints:\n%s", cfg.Sandbox, diff)
		}
	}
	_, err := Load(write(t, minimal), env(map[string]string{"CCSYNC_ENDPOINT": "http://sandbox.example.com"}))
	if err == nil || !strings.Contains(err.Error(), "$CCSYNC_ENDPOINT must be an https address") {
		t.Errorf("plain http to another machine: %v", err)
	}
}

// TestATrialNeedsNoClientID: the sandbox welcomes any, before there is an application.
func TestATrialNeedsNoClientID(t *testing.T) {
	t.Parallel()
	trial := map[string]string{"CCSYNC_ENDPOINT": "http://127.0.0.1:8585"}
	text := strings.Replace(minimal, `"client-1"`, `"env:CC_CLIENT_ID"`, 1)
	if cfg := load(t, text, trial); cfg.Auth.ClientID != "sandbox" {
		t.Errorf("client_id = %q, want sandbox", cfg.Auth.ClientID)
	}
	if cfg := load(t, minimal, trial); cfg.Auth.ClientID != "client-1" {
		t.Errorf("client_id = %q, want what the file says", cfg.Auth.ClientID)
	}
	for name, other := range map[string]string{
		"[auth] client_id": text,
		"[source] dsn":     strings.Replace(minimal, `"app.db"`, `"env:DSN"`, 1),
		"[auth] scopes":    minimal + "scopes = [\"env:SCOPE\"]\n",
		"[http] token":     minimal + "[http]\ntoken = \"env:TOKEN\"\n",
	} {
		vars := trial
		if other == text {
			vars = nil
		}
		if _, err := Load(write(t, other), env(vars)); err == nil || !strings.Contains(err.Error(), name+" uses the environment") {
			t.Errorf("%s: got %v, want that the variable is not set", name, err)
		}
	}
}

func TestTheStatusPageMayBeOpenedWithAToken(t *testing.T) {
	t.Parallel()
	for _, http := range []string{
		"listen = \"\"", "listen = \"localhost:0\"\ntoken = \"short\"", "listen = \"unix:http.sock\"", "listen = \"[::1]:8484\"", "listen = \"127.8.8.8:1\"",
		"listen = \"0.0.0.0:80\"\ntoken = \"0123456789abcdef\"", "listen = \":80\"\ntoken = \"0123456789abcdef\"\nhosts = [\"Sync.Example.com:443\"]",
	} {
		cfg := load(t, minimal+"[http]\n"+http+"\n", nil)
		if len(cfg.HTTP.Hosts) > 0 && cfg.HTTP.Hosts[0] != "sync.example.com:443" {
			t.Errorf("hosts = %q, want lower case", cfg.HTTP.Hosts)
		}
		if path, ok := strings.CutPrefix(cfg.HTTP.Listen, UnixSocket); ok && path != filepath.Join(cfg.Dir, "http.sock") {
			t.Errorf("a socket at %s, want it beside the configuration", path)
		}
	}
}

func TestOtherFormsOfTOMLMeanTheSame(t *testing.T) {
	t.Parallel()
	want := load(t, minimal+"[contacts]\nlists = [\"A\"]\n", nil)
	for name, text := range map[string]string{
		"inline tables": `source = {dsn = "app.db", table = "users", email = "email"}
field = [
  # the code
  {column = "short_code", custom_field = "short_code"},
]
auth = {client_id = "client-1"}
contacts = {lists = ["A"]}`,
		"dotted keys": `source.dsn = 'app.db'
source.table = "users"
source.email = "email"
auth.client_id = "client-1"
contacts.lists = [
  "A", # a comment
]
[[field]]
"column" = "short_code"
custom_field = """short_code"""`,
		"line ends of Windows and a byte order mark": "\ufeff" + strings.ReplaceAll(minimal, "\n", "\r\n") +
			"[contacts]\r\nlists = [\"A\"]\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := load(t, text, nil)
			got.Path, got.Dir, got.State.Path = want.Path, want.Dir, want.State.Path
			if diff := cmp.Diff(got, want, compare); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFieldsInOneListStaySeparate(t *testing.T) {
	t.Parallel()
	cfg := load(t, `field = [{column = "a", property = "first_name"}, {column = "b", custom_field = "code"}]
source = {dsn = "app.db", table = "users", email = "email"}
auth = {client_id = "client-1"}`, nil)
	want := []Field{{Column: "a", Property: "first_name", OnEmpty: Keep}, {Column: "b", CustomField: "code", OnEmpty: Keep}}
	if diff := cmp.Diff(cfg.Fields, want); diff != "" {
		t.Error(diff)
	}
}

func TestTheLogLevelIsWhatTheFileSays(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError} {
		if got := load(t, minimal+"[log]\nlevel = \""+name+"\"\n", nil).Log.Level; got != want {
			t.Errorf("level = %q gives %v", name, got)
		}
	}
}

func TestFindLooksInOrder(t *testing.T) {
	here := t.TempDir()
	t.Chdir(here)
	vars := map[string]string{"CCSYNC_CONFIG": "/etc/other.toml"}
	if got, err := Find("mine.toml", env(vars)); got != "mine.toml" || err != nil {
		t.Errorf("with the flag: %q, %v", got, err)
	}
	if got, err := Find("", env(vars)); got != "/etc/other.toml" || err != nil {
		t.Errorf("with the variable: %q, %v", got, err)
	}
	if _, err := os.Stat(places[1]); err != nil {
		_, err := Find("", env(nil))
		if err == nil || err.Error() != "no configuration was found; looked for ./ccsync.toml and /etc/ccsync/ccsync.toml"+
			"; --config or $CCSYNC_CONFIG sets another path" {
			t.Errorf("with nothing: %v", err)
		}
	}
	if err := os.WriteFile("ccsync.toml", []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Find("", env(nil)); got != "ccsync.toml" || err != nil {
		t.Errorf("with a file here: %q, %v", got, err)
	}
}

func TestAFileThatCannotBeReadSaysWhy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := write(t, strings.Repeat("# x\n", largestFile/4+1))
	for path, want := range map[string]string{
		filepath.Join(dir, "none.toml"): "no such file or directory",
		dir:                             "is a directory",
		large:                           "larger than 1 MiB",
	} {
		_, err := Load(path, env(nil))
		if err == nil || !strings.HasPrefix(err.Error(), path+": the configuration cannot be read: ") ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestTheExampleShowsEveryKey finds each known key in the example, be it behind a "# ".
func TestTheExampleShowsEveryKey(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	section := ""
	for line := range strings.Lines(string(ccsyncd.ExampleConfig)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		if key, _, ok := strings.Cut(strings.TrimPrefix(line, "# "), " = "); ok && !strings.Contains(key, " ") {
			shown[joinKey(section, key)] = true
		}
	}
	for section, keys := range known {
		for _, key := range keys {
			if !shown[joinKey(section, key)] {
				t.Errorf("%s %s is missing", bracket(section), key)
			}
			delete(shown, joinKey(section, key))
		}
	}
	for key := range shown {
		t.Errorf("%s is no key", key)
	}
}

func TestMistakesHoldNoControlCharacters(t *testing.T) {
	t.Parallel()
	_, err := Load(write(t, minimal+"\n\"\\u001b[31mred\\u009b\" = 1\nx = \"env:\\u0007\"\n[state]\nkey = \"env:\\u001b]0;x\"\n"), env(nil))
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\a\u009b") {
		t.Errorf("got %q", err)
	}
}

// FuzzLoad: whatever stands in the file, Load returns, and neither panics nor tells what a variable
// holds.
func FuzzLoad(f *testing.F) {
	f.Add(string(ccsyncd.ExampleConfig))
	f.Add(minimal)
	paths, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	const hidden = "Zq9-Wv7-Xk5"
	getenv := func(name string) string {
		if strings.HasPrefix(name, "CCSYNC_") {
			return ""
		}
		return hidden
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg := Default()
		cfg.Path, cfg.Dir = "/nowhere/ccsync.toml", "/nowhere"
		failed := parse(&cfg, []byte(text), getenv)
		failed.Path = "ccsync.toml"
		message := failed.Error()
		if strings.Contains(message, hidden) && !strings.Contains(text, hidden) {
			t.Errorf("the message tells what a variable holds: %s", message)
		}
		if len(failed.Mistakes) > 0 {
			return
		}
		if now := time.Now(); !cfg.Schedule.Cron.Next(now).After(now) || len(cfg.Fields) == 0 {
			t.Errorf("accepted, but not usable: %+v", cfg)
		}
	})
}
