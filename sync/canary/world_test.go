package canary

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
	"golang.org/x/oauth2"

	"ccsyncd/ccapi"
	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/mirror"
	"ccsyncd/sync/plan"
	"ccsyncd/sync/state"
	"ccsyncd/sync/state/statetest"
	"ccsyncd/sync/users"
)

// world is an account in the sandbox, a state file, and a run whose plan is to be sent.
type world struct {
	t       *testing.T
	box     *sandbox.Server
	broken  error // of every request to the account
	gone    bool  // no contact has the id that is asked for
	db      *state.DB
	mirror  *mirror.Mirror
	mapping *contact.Mapping
	ids     map[string]string // of lists and fields, by name
	denier  statetest.Denier
	canary  *Canary
}

// newWorld has a field that is mapped and a list that is joined, and others.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, box: sandbox.New(sandbox.Options{Unlimited: true, Tokens: sandbox.Lifetimes{Access: time.Hour}}), ids: make(map[string]string)}
	for _, name := range []string{"App users", "Newsletter", "VIP"} {
		w.ids[name] = w.box.AddList(name)
	}
	for _, name := range []string{"code", "Shoe size"} {
		w.ids[name] = w.box.AddCustomField(name, "string")
	}
	w.mapping = &contact.Mapping{Lists: []state.Binding{{ID: w.ids["App users"], Name: "App users"}}, Targets: []contact.Target{
		{Field: contact.Field{Column: "code", CustomField: "code"}, ID: w.ids["code"], Name: "code", Label: "code", Kind: contact.KindText},
		{Field: contact.Field{Column: "first_name", Property: "first_name"}, Name: "first_name", Kind: contact.KindText}}}
	dir := t.TempDir()
	deniers.Store(dir, &w.denier)
	var err error
	if w.db, err = state.Open(t.Context(), filepath.Join(dir, "ccsync.db"), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	access, _ := w.box.Authorize()
	read := ccapi.NewReader("http://sandbox/v3", &http.Client{Transport: w}, onlyToken(access))
	w.mirror = mirror.New(mirror.Options{State: w.db, Read: read, Write: ccapi.NewWriter(read), Scratch: dir, Page: ccapi.ContactsPerPage, Log: slog.New(slog.DiscardHandler),
		Note: func(string) {}, Step: func(string, int, int) {}, Waited: func(time.Duration) {},
		Bind: func(context.Context) (*contact.Mapping, error) { return w.mapping, nil }}, w.mapping, true)
	t.Cleanup(func() { w.mirror.Close() })
	w.canary = New(Options{Run: 7, Contacts: 5, Write: true, State: w.db, Read: read, Mirror: w.mirror, Log: slog.New(slog.DiscardHandler)}, w.mapping)
	return w
}

// RoundTrip answers for the account.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.broken != nil {
		return nil, w.broken
	}
	answer := httptest.NewRecorder()
	if w.gone {
		answer.WriteHeader(http.StatusNotFound)
		return answer.Result(), nil
	}
	r = r.Clone(r.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w.box.ServeHTTP(answer, r)
	return answer.Result(), nil
}

type onlyToken string

func (o onlyToken) Token(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: string(o), TokenType: "Bearer"}, nil
}

func (o onlyToken) Renew(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	return nil, errors.New("no other token")
}

// deniers are by the folder of their world.
var deniers sync.Map

// Every connection to the state file of a world asks its denier.
func init() {
	db, err := sql.Open("sqlite3", "")
	if err != nil {
		panic(err)
	}
	db.Driver().(*sqlite3.SQLiteDriver).ConnectHook = func(c *sqlite3.SQLiteConn) error {
		if d, ok := deniers.Load(filepath.Dir(c.GetFilename(""))); ok {
			c.RegisterAuthorizer(d.(*statetest.Denier).Ask)
		}
		return nil
	}
}

// plan refreshes the mirror and plans for rows of key, address, code and first name.
func (w *world) plan(rows ...source.Row) *plan.Plan {
	w.t.Helper()
	if err := w.mirror.Refresh(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	us, err := users.Read(w.t.Context(), func(yield func(source.Row, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}, w.mapping, w.t.TempDir(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer us.Close()
	p, err := plan.Make(w.t.Context(), plan.Rules{Mapping: w.mapping, Create: true, Now: time.Now(), Scratch: w.t.TempDir()}, w.mirror, us, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.Close)
	return p
}

// sent prepares the canary for all of a plan, has the account changed as if by its import, and
// compares.
func (w *world) sent(p *plan.Plan, change func()) {
	w.t.Helper()
	w.prepare(p)
	change()
	w.compare()
}

// prepare prepares the canary for all of a plan.
func (w *world) prepare(p *plan.Plan) {
	w.t.Helper()
	all := make(map[string]bool)
	for o, err := range p.Each() {
		if err != nil {
			w.t.Fatal(err)
		}
		all[o.Row.Norm] = true
	}
	if err := w.canary.Prepare(w.t.Context(), p, all); err != nil {
		w.t.Fatal(err)
	}
}

// compare compares as a later run does, whose mirror is refreshed.
func (w *world) compare() {
	w.t.Helper()
	if err := errors.Join(w.mirror.Changes(w.t.Context()), w.canary.Compare(w.t.Context())); err != nil {
		w.t.Fatal(err)
	}
}

// want checks how many contacts are due, and wait to be compared, and what the guard is told.
func (w *world) want(what string, due, waiting int, details ...string) {
	w.t.Helper()
	isDue, err := w.canary.Due(w.t.Context())
	waits, err2 := w.canary.Waiting(w.t.Context())
	v := plan.NoVerdict()
	if err := errors.Join(err, err2, w.canary.Judge(w.t.Context(), &v)); err != nil {
		w.t.Fatal(err)
	}
	if isDue != due || waits != waiting || !slices.Equal(v.Details, details) || v.Tripped != (len(details) > 0) {
		w.t.Errorf("%s: %d are due, %d wait, %q; want %d, %d, %q", what, isDue, waits, v.Details, due, waiting, details)
	}
}
