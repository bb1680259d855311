package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"ccsyncd/ccapi/sandbox"
)

// hostile are texts that a user could have typed into the app, and a colleague into Constant
// Contact.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "\x1b[2J\x1b]0;owned\x07", "\x9b31m", "safe\u202etxt.exe\u202c", "a\u200bb\u2066c",
	`=HYPERLINK("http://evil.example","x")`, "+cmd|' /C calc'!A0", "@SUM(1)", "-2+3", "\t=1+1", "\r\n=1", "a\nlevel=ERROR msg=forged", "{{.}}", "%s%n%d",
	"'; DROP TABLE users; --", strings.Repeat("x", 5000), "\xff\xfe", "=1\u0000", "＝1",
}

func newHostile(t *testing.T) *marked {
	t.Helper()
	m := newMarked(t)
	statements := []string{`CREATE TABLE evil (id TEXT PRIMARY KEY, email TEXT, short_code TEXT)`}
	literal := func(s string) string {
		return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "'", "''"), "\x00", "") + "'"
	}
	contact := func(address, code string) {
		m.box.Seed(sandbox.Contact{Address: address, Lists: []string{"App users"}, Fields: map[string]string{"Short code": strings.ToValidUTF8(code, "")}})
	}
	for i, text := range hostile {
		name := fmt.Sprintf("evil%d@example.com", i)
		contact(name, text[:min(len(text), 50)])
		for j, address := range []string{name, text + "@example.com", `"` + text + `"@example.com`, text} {
			statements = append(statements, fmt.Sprintf("INSERT INTO evil VALUES (%s, %s, %s)", literal(fmt.Sprintf("%s %d", text, j)), literal(address), literal(text)))
		}
	}
	contact(`"<script>"@example.com`, "<script>")
	appDatabase(t, filepath.Join(m.dir, "app.db"), statements...)
	m.setConfig(`table = "evil"`)
	m.command(m.env, "auth", "login")
	return m
}

// output runs a command and gives what it says.
func (m *marked) output(args ...string) (stdout, stderr string) {
	m.Helper()
	cmd := exec.CommandContext(m.Context(), "ccsyncd", args...)
	cmd.Dir, cmd.Env = m.dir, m.env
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	_ = cmd.Run() // the output tells
	if strings.Contains(talk.String(), "internal error") {
		m.Errorf("%v: %s", args, &talk)
	}
	return out.String(), talk.String()
}

// inert tells whether a text can do nothing to a terminal: no control character but line ends, and
// none that turns direction.
func inert(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r != '\n' && unicode.IsControl(r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\u200e' || r == '\u200f'
	})
}

func TestHostileRows(t *testing.T) {
	t.Parallel()
	m := newHostile(t)
	for _, args := range [][]string{
		{"check", "--offline"}, {"--dry-run"}, {"--dry-run", "--reveal"}, {"--dry-run", "--log-level", "debug"}, {"--once", "--force"}, {"runs", "show", "1"},
		{"status"}, {"explain", "--reveal", "evil2@example.com"}, {"explain", "key:" + hostile[2] + " 0"}, {"explain", hostile[2]}, {"push", hostile[2] + "@"},
		{"forget", hostile[2]}, {"--config", hostile[2], "check"}, {hostile[2]}, {"--log-level", hostile[2]},
	} {
		if bytes.ContainsRune([]byte(strings.Join(args, "")), 0) {
			continue // no argument of a program can have it
		}
		stdout, stderr := m.output(args...)
		if !inert(stdout) || !inert(stderr) {
			t.Errorf("%.60q obeys a row: %q", args, firstOdd(stdout+stderr))
		}
		if strings.Contains(stderr, "\nlevel=ERROR msg=forged") {
			t.Errorf("%q: a row forges a line of the log", args)
		}
	}
	m.csvIsInert()
	for _, args := range [][]string{{"--dry-run", "--output", "json"}, {"explain", "--output", "json", "evil2@example.com"}, {"check", "--output", "json"}} {
		stdout, _ := m.output(args...)
		if !json.Valid([]byte(stdout)) || !inert(stdout) {
			t.Errorf("%q: %q", args, firstOdd(stdout))
		}
	}
}

func firstOdd(text string) string {
	for i := range text {
		if !inert(text[i:min(len(text), i+3)]) {
			return text[max(0, i-40):min(len(text), i+40)]
		}
	}
	return text[:min(len(text), 200)]
}

func (m *marked) csvIsInert() {
	m.Helper()
	stdout, _ := m.output("--dry-run", "--output", "csv")
	records, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if err != nil || len(records) < 20 {
		m.Fatalf("%d records, %v", len(records), err)
	}
	for _, record := range records {
		for _, cell := range record {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") || strings.HasPrefix(cell, "＝") || !inert(cell) {
				m.Errorf("a spreadsheet takes %q for a formula", cell)
			}
		}
	}
}

// The page of a daemon over hostile rows has their text and nothing of their markup; its log has
// one line for each record.
func TestHostileRowsOnThePage(t *testing.T) {
	t.Parallel()
	m := newHostile(t)
	cmd := exec.CommandContext(t.Context(), "ccsyncd", "--log-level", "debug")
	cmd.Dir, cmd.Env = m.dir, m.env
	log := new(syncBuffer)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // it may have ended
	log.waitFor(t, `"msg":"run ended"`)
	base := listensAt.FindStringSubmatch(log.String())[1]
	for _, who := range append([]string{"evil0@example.com", "evil2@example.com", `"<script>"@example.com`}, hostile...) {
		page := fetch(t, base+"/explain?who="+url.QueryEscape(who))
		for _, bad := range []string{"<script", "<img", "onerror=alert(1)>", "\x1b", "\u202e", "\x07"} {
			if strings.Contains(page, bad) {
				t.Errorf("the page of %.40q has %q", who, bad)
			}
		}
	}
	fetch(t, base+"/runs/1")
	for line := range strings.Lines(log.String()) {
		if !json.Valid([]byte(line)) || !inert(strings.TrimSuffix(line, "\n")) {
			t.Errorf("the log has the line %q", line)
		}
	}
}

func fetch(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
