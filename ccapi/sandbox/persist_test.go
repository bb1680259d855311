package sandbox_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
)

func TestTheStateOutlivesTheSandbox(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sandbox.json")
	s, c := serve(t, sandbox.Options{Contacts: 20, ImportTime: func(int) time.Duration { return time.Hour }})
	if err := s.Persist(path); err != nil {
		t.Fatal(err)
	}
	_, refresh := s.Authorize()
	s.SetSwitches(sandbox.Switches{BlankClears: true})
	s.OptOut("user000002@example.com")
	a := c.sendRows(c.lists()["App users"], `{"email":"user000001@example.com","cf:short_code":"NEW"}`)
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	want := s.Contacts()

	again, c2 := serve(t, sandbox.Options{})
	if err := again.Persist(path); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, again.Contacts()); diff != "" {
		t.Errorf("contacts (-want +got):\n%s", diff)
	}
	c2.token = c.token
	c2.call("GET", "/v3/activities/"+a.ID, nil, http.StatusOK)
	if got := c2.refresh(refresh); got.Refresh == "" {
		t.Errorf("refresh token: got %+v", got)
	}
	if again.Switches() != s.Switches() || again.Used() != s.Used()+1 {
		t.Errorf("got %+v and %d used, want %+v and %d", again.Switches(), again.Used(), s.Switches(), s.Used()+1)
	}
	again.Advance(2 * time.Hour)
	if got, _ := again.Contact("user000001@example.com"); got.Fields["short_code"] != "NEW" {
		t.Errorf("the import under way was forgotten: %+v", got)
	}
	id := again.AddContact(sandbox.Contact{Address: "new@example.com"})
	if _, twice := s.Contact(id); twice {
		t.Error("an id was made twice")
	}
}

func TestTheStateIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sandbox.json")
	if err := sandbox.New(sandbox.Options{}).Persist(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
}

func TestAStateThatCannotBeReadOrWrittenIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"broken": broken, "no folder": filepath.Join(dir, "none", "state.json"), "a folder": dir} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := sandbox.New(sandbox.Options{}).Persist(path); err == nil {
				t.Error("got no error")
			}
		})
	}
	if text, err := os.ReadFile(broken); err != nil || string(text) != "{" {
		t.Errorf("the broken file was changed: %q, %v", text, err)
	}
}
