package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ccsyncd"
	"ccsyncd/cmd/ccsyncd/internal/config"
)

const configPage = "../../docs/configuration.md"

var tomlBlock = regexp.MustCompile("(?ms)^```toml\n(.*?)^```$")

// rest is what a snippet may leave out because it is about something else.
var rest = []struct{ section, text string }{
	{"[source]", "[source]\ndsn = \"app.db\"\ntable = \"users\"\nemail = \"email\"\n"},
	{"[[field]]", "[[field]]\ncolumn = \"short_code\"\ncustom_field = \"short_code\"\n"},
	{"[auth]", "[auth]\nclient_id = \"an-api-key\"\n"},
}

func TestEverySnippetOfTheConfigurationPageLoads(t *testing.T) {
	t.Parallel()
	page := readPage(t)
	snippets := tomlBlock.FindAllStringSubmatchIndex(page, -1)
	if len(snippets) < 20 {
		t.Fatalf("found %d snippets", len(snippets))
	}
	for _, at := range snippets {
		snippet, line := page[at[2]:at[3]], 1+strings.Count(page[:at[2]], "\n")
		t.Run(fmt.Sprintf("line %d", line), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			secret := filepath.Join(dir, "secret")
			writeFile(t, secret, strings.Repeat("ab", 32)+"\n")
			whole := regexp.MustCompile(`secret:/[a-z/-]+`).ReplaceAllString(snippet, "secret:"+secret)
			for _, r := range rest {
				if !strings.Contains(snippet, r.section+"\n") {
					whole += "\n" + r.text
				}
			}
			path := filepath.Join(dir, "ccsync.toml")
			writeFile(t, path, whole)
			if _, err := config.Load(path, pageEnv); err != nil {
				t.Errorf("%v\n%s", err, whole)
			}
		})
	}
}

// pageEnv has a fitting value for every variable of the page.
func pageEnv(name string) string {
	switch name {
	case "CCSYNC_ENDPOINT", "STATE_DIRECTORY":
		return ""
	case "CCSYNC_STATE_KEY":
		return strings.Repeat("ab", 32)
	case "SLACK_WEBHOOK":
		return "https://hooks.example.com/services/x"
	}
	return "a-value-of-that-name"
}

// The example holds the defaults, as a test of the configuration proves; so the page must agree
// with the example.
func TestTheConfigurationPageHasEveryKeyWithItsDefault(t *testing.T) {
	t.Parallel()
	page := readPage(t)
	setting := regexp.MustCompile(`^(# )?([a-z_]+) = (.*)$`)
	section, keys := "", 0
	for line := range strings.Lines(string(ccsyncd.ExampleConfig)) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "[") {
			section = line
			continue
		}
		m := setting.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		keys++
		row := keyRow(page, section, m[2])
		if row == "" {
			t.Errorf("the page has no key %s in %s", m[2], section)
			continue
		}
		given := section == "[source]" && m[2] != "timeout" || section == "[[field]]" && m[2] != "on_empty" || m[2] == "client_id"
		if m[1] == "" && !given && !strings.Contains(row, "| `"+m[3]+"` |") {
			t.Errorf("%s %s: the default is %s, the page says %s", section, m[2], m[3], row)
		}
	}
	if keys < 45 {
		t.Errorf("found %d keys in the example", keys)
	}
}

// keyRow is the row of a key in the table of its section.
func keyRow(page, section, key string) string {
	_, part, found := strings.Cut(page, "\n### `"+section+"`\n")
	if !found {
		return ""
	}
	part, _, _ = strings.Cut(part, "\n###")
	for line := range strings.Lines(part) {
		if strings.HasPrefix(line, "| `"+key+"` |") {
			return line
		}
	}
	return ""
}

func readPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(configPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
