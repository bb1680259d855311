package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMistakesThatAreEasilyMadeAreNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a.b = 1\n" + minimal:                                                `unknown key "a"`,
		minimal + "[guard.limits]\nmax_clears = 1\n":                         `unknown key "limits" in [guard]`,
		minimal + "[contacts]\nlists = [\"A\", \"a\"]\n":                     "has the same entry twice",
		"field = [1]\n" + strings.Replace(minimal, "[[field]]", "[x]", 1):    "write [[field]]",
		strings.Replace(minimal, "custom_field", "custom-field", 1):          "custom_field",
		strings.Replace(minimal, "custom_field", `"custom field"`, 1):        "custom_field",
		strings.Replace(minimal, "custom_field", "customfield", 1):           "custom_field",
		strings.Replace(minimal, "custom_field", "custom_feild", 1):          "custom_field",
		strings.Replace(minimal, `"app.db"`, `"secret:"`, 1):                 `write "secret:/path"`,
		strings.Replace(minimal, `"app.db"`, `"secret:/dev/null"`, 1):        "/dev/null, which is empty",
		strings.Replace(minimal, `"app.db"`, `"secret:nowhere"`, 1):          "nowhere, which cannot be read",
		strings.Replace(minimal, `"app.db"`, `"env:"`, 1):                    `write "env:NAME"`,
		strings.Replace(minimal, `"app.db"`, `"env:NOTHING"`, 1):             "NOTHING, which is empty or not set",
		minimal + "[source]\n":                                               "the section [source] occurs twice",
		strings.Replace(minimal, "email = ", "dsn = ", 1):                    `the key "dsn" occurs twice`,
		"source = 1\n" + minimal:                                             "cannot be both a section and a value",
		minimal + "client_id.x = 1\n":                                        `"client_id.x" occurs twice`,
		strings.Replace(minimal, `"client-1"`, `"client-1`, 1):               "the closing quote of a text is missing",
		strings.Replace(minimal, `"client-1"`, `client-1`, 1):                "put text in quotes",
		minimal + "[schedule]\ntimezone = \"\"\n":                            "IANA name",
		minimal + "[http]\nlisten = \"127.0.0.1:65536\"\n":                   "from 0 to 65535",
		minimal + "[endpoints]\napi = \"https://h/v3?x\"\n":                  "without user, query or fragment",
		minimal + "[limits]\nper_day = 500\n":                                "uses up all of per_day",
		strings.Replace(minimal, `custom_field = "short_code"`, "", 1):       "needs custom_field or property",
		minimal + "[[field]]\ncolumn = \"b\"\ncustom_field = \"SHORT_code\"": "the same target as the [[field]] in line 6",
	} {
		_, err := Load(write(t, text), env(nil))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v, want %q", text, err, want)
		}
	}
}

func TestAStepMayBeAsLongAsItsField(t *testing.T) {
	t.Parallel()
	for good, bad := range map[string]string{
		"*/60 * * * *": "*/61 * * * *", "* */24 * * *": "* */25 * * *", "* * */31 * *": "* * */32 * *",
		"* * * */12 *": "* * * */13 *", "* * * * */7": "* * * * */8",
		"59 23 31 12 6": "60 23 31 12 6", "0 0 1 1 0": "0 0 0 1 0",
	} {
		if _, err := ParseCron(good, time.UTC); err != nil {
			t.Errorf("%s is refused: %v", good, err)
		}
		if _, err := ParseCron(bad, time.UTC); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	for i, name := range []string{"minute", "hour", "day of month", "month", "day of week"} {
		fields := []string{"*", "*", "*", "*", "*"}
		fields[i] = "x"
		if _, err := ParseCron(strings.Join(fields, " "), time.UTC); err == nil || !strings.Contains(err.Error(), "the field "+name+" takes") {
			t.Errorf("%v: got %v, want the field %s named", fields, err, name)
		}
	}
}

func TestWhatTheFileLeavesOutHasItsDefault(t *testing.T) {
	t.Parallel()
	cfg := load(t, minimal+"[endpoints]\napi = \"https://api.example.com/v3/\"\nauth = \"https://auth.example.com/v1//\"\n", nil)
	if cfg.Source.Timeout != 5*time.Minute {
		t.Errorf("timeout = %v, want 5m", cfg.Source.Timeout)
	}
	if want := (Endpoints{API: "https://api.example.com/v3", Auth: "https://auth.example.com/v1"}); cfg.Endpoints != want {
		t.Errorf("endpoints are %+v, want %+v", cfg.Endpoints, want)
	}
}

func TestAFileMayHaveOneMebibyte(t *testing.T) {
	t.Parallel()
	room := 1<<20 - len(minimal) - len("\n#")
	if _, err := Load(write(t, minimal+"\n#"+strings.Repeat("x", room)), env(nil)); err != nil {
		t.Errorf("a file of 1 MiB: %v", err)
	}
	if _, err := Load(write(t, minimal+"\n#"+strings.Repeat("x", room+1)), env(nil)); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("a file of one byte more: %v", err)
	}
	path := write(t, strings.Replace(minimal, `"app.db"`, `"secret:dsn.txt"`, 1))
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "dsn.txt"), []byte(strings.Repeat("x", 1<<20+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, env(nil)); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("a secret of over a mebibyte: %v", err)
	}
}
