package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/cmd/ccsyncd/internal/app"
	"ccsyncd/cmd/ccsyncd/internal/shell"
	"ccsyncd/internal/kit"
)

// behaviour is how an account answers; `check --account --output json` prints it. It has no
// personal data: no address, name, label, id or value, only forms, words of the API and numbers.
type behaviour struct {
	Schema  int       `json:"schema"`
	Version string    `json:"version"`
	Rows    []finding `json:"rows"`
}

// finding is one line of the table.
type finding struct {
	Topic string `json:"topic"`
	Found string `json:"found"`
}

// seen is an answer as it came.
type seen struct {
	path  string // behind the base URL
	query url.Values
	code  int
	head  http.Header
	body  *bytes.Buffer
}

// json is the decoded body, nil where it is none.
func (s *seen) json() any {
	d := json.NewDecoder(bytes.NewReader(s.body.Bytes()))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// accountAnswers keeps the answers to GETs of the API while it watches.
type accountAnswers struct {
	base string
	all  []*seen
}

// watch is an observer of requests: it copies each body as it is read.
func (w *accountAnswers) watch(r *http.Request, answer *http.Response, err error) {
	path, ours := strings.CutPrefix(r.URL.String(), w.base)
	if err != nil || !ours || r.Method != http.MethodGet {
		return
	}
	path, _, _ = strings.Cut(path, "?")
	s := &seen{path: path, query: r.URL.Query(), code: answer.StatusCode, head: answer.Header, body: new(bytes.Buffer)}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(answer.Body, s.body), answer.Body}
	w.all = append(w.all, s)
}

// of are the answers of a path that have a body to look at.
func (w *accountAnswers) of(path string, fits func(*seen) bool) []*seen {
	var found []*seen
	for _, s := range w.all {
		if s.path == path && s.code == http.StatusOK && (fits == nil || fits(s)) {
			found = append(found, s)
		}
	}
	return found
}

// lookedPages is how many pages of contacts are read: enough to see their order, and few beside a
// day's requests.
const lookedPages = 4

// ShowAccount finds out by reading alone how the account behaves, and prints it.
func ShowAccount(ctx context.Context, sh *shell.Shell, output string) (err error) {
	a, err := app.Open(ctx, sh)
	if err != nil {
		return err
	}
	defer shell.AtExit(&err, "close", a.Close)
	w := &accountAnswers{base: strings.TrimSuffix(a.Config.Endpoints.API, "/")}
	a.Observe(w.watch)
	if err := readAround(ctx, a); err != nil {
		return err
	}
	b := &behaviour{Schema: 1, Version: sh.Version, Rows: w.findings()}
	if output == shell.OutputJSON {
		return sh.Out.JSON(b)
	}
	sh.Out.Printf("| topic | found (ccsyncd %s) |\n|---|---|\n", sh.Version)
	for _, f := range b.Rows {
		sh.Out.Printf("| %s | %s |\n", f.Topic, strings.ReplaceAll(f.Found, "|", "\\|"))
	}
	sh.Err.Print("if this table differs from docs/first-meeting.md, paste it into an issue")
	sh.Next("ccsyncd --dry-run")
	return nil
}

// readAround makes the requests. What an account keeps to itself is a finding too.
func readAround(ctx context.Context, a *app.App) error {
	_, err := a.Reader.Account(ctx)
	steps := []func() error{
		func() error { _, err := a.Reader.Privileges(ctx); return err },
		func() error { _, err := a.Reader.CustomFields(ctx); return err },
		func() error { _, err := a.Reader.Lists(ctx); return err },
		func() error { _, err := a.Reader.Counts(ctx); return err },
		func() error { return readPages(ctx, a, ccapi.ContactsQuery{}, lookedPages) },
		func() error { return readPages(ctx, a, ccapi.ContactsQuery{}, 1) }, // the first again
		func() error { return readPages(ctx, a, ccapi.ContactsQuery{Deleted: true}, 1) },
		func() error {
			return readPages(ctx, a, ccapi.ContactsQuery{UpdatedAfter: a.State.Now().Add(-24 * time.Hour)}, 1)
		},
		func() error { _, err := a.Reader.Activities(ctx); return err },
	}
	for _, step := range steps {
		var answered *ccapi.Error
		if err != nil && !app.IsUntold(err) && !errors.As(err, &answered) || errors.Is(err, ccapi.ErrUnauthorized) {
			return err
		}
		err = step()
	}
	if err != nil && !app.IsUntold(err) {
		return err
	}
	return nil
}

func readPages(ctx context.Context, a *app.App, q ccapi.ContactsQuery, most int) error {
	n := 0
	for _, err := range a.Reader.Contacts(ctx, q) {
		if err != nil {
			return err
		}
		if n++; n == most {
			return nil
		}
	}
	return nil
}

// findings are the lines of the table.
func (w *accountAnswers) findings() []finding {
	var all []finding
	add := func(topic, found string) {
		if found != "" {
			all = append(all, finding{topic, found})
		}
	}
	whole := func(s *seen) bool { return s.query.Get("updated_after") == "" && s.query.Get("status") != "deleted" }
	pages := w.of("/contacts", whole)
	if len(pages) > 1 {
		pages = pages[:len(pages)-1]
	}
	add("answers", w.codes())
	add("headers", w.headers())
	add("account summary", keysOf(w.bodies("/account/summary")))
	add("privileges", privileges(w.bodies("/account/user/privileges")))
	add("custom fields", fieldTypes(w.bodies("/contact_custom_fields")))
	add("custom fields: names", fieldNames(w.bodies("/contact_custom_fields")))
	add("lists", listsFound(w.bodies("/contact_lists")))
	add("contact counts", numbers(w.bodies("/contacts/counts")))
	add("contacts: counts and pages", pagesFound(pages))
	add("contacts: order", orderFound(pages))
	add("contacts: the first page again", sameAgain(w.of("/contacts", whole)))
	add("contacts: next link", nextLinks(pages))
	add("contacts: members", keysOf(elements(pages, "contacts")))
	add("contacts: email_address", keysOf(under(elements(pages, "contacts"), "email_address")))
	add("contacts: permission_to_send", words(under(elements(pages, "contacts"), "email_address"), "permission_to_send"))
	add("contacts: dates", dateForms(elements(pages, "contacts")))
	add("deleted contacts", pagesFound(w.of("/contacts", func(s *seen) bool { return s.query.Get("status") == "deleted" })))
	add("contacts updated in a day", pagesFound(w.of("/contacts", func(s *seen) bool { return s.query.Get("updated_after") != "" })))
	activities := elements(w.of("/activities", nil), "activities")
	add("activities of ten days", kit.Plural(len(activities), "activity", "activities"))
	add("activities: state", words(activities, "state"))
	add("activities: members", keysOf(activities))
	add("activities: status", statusForms(activities))
	add("activities: self links", selfLinks(activities))
	add("activities: errors", errorsFound(activities))
	add("activities: time", timesTaken(activities))
	add("activities: dates", dateForms(activities))
	return all
}

// bodies are the decoded answers of a path.
func (w *accountAnswers) bodies(path string) []any {
	var all []any
	for _, s := range w.of(path, nil) {
		all = append(all, s.json())
	}
	return all
}

// codes counts the answers by status, and names the paths that were refused.
func (w *accountAnswers) codes() string {
	tally := make(map[string]int)
	for _, s := range w.all {
		name := http.StatusText(s.code)
		if s.code != http.StatusOK {
			name += " of " + s.path
		}
		tally[name]++
	}
	return tallied(tally)
}

// headers are the names of the headers that answers carry.
func (w *accountAnswers) headers() string {
	names := make(map[string]bool)
	for _, s := range w.all {
		for name := range s.head {
			names[strings.ToLower(name)] = true
		}
	}
	return strings.Join(slices.Sorted(keys(names)), ", ")
}
