package mirror

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mattn/go-sqlite3"
	"golang.org/x/oauth2"

	"ccsyncd/ccapi"
	"ccsyncd/ccapi/sandbox"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
	"ccsyncd/sync/state/statetest"
)

// world is an account in the sandbox behind a real HTTP server, and a state file, in a bubble.
// Its pages are small, so that a hundred contacts are a large account.
type world struct {
	t       *testing.T
	box     *sandbox.Server
	db      *state.DB
	dir     string
	net     http.RoundTripper // to the sandbox
	wire    http.RoundTripper // to net, in the end
	client  *ccapi.Reader
	mapping *contact.Mapping
	lists   map[string]string // ids by name
	denier  statetest.Denier
	// what the runs are told to do
	page int
	full bool
	next func(time.Time) time.Time
	// what they told
	notes  []string
	steps  []string
	waited time.Duration
}

// small is the size of a world's pages.
const small = 5

// inWorld runs a test in a world whose account has n contacts.
func inWorld(t *testing.T, n int, test func(*world)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, box: sandbox.New(sandbox.Options{Unlimited: true, Tokens: sandbox.Lifetimes{Access: 10_000 * time.Hour}}), dir: dir,
			lists: make(map[string]string), page: small}
		field := contact.Field{Column: "code", CustomField: "Short code"}
		w.mapping = &contact.Mapping{Targets: []contact.Target{{Field: field, ID: w.box.AddCustomField("Short code", "string"), Name: "short_code", Label: "Short code", Kind: contact.KindText}}}
		for _, name := range []string{"App users", "Newsletter"} {
			w.lists[name] = w.box.AddList(name)
		}
		w.throw(sandbox.Switches{})
		w.crowd(0, n)
		deniers.Store(dir, &w.denier)
		var err error
		if w.db, err = state.Open(t.Context(), filepath.Join(dir, "ccsync.db"), nil); err != nil {
			t.Fatal(err)
		}
		defer w.db.Close()
		defer w.connect()()
		test(w)
	})
}

// connect makes the client.
func (w *world) connect() (stop func()) {
	lines := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: w.box}
	go server.Serve(lines)
	base := &http.Transport{DialContext: lines.dial}
	w.net, w.wire = base, base
	access, _ := w.box.Authorize()
	w.client = ccapi.NewReader("http://sandbox/v3", &http.Client{Transport: through(func(r *http.Request) (*http.Response, error) { return w.wire.RoundTrip(r) })}, onlyToken(access))
	return func() {
		base.CloseIdleConnections()
		server.Close()
	}
}

type through func(*http.Request) (*http.Response, error)

func (f through) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type onlyToken string

func (o onlyToken) Token(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: string(o), TokenType: "Bearer"}, nil
}

var errNoToken = errors.New("no other token")

func (o onlyToken) Renew(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	return nil, errNoToken
}

// pipes is a listener whose connections never leave the process.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// crowd adds contacts, from one number to below another.
func (w *world) crowd(from, to int) {
	contacts := make([]sandbox.Contact, 0, to-from)
	for i := from; i < to; i++ {
		contacts = append(contacts, sandbox.Contact{Address: user(i), Lists: []string{"App users"}, Fields: map[string]string{"Short code": fmt.Sprintf("C%04d", i)}})
	}
	w.box.Seed(contacts...)
}

// throw sets the switches of the sandbox; an edit of a field counts as an update.
func (w *world) throw(switches sandbox.Switches) {
	switches.FieldEditMovesUpdatedAt = true
	w.box.SetSwitches(switches)
}

func user(i int) string { return fmt.Sprintf("user%04d@example.com", i) }

// run is the mirror of a run that may write.
func (w *world) run() *Mirror {
	w.t.Helper()
	return w.runWith(ccapi.NewWriter(w.client))
}

// dry is the mirror of a dry run.
func (w *world) dry() *Mirror {
	w.t.Helper()
	return w.runWith(nil)
}

func (w *world) runWith(writer *ccapi.Writer) *Mirror {
	m := New(Options{State: w.db, Read: w.client, Write: writer, Scratch: w.dir, Page: w.page, Log: discard(), Full: w.full, NextSnapshot: w.next,
		Note: func(text string) { w.notes = append(w.notes, text) },
		Step: func(name string, done, total int) {
			w.steps = append(w.steps, fmt.Sprintf("%s %d/%d", name, done, total))
		},
		Waited: func(d time.Duration) { w.waited += d },
		Bind:   func(context.Context) (*contact.Mapping, error) { return w.mapping, nil },
	}, w.mapping, true)
	w.t.Cleanup(func() { m.Close() })
	return m
}

// refresh refreshes the mirror of a new run, which must succeed, and look like the account then.
func (w *world) refresh(how string) *Mirror {
	w.t.Helper()
	m := w.run()
	if err := m.Refresh(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if m.Told().Refresh != how {
		w.t.Errorf("it was refreshed by %q, want %q", m.Told().Refresh, how)
	}
	w.wantTruth(m)
	return m
}

// asked is what the API was asked since it was last asked for: path and status, and the parameters
// named in also.
func (w *world) asked(also ...string) (all []string) {
	for _, r := range w.box.Requests() {
		text := fmt.Sprintf("%s %s", r.Method, strings.TrimPrefix(r.Path, "/v3/"))
		if i := strings.LastIndex(text, "/"); i > 0 && len(text)-i == len("/00000000-0000-0000-0000-000000000000") {
			text = text[:i+1] + "…"
		}
		for part := range strings.SplitSeq(r.Query, "&") {
			if name, _, _ := strings.Cut(part, "="); slices.Contains(also, name) {
				text += " " + part
			}
		}
		all = append(all, text)
	}
	w.box.ForgetRequests()
	return all
}

// count counts what was asked and begins so.
func count(asked []string, start string) (n int) {
	for _, text := range asked {
		if strings.HasPrefix(text, start) {
			n++
		}
	}
	return n
}

// exports counts the exports that were ordered since requests were last looked at.
func (w *world) exports() int { return count(w.asked(), "POST activities/contact_exports") }

// wantTruth fails the test unless the mirror has the contacts of the account that have an address,
// all of them and as they are.
func (w *world) wantTruth(m *Mirror) {
	w.t.Helper()
	var truth []string
	live := 0
	for _, c := range w.box.Contacts() {
		if c.Address == "" {
			continue
		}
		if !c.Deleted {
			live++
		}
		var lists []string
		for _, name := range c.Lists {
			lists = append(lists, w.lists[name])
		}
		slices.Sort(lists)
		values := []string{c.Fields["short_code"], c.FirstName}[:len(w.mapping.Targets)]
		truth = append(truth, lineOf(&state.Contact{Norm: strings.ToLower(c.Address), Address: c.Address, Permission: c.Permission, Deleted: c.Deleted, Lists: lists, Fields: contact.Encode(values), UpdatedAt: c.UpdatedAt}))
	}
	slices.Sort(truth)
	if got := w.has(m); !slices.Equal(got, truth) {
		w.t.Errorf("the mirror is not the account:\n%s", differences(got, truth))
	}
	if m.Live() != live {
		w.t.Errorf("the mirror counts %d contacts that are not deleted, want %d", m.Live(), live)
	}
}

// has is what a mirror has, a line a contact.
func (w *world) has(m *Mirror) (lines []string) {
	w.t.Helper()
	var norms []string
	for e, err := range m.Entries(w.t.Context()) {
		if err != nil {
			w.t.Fatal(err)
		}
		norms = append(norms, e.Norm)
	}
	contacts, err := m.Contacts(w.t.Context(), slices.Compact(norms))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range contacts {
		lines = append(lines, lineOf(&contacts[i]))
	}
	slices.Sort(lines)
	return lines
}

func lineOf(c *state.Contact) string {
	if c.Deleted { // their pages tell no more
		return fmt.Sprintf("%s %s deleted %q", c.Norm, c.Address, c.Lists)
	}
	return fmt.Sprintf("%s %s %s %v %s %s", c.Norm, c.Address, c.Permission, c.Lists, c.Fields, c.UpdatedAt.UTC().Format(time.RFC3339))
}

func differences(got, want []string) string {
	var text strings.Builder
	for _, line := range got {
		if !slices.Contains(want, line) {
			fmt.Fprintf(&text, "too many: %s\n", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			fmt.Fprintf(&text, "missing:  %s\n", line)
		}
	}
	return text.String()
}

// wantNotes fails the test unless as many notes were made as texts are given, and each has its
// text. The next call looks at later ones.
func (w *world) wantNotes(texts ...string) {
	w.t.Helper()
	matching := len(w.notes) == len(texts)
	for i := range min(len(w.notes), len(texts)) {
		matching = matching && strings.Contains(w.notes[i], texts[i])
	}
	if !matching {
		w.t.Errorf("notes %q, want %q", w.notes, texts)
	}
	w.notes = nil
}

// deniers are by the folder of their world.
var deniers sync.Map

// Every connection to a state file in the folder of a world asks its denier. No test cuts the
// power, so what is written need not be waited for.
func init() {
	db, err := sql.Open("sqlite3", "")
	if err != nil {
		panic(err)
	}
	db.Driver().(*sqlite3.SQLiteDriver).ConnectHook = func(c *sqlite3.SQLiteConn) error {
		dir := filepath.Dir(c.GetFilename(""))
		d, ok := deniers.Load(dir)
		if !ok {
			d, ok = deniers.Load(filepath.Dir(dir)) // a private mirror
		}
		if !ok {
			return nil
		}
		if _, err := c.Exec("PRAGMA synchronous = OFF", nil); err != nil {
			return err
		}
		c.RegisterAuthorizer(d.(*statetest.Denier).Ask)
		return nil
	}
}
