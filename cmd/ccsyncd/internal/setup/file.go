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
	`# ccsync.toml, written by ccsyncd init. A key that is not here has its default.
# ccsync.example.toml shows all keys.
#
# To keep secrets out of this file, any string can be "env:NAME" (an environment variable) or
# "secret:/path" (the contents of a file).

# Your users. ccsyncd only reads this database. Its account needs only SELECT on this one table.
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
# The column that identifies a user in reports and logs. Default: the primary key of the table.
# key = "id"
{{- end}}

# Each [[field]] maps one column to one field of the contact. Nothing else of a contact changes.
[[field]]
column = {{toml .Column}}
custom_field = {{toml .CustomField}}  # by name or label
create = true      # create the field if the account lacks it
unique = true      # if two rows have the same value, skip both
required = true    # skip a row without a value
on_empty = "keep"  # "clear": if the row has no value, clear the contact's value

# [[field]]
# column = "first_name"
# property = "first_name"  # first_name, last_name, job_title or company_name

# These defaults create no contact and change no list membership.
[contacts]
# ["App users"]: each contact that is sent joins this list. "ccsyncd account" prints the names.
lists = []
# true: also create a contact for each other user. This needs a list. Created contacts are billed.
create = false
# "update": also update the fields of contacts that opted out. Their lists never change.
unsubscribed = "skip"

# When ccsyncd looks for changes. While nothing has changed, this costs next to nothing.
[schedule]
cron = "*/5 * * * *"
timezone = "UTC"

# The API key of your application. Create the application in Constant Contact's developer portal,
# for the device flow.
[auth]
client_id = {{toml .ClientID}}

# The state file: login, local copy of the contacts, history.
[state]
path = "ccsync.db"
# A key that encrypts the tokens in the state file. "openssl rand -hex 32" prints one.
# key = "env:CCSYNC_STATE_KEY"

# Status page, health and metrics. "" turns them off.
[http]
listen = "127.0.0.1:8484"
# POST /run needs a token. An address that is not loopback needs one too.
# token = "env:CCSYNC_HTTP_TOKEN"
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
