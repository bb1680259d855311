package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// initTemplate is the file that init writes: what was answered, and the keys that most people come
// back for. The example configuration has them all.
var initTemplate = template.Must(template.New("ccsync.toml").Funcs(template.FuncMap{"toml": TOMLString}).Parse(
	`# ccsync.toml, written by ccsyncd init. A key that is not here has its default; ccsync.example.toml has them all.
# Any string may be "env:NAME" (a variable) or "secret:/path" (the contents of a file), so that no secret stands here.

# Where your users are. ccsyncd only reads; an account that may SELECT from this one table is enough.
[source]
dsn = {{toml .DSN}}
{{- if .Driver}}
driver = {{toml .Driver}}
{{- end}}
table = {{toml .Table}}
{{- if .Where}}
where = {{toml .Where}}
{{- end}}
email = {{toml .Email}}
{{- if .Key}}
key = {{toml .Key}}
{{- else}}
# The column that names a user in reports and logs; without it the table's primary key.
# key = "id"
{{- end}}

# What goes where: one [[field]] for each column. Nothing else of a contact is ever touched.
[[field]]
column = {{toml .Column}}
custom_field = {{toml .CustomField}}  # by name or label
create = true      # make it if the account lacks it
unique = true      # two rows with one value: both are left out
required = true    # a row without a value is left out
on_empty = "keep"  # "clear" empties the contact's value when the row's is empty

# [[field]]
# column = "first_name"
# property = "first_name"  # first_name, last_name, job_title or company_name

# The defaults change no membership and add nobody.
[contacts]
lists = []              # ["App users"]: contacts that are sent also join that list; ccsyncd account prints the names
create = false          # true: add users that are no contact yet; they are billed; needs a list
unsubscribed = "skip"   # "update": the fields of contacts that opted out too, never their lists

# When runs happen. A tick that finds the table unchanged costs next to nothing.
[schedule]
cron = "*/5 * * * *"
timezone = "UTC"

# Who asks: the API key of your application, made in Constant Contact's developer portal for the device flow.
[auth]
client_id = {{toml .ClientID}}

# What ccsyncd remembers: tokens, contacts, runs.
[state]
path = "ccsync.db"
# key = "env:CCSYNC_STATE_KEY"  # encrypts the tokens in it; openssl rand -hex 32 makes one

# Status page, health and metrics; empty turns it off.
[http]
listen = "127.0.0.1:8484"
# token = "env:CCSYNC_HTTP_TOKEN"  # for POST /run, and off loopback
`))

// Write writes the configuration whole or not at all. It can be read by its owner alone, for the
// dsn may hold a password.
func (f *Answers) Write(path string) error {
	var text strings.Builder
	err := initTemplate.Execute(&text, f)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".ccsync-*.toml") // with mode 0600
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	defer os.Remove(tmp.Name()) // gone already when all went well
	_, err = tmp.WriteString(text.String())
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// TOMLString is a text as a TOML basic string (TOML 1.0, String), which JSON's strings are but for
// U+007F.
func TOMLString(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic(fmt.Sprintf("a string is always JSON: %v", err))
	}
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
}
