package sandbox_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
)

func TestContactsAreLoadedFromCSV(t *testing.T) {
	t.Parallel()
	s := sandbox.New(sandbox.Options{})
	n, err := s.SeedCSV(strings.NewReader("\ufeffemail,first_name,lists,permission,deleted,cf:Short code\n" +
		"ann@example.com,Ann,\"A, B\",explicit,,K7\nbob@example.com,,,,true,\n"))
	if err != nil || n != 2 {
		t.Fatalf("got %d, %v", n, err)
	}
	want := []sandbox.Contact{
		{Address: "ann@example.com", FirstName: "Ann", Permission: "explicit", Lists: []string{"A", "B"}, Fields: map[string]string{"short_code": "K7"}},
		{Address: "bob@example.com", Permission: "implicit", Deleted: true, Fields: map[string]string{}},
	}
	if diff := cmp.Diff(want, s.Contacts(), unchanged); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnExportCanBeLoadedAgain(t *testing.T) {
	t.Parallel()
	from, c := serve(t, sandbox.Options{Contacts: 40, ImportTime: instant, Unlimited: true})
	from.Seed(sandbox.Contact{Address: "vip@example.com", Permission: sandbox.Explicit, Tags: []string{"vip", "new"}, Company: "A, B and C"})
	a := c.bulk("contact_exports", `{}`)
	file := c.call("GET", a.Links.Results.Href, nil, 200).body
	to := sandbox.New(sandbox.Options{})
	if _, err := to.SeedCSV(strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	for _, want := range from.Contacts() {
		got, found := to.Contact(want.Address)
		got.ID = want.ID
		if diff := cmp.Diff(want, got); !found || diff != "" {
			t.Fatalf("%s: found %v (-want +got):\n%s", want.Address, found, diff)
		}
	}
}

func TestFilesOfContactsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                      "",
		"no column of addresses":       "name\nAnn\n",
		"a permission that is none":    "email,permission\na@example.com,maybe\n",
		"a time that is none":          "email,updated_at\na@example.com,yesterday\n",
		"a line with too many columns": "email\na@example.com,b\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sandbox.New(sandbox.Options{})
			if n, err := s.SeedCSV(strings.NewReader(text)); err == nil || len(s.Contacts()) != 0 {
				t.Errorf("got %d, %v and %d contacts, want an error and none", n, err, len(s.Contacts()))
			}
		})
	}
}
