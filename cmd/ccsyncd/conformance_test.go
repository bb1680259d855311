package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// awkward is a row of the conformance table. What is nil is NULL.
type awkward struct {
	id                         int
	email, code, born, seen    any
	price, rank, member, token any
	profile, raw, tier, name   any
	deleted                    any
	skip                       ccsync.Reason // of its row
	detail                     string        // a part of the skip's
}

const (
	someUUID     = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
	softDeleted  = "2026-01-01 00:00:00"
	firstContact = "ann.lee+app@example.com"
)

// awkwardRows are what people have in their tables.
func awkwardRows() []awkward {
	code := func(n int) string { return fmt.Sprintf("CODE-%03d", n) }
	long := strings.Repeat("🙂", 255)
	rows := []awkward{
		{email: "\t Ann.Lee+App@EXAMPLE.com\u00a0", born: "2026-01-02", seen: "2026-01-02 03:04:05", price: "12.50", rank: 7, member: true,
			token: someUUID, profile: `{"a":[1,2],"ü":"x"}`, raw: []byte("raw"), tier: "GOLD", name: "Ann"},
		{email: "o'brien@example.com", price: "0.10", rank: 0, member: false, name: `O'Brien "Bob" \ <b>&amp;</b>`},
		{email: "ann@MÜLLER.example", code: long, born: "1899-12-31", seen: "1969-12-31 23:59:59.999999", price: "-0.5", rank: -3},
		{email: "ann@xn--r8jz45g.xn--zckzah", code: "東京 🙂 Ärger", name: strings.Repeat("é", 50)},
		{email: "unchanged@example.com", code: "SAME", born: "2026-01-02", price: "1", rank: 1, member: true, tier: "silver"},
		{email: "empty@example.com", born: nil, name: "  ", tier: ""},
		{email: "long@example.com", code: strings.Repeat("ü", 256), skip: ccsync.ValueTooLong, detail: "256 characters"},
		{email: "name@example.com", name: strings.Repeat("é", 51), skip: ccsync.ValueTooLong, detail: "51 characters"},
		{email: "control@example.com", code: "a\x01b", skip: ccsync.InvalidValue, detail: "control"},
		{email: "lines@example.com", name: "Ann\nLee", skip: ccsync.InvalidValue, detail: "control"},
		{email: "bytes@example.com", raw: []byte("\xff\xfe\x00"), skip: ccsync.InvalidValue, detail: "UTF-8"},
		{email: "tier@example.com", tier: "platinum", skip: ccsync.InvalidValue, detail: "choices"},
		{email: "null@example.com", code: "", skip: ccsync.MissingValue},
		{email: "blank@example.com", code: " \t ", skip: ccsync.MissingValue},
		{email: "twin@example.com", skip: ccsync.DuplicateEmail},
		{email: "TWIN@example.com ", skip: ccsync.DuplicateEmail},
		{email: "shared1@example.com", code: "SHARED", skip: ccsync.DuplicateValue},
		{email: "shared2@example.com", code: " SHARED ", skip: ccsync.DuplicateValue},
		{email: nil, skip: ccsync.InvalidEmail, detail: "empty"},
		{email: "bob@", skip: ccsync.InvalidEmail, detail: "no domain"},
		{email: "Ann <ann@example.com>", skip: ccsync.InvalidEmail},
		{email: "an\u200bn@example.com", skip: ccsync.InvalidEmail, detail: "an invisible character"},
		{email: strings.Repeat("a", 69) + "@example.com", skip: ccsync.InvalidEmail, detail: "80"},
		{email: "nobody@example.com", skip: ccsync.NotAContact},
		{email: "moved.to@example.com", code: "MOVED", skip: ccsync.Moved, detail: "moved.from@example.com"},
		{email: "out@example.com", skip: ccsync.Unsubscribed},
		{email: "gone@example.com", skip: ccsync.Deleted},
		{email: "listless@example.com", tier: "gold", name: "Old", skip: ccsync.NoList},
		{email: "soft@example.com", deleted: softDeleted},
		{email: strings.Repeat("b", 68) + "@example.com", seen: "9999-12-31 23:59:59", price: "12345678.9876", rank: 2147483647},
	}
	for i := range rows {
		rows[i].id = i + 1
		if rows[i].code == nil {
			rows[i].code = code(i + 1)
		}
	}
	return rows
}

// awkwardColumns are those of the table, in the order of values: how each database declares them.
// Names have capitals, blanks, quotes and keywords in them.
var awkwardColumns = []struct{ name, sqlite, postgres, mysql string }{
	{"Id", "INTEGER PRIMARY KEY", "integer PRIMARY KEY", "INT PRIMARY KEY"},
	{"E-Mail", "TEXT", "text", "VARCHAR(200)"},
	{"Short Code", "VARCHAR(300)", "varchar(300)", "VARCHAR(300)"},
	{"Born", "DATE", "date", "DATE"},
	{"order", "DATETIME", "timestamptz", "DATETIME(6)"},
	{"price\"`'s", "DECIMAL(12,4)", "numeric(12,4)", "DECIMAL(12,4)"},
	{"rank", "INTEGER", "integer", "INT"},
	{"isMember", "BOOLEAN", "boolean", "BOOLEAN"},
	{"token", "UUID", "uuid", "CHAR(36)"},
	{"profile", "JSON", "json", "JSON"},
	{"raw", "BLOB", "bytea", "VARBINARY(300)"},
	{"select", "TEXT", "text", "VARCHAR(20)"},
	{"First_Name", "TEXT", "text", "VARCHAR(200)"},
	{"deletedAt", "DATETIME", "timestamp", "DATETIME"},
}

func (r *awkward) values() []any {
	return []any{r.id, r.email, r.code, r.born, r.seen, r.price, r.rank, r.member, r.token, r.profile, r.raw, r.tier, r.name, r.deleted}
}

// fill makes the table Group, a keyword with a capital, and fills it.
func (d *appDB) fill(t *testing.T, rows []awkward) {
	t.Helper()
	table := d.quote("Group")
	var declared, marks []string
	for i, c := range awkwardColumns {
		declared = append(declared, d.quote(c.name)+" "+map[string]string{"sqlite": c.sqlite, "postgres": c.postgres, "mysql": c.mysql}[d.driver])
		marks = append(marks, map[bool]string{true: fmt.Sprintf("$%d", i+1), false: "?"}[d.driver == "postgres"])
	}
	d.exec(t, "CREATE TABLE "+table+" ("+strings.Join(declared, ", ")+")")
	for _, r := range rows {
		d.exec(t, "INSERT INTO "+table+" VALUES ("+strings.Join(marks, ", ")+")", r.values()...)
	}
}

// awkwardConfig reads the table as such, or by a query.
func (d *appDB) awkwardConfig(byQuery bool) string {
	var b strings.Builder
	source := fmt.Sprintf("table = \"Group\"\nwhere = %q\n", d.quote("deletedAt")+" IS NULL -- soft deletes")
	if byQuery {
		var names []string
		for _, c := range awkwardColumns {
			names = append(names, d.quote(c.name))
		}
		source = fmt.Sprintf("query = %q\nkey = \"Id\"\n", "SELECT "+strings.Join(names, ", ")+" FROM "+d.quote("Group")+" WHERE "+d.quote("deletedAt")+" IS NULL;")
	}
	fmt.Fprintf(&b, "[source]\ndsn = %q\nemail = \"E-Mail\"\n%s[auth]\nclient_id = \"x\"\n[limits]\nper_second = 1000\n[http]\nlisten = \"\"\n", d.dsn, source)
	field := func(column, target string, more ...string) {
		fmt.Fprintf(&b, "[[field]]\ncolumn = %q\n%s\n%s\n", column, target, strings.Join(more, "\n"))
	}
	field("Short Code", `custom_field = "short_code"`, "create = true", "unique = true", "required = true")
	field("Born", `custom_field = "Born"`)
	field("order", `custom_field = "Seen"`)
	field("price\"`'s", `custom_field = "Price"`)
	field("rank", `custom_field = "Rank"`)
	field("isMember", `custom_field = "Member"`)
	field("token", `custom_field = "Token"`)
	field("profile", `custom_field = "Profile"`)
	field("raw", `custom_field = "Raw"`)
	field("select", `custom_field = "Tier"`, `on_empty = "clear"`)
	field("First_Name", `property = "first_name"`, `on_empty = "clear"`)
	return b.String()
}

// awkwardAccount is an account with the fields of every type, and a contact for most of the rows.
func awkwardAccount(rows []awkward) *sandbox.Server {
	box := sandbox.New(sandbox.Options{Seed: 7, Approve: true, Unlimited: true, Tokens: sandbox.Lifetimes{Interval: time.Second}})
	access, _ := box.Authorize()
	for _, field := range []string{
		`{"label":"Born","type":"date","version":2}`, `{"label":"Seen","type":"datetime"}`, `{"label":"Price","type":"number"}`, `{"label":"Rank","type":"number"}`,
		`{"label":"Member","type":"boolean"}`, `{"label":"Token","type":"string"}`, `{"label":"Profile","type":"text_area"}`, `{"label":"Raw","type":"string"}`,
		`{"label":"Tier","type":"single_select","choices":[{"choice_label":"Gold"},{"choice_label":"Silver"}]}`,
	} {
		r := httptest.NewRequest(http.MethodPost, "/v3/contact_custom_fields", strings.NewReader(field))
		r.Header.Set("Authorization", "Bearer "+access)
		r.Header.Set("Content-Type", "application/json")
		box.ServeHTTP(httptest.NewRecorder(), r)
	}
	box.AddCustomField("Short code", "string")
	for _, r := range rows {
		address, _ := r.email.(string)
		address = strings.ToLower(strings.TrimSpace(address))
		switch r.skip {
		case ccsync.InvalidEmail, ccsync.NotAContact, ccsync.Moved:
			continue
		}
		c := sandbox.Contact{Address: address, Lists: []string{"App users"}, Fields: map[string]string{"Tier": "Gold"}, FirstName: "Old"}
		switch {
		case r.skip == ccsync.Unsubscribed:
			c.Permission = sandbox.Unsubscribed
		case r.skip == ccsync.Deleted:
			c.Deleted = true
		case r.skip == ccsync.NoList:
			c.Lists = nil
		case address == "unchanged@example.com":
			c.FirstName = ""
			c.Fields = map[string]string{"short_code": "SAME", "Born": "2026-01-02", "Price": "1.0000", "Rank": "1.0", "Member": "true", "Tier": "Silver"}
		case address == "twin@example.com" && r.id%2 == 0:
			continue
		}
		box.Seed(c)
	}
	box.Seed(sandbox.Contact{Address: "Moved.From@example.com", Lists: []string{"App users"}, Fields: map[string]string{"short_code": "MOVED"}},
		sandbox.Contact{Address: "orphan@example.com", Lists: []string{"App users"}, Fields: map[string]string{"short_code": "ORPHAN"}})
	box.ForgetRequests()
	return box
}

// trial is one database read in one way, against an account of its own.
type trial struct {
	box    *sandbox.Server
	config string
	env    []string
}

func newTrial(t *testing.T, rows []awkward, config string) *trial {
	t.Helper()
	tr := &trial{box: awkwardAccount(rows), config: filepath.Join(t.TempDir(), "ccsync.toml")}
	server := httptest.NewServer(tr.box)
	t.Cleanup(server.Close)
	if err := os.WriteFile(tr.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	tr.env = append(os.Environ(), "CCSYNC_ENDPOINT="+server.URL, "NO_COLOR=1")
	tr.ccsyncd(t, 0, "auth", "login")
	return tr
}

// ccsyncd runs the program and wants an exit code.
func (tr *trial) ccsyncd(t *testing.T, want int, args ...string) (stdout []byte) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ccsyncd", append([]string{"--config", tr.config}, args...)...)
	var out, talk bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = tr.env, &out, &talk
	_ = cmd.Run() // the exit code tells
	if got := cmd.ProcessState.ExitCode(); got != want {
		t.Fatalf("ccsyncd %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, want, &out, &talk)
	}
	return out.Bytes()
}

func (tr *trial) report(t *testing.T, want int, args ...string) *ccsync.Report {
	t.Helper()
	var report ccsync.Report
	if err := json.Unmarshal(tr.ccsyncd(t, want, append(args, "--output", "json")...), &report); err != nil {
		t.Fatal(err)
	}
	return &report
}

// sameOnAll leaves out what differs between two runs of one plan.
var sameOnAll = cmp.Options{
	cmpopts.IgnoreUnexported(ccsync.Report{}),
	cmpopts.IgnoreFields(ccsync.Report{}, "StartedAt", "Seconds", "Waited", "Quota"),
	cmpopts.IgnoreFields(ccsync.Change{}, "ContactID"),
	cmpopts.IgnoreFields(ccsync.PushedActivity{}, "ID"),
	cmpopts.IgnoreFields(sandbox.Contact{}, "ID", "UpdatedAt", "CreatedAt"),
}

func TestAnAwkwardTableGivesOnePlanOnEveryDatabase(t *testing.T) {
	t.Parallel()
	rows := awkwardRows()
	type result struct {
		Preview, Push *ccsync.Report
		Contacts      []sandbox.Contact
	}
	var mu sync.Mutex // guards results
	results := make(map[string]*result)
	try := func(t *testing.T, driver string, byQuery bool) {
		db := newAppDB(t, driver)
		db.fill(t, rows)
		tr := newTrial(t, rows, db.awkwardConfig(byQuery))
		r := &result{Preview: tr.report(t, 0, "--dry-run")}
		if writes := tr.box.Writes(); len(writes) > 0 {
			t.Errorf("a dry run wrote: %+v", writes)
		}
		r.Push = tr.report(t, 0, "--once")
		r.Contacts = tr.box.Contacts()
		mu.Lock()
		defer mu.Unlock()
		results[fmt.Sprintf("%s, query %t", driver, byQuery)] = r
	}
	t.Run("on", func(t *testing.T) {
		for _, driver := range []string{"sqlite", "postgres", "mysql"} {
			for _, byQuery := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, query %t", driver, byQuery), func(t *testing.T) {
					t.Parallel()
					try(t, driver, byQuery)
				})
			}
		}
	})
	first := results["sqlite, query false"]
	if first == nil {
		t.Fatal("no result from SQLite")
	}
	wantAwkwardPlan(t, rows, first.Preview)
	wantAwkwardContacts(t, rows, first.Contacts)
	for _, name := range slices.Sorted(maps.Keys(results)) {
		if diff := cmp.Diff(first, results[name], sameOnAll); diff != "" {
			t.Errorf("%s differs from SQLite's table (-SQLite +other):\n%s", name, diff)
		}
	}
}

// wantAwkwardPlan compares every row with what is said of it.
func wantAwkwardPlan(t *testing.T, rows []awkward, r *ccsync.Report) {
	t.Helper()
	skipped := make(map[string]ccsync.Skipped)
	for _, s := range r.Skipped {
		skipped[s.Key] = s
	}
	planned := make(map[string]ccsync.Change)
	for _, c := range r.Changes {
		planned[c.Key] = c
	}
	for _, row := range rows {
		key := fmt.Sprint(row.id)
		got := skipped[key]
		if got.Reason != row.skip || !strings.Contains(got.Detail, row.detail) {
			t.Errorf("row %s, %v: skipped as %q, %q; want %q, %q", key, row.email, got.Reason, got.Detail, row.skip, row.detail)
		}
		_, sent := planned[key]
		if want := row.skip == "" && row.deleted == nil && row.email != "unchanged@example.com"; sent != want {
			t.Errorf("row %s, %v: planned %t, want %t", key, row.email, sent, want)
		}
	}
	if r.Summary.Unchanged != 1 || r.Source.Rows != len(rows)-1 {
		t.Errorf("%+v %+v", r.Summary, r.Source)
	}
}

// wantAwkwardContacts compares what arrived.
func wantAwkwardContacts(t *testing.T, rows []awkward, all []sandbox.Contact) {
	t.Helper()
	got := make(map[string]sandbox.Contact)
	for _, c := range all {
		got[c.Address] = c
	}
	want := map[string]string{"short_code": rows[0].code.(string), "born": "2026-01-02", "seen": "2026-01-02T03:04:05Z", "price": "12.5", "rank": "7",
		"member": "true", "token": someUUID, "profile": `{"a":[1,2],"ü":"x"}`, "raw": "raw", "tier": "Gold"}
	if diff := cmp.Diff(want, got[firstContact].Fields); diff != "" || got[firstContact].FirstName != "Ann" {
		t.Errorf("%s, first name %q (-want +got):\n%s", firstContact, got[firstContact].FirstName, diff)
	}
	for _, row := range rows {
		address, _ := row.email.(string)
		c, known := got[strings.ToLower(strings.TrimSpace(address))]
		if row.skip == "" && row.deleted == nil && known && c.Fields["short_code"] != strings.TrimSpace(row.code.(string)) {
			t.Errorf("%s carries %q", address, c.Fields["short_code"])
		}
	}
	if c := got["empty@example.com"]; c.FirstName != "" || c.Fields["tier"] != "" || c.Fields["short_code"] == "" {
		t.Errorf("cleared? %+v", c)
	}
	if c := got["ann@müller.example"]; c.Fields["seen"] != "1969-12-31T23:59:59Z" || c.Fields["born"] != "1899-12-31" || c.Fields["price"] != "-0.5" {
		t.Errorf("%+v", c)
	}
}
