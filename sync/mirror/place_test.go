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
