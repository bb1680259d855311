package mirror

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"ccsyncd/ccapi"
	"ccsyncd/ccapi/sandbox"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// answer is the contacts that an account shows for an address, "id address", and their count.
type answer struct {
	shown []string
	count int
}

// answers are those of an account, by address.
type answers map[string]answer

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	is := a[r.URL.Query().Get("email")]
	var contacts []string
	for _, text := range is.shown {
		id, address, _ := strings.Cut(text, " ")
		contacts = append(contacts, fmt.Sprintf(`{"contact_id":%q,"email_address":{"address":%q,"permission_to_send":"implicit"}}`, id, address))
	}
	body := fmt.Sprintf(`{"contacts":[%s],"contacts_count":%d}`, strings.Join(contacts, ","), is.count)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (a answers) Token(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: "a", TokenType: "Bearer"}, nil
}

func (a answers) Renew(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	return a.Token(context.Background())
}

func TestAContactReadByItsAddressIsCountedAndOneThatIsGoneNoMore(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		m := w.refresh("snapshot")
		w.crowd(12, 13)
		w.box.Delete(user(3))
		for _, step := range []struct{ user, contacts int }{{12, 13}, {3, 12}, {4, 12}} {
			if err := m.Place(w.t.Context(), user(step.user), []string{user(step.user)}); err != nil || m.Told().Contacts != step.contacts {
				t.Errorf("%d contacts (%v), want %d", m.Told().Contacts, err, step.contacts)
			}
		}
		w.wantTruth(m)
	})
}

// Where an account always counts more than it shows, the day's requests would go there.
func TestAnAddressOfWhichMoreIsCountedThanShownIsAskedForAFewTimesTheFirstTimeAlone(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		m := w.refresh("snapshot")
		w.counts(func(int) int { return 2 })
		w.asked()
		for _, want := range []int{5, 2, 2} {
			if err := m.Place(w.t.Context(), user(1), []string{user(1)}); err != nil {
				w.t.Fatal(err)
			}
			if n := len(w.asked()); n != want {
				t.Errorf("%d requests, want %d", n, want)
			}
		}
		w.wantNotes("counts more contacts for an address than it shows")
		w.wantTruth(m)
	})
}

// Somebody who was counted and not shown is unclear until a refresh shows him.
func TestAContactThatARefreshShowsIsUnclearNoMore(t *testing.T) {
	t.Parallel()
	inWorld(t, 12, func(w *world) {
		m := w.refresh("snapshot")
		w.edits("contacts?", func(int, string) string { return `{"contacts":[],"contacts_count":1}` })
		if err := m.Place(w.t.Context(), "new@example.com", []string{"new@example.com"}); err != nil {
			w.t.Fatal(err)
		}
		w.wire = w.net
		permissions := func() (all []string) {
			found, err := m.Contacts(w.t.Context(), []string{"new@example.com", user(0)})
			if err != nil {
				w.t.Fatal(err)
			}
			for _, c := range found {
				all = append(all, c.Norm+" "+c.Permission)
			}
			return all
		}
		if got := permissions(); !slices.Equal(got, []string{"new@example.com " + contact.Unclear, user(0) + " implicit"}) {
			t.Errorf("%q", got)
		}
		w.box.AddContact(sandbox.Contact{Address: "new@example.com", Lists: []string{"App users"}})
		if err := m.Changes(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		if got := permissions(); !slices.Equal(got, []string{"new@example.com implicit", user(0) + " implicit"}) {
			t.Errorf("after a refresh: %q", got)
		}
	})
}

// Whoever is taken for no contact by mistake would be created.
func TestAnAddressHasNoContactOnlyWhereTheAccountIsClearAboutIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := state.Open(t.Context(), filepath.Join(dir, "ccsync.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	account := make(answers)
	field := contact.Target{Field: contact.Field{Column: "code"}, ID: "1", Name: "code", Kind: contact.KindText}
	m := New(Options{State: db, Scratch: dir, Page: ccapi.ContactsPerPage, Log: discard(), Note: func(string) {}, Step: func(string, int, int) {},
		Read: ccapi.NewReader("http://account.invalid/v3", &http.Client{Transport: account}, account)}, &contact.Mapping{Targets: []contact.Target{field}}, true)
	if err := db.Remap(t.Context(), m.mapping.Key(), contact.Carry); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		shown []string
		count int
		want  []string // contacts that the mirror has of Ann then, with their permission
	}{
		{[]string{"1 ann@example.com"}, 1, []string{"1 implicit"}},
		{[]string{"1 Ann@Example.com", "2 ann@example.com"}, 2, []string{"1 implicit", "2 implicit"}},
		{[]string{"2 ann@example.com"}, 1, []string{"2 implicit"}},
		{nil, 0, nil},
		{nil, 1, []string{"unclear"}},
		{nil, 0, nil},
		{[]string{"3 ben@example.com"}, 1, []string{"unclear"}},
		{[]string{"3 ben@example.com", "1 ann@example.com"}, 2, []string{"1 implicit"}},
		{[]string{"1 ann@example.com"}, 2, []string{"1 implicit"}},
		{nil, 0, nil},
	} {
		account["ann@example.com"] = answer{step.shown, step.count}
		account["Ann@Example.com"] = account["ann@example.com"]
		if err := m.Place(t.Context(), "ann@example.com", []string{"ann@example.com", "Ann@Example.com"}); err != nil {
			t.Fatal(err)
		}
		found, err := m.Contacts(t.Context(), []string{"ann@example.com", "ben@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range found {
			if c.Permission == contact.Unclear {
				got = append(got, c.Permission)
				continue
			}
			got = append(got, c.ID+" "+c.Permission)
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("%d shown of %d: %v, want %v", len(step.shown), step.count, got, step.want)
		}
	}
}
