package sync_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// whole is all that the API tells of a contact, but the times and makers of changes.
func (w *world) whole(address string) map[string]any {
	w.t.Helper()
	c, _ := w.box.Contact(address)
	var all map[string]any
	text := w.call("GET", "/v3/contacts/"+c.ID+"?include=custom_fields,list_memberships,taggings,notes,phone_numbers,street_addresses", "")
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		w.t.Fatal(err)
	}
	delete(all, "updated_at")
	delete(all, "update_source")
	return all
}

// clearing maps a code that is cleared when the row has none, and a first name.
func (w *world) clearing() {
	w.policy.Fields = []ccsync.Field{{Column: "short_code", CustomField: "short_code", Clear: true}, {Column: "first_name", Property: "first_name", Clear: true}}
}

// The values of a custom field outlive it by minutes, and a PUT that has them is refused.
func TestClearingContinuesWhereAnotherFieldWasJustDeleted(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.clearing()
		w.box.AddCustomField("Colour", "string")
		w.box.AddCustomField("Shoe size", "string")
		for i := range 3 {
			c := contact(fmt.Sprintf("user%d@example.com", i), "K1", "App users")
			c.Fields["colour"], c.Fields["shoe_size"] = "blue", "42"
			w.box.Seed(c)
			w.rows = append(w.rows, row(fmt.Sprint(i), c.Address, "", ""))
		}
		w.box.DeleteField("colour")
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Push.Verified != 3 {
			t.Errorf("%+v", report.Push)
		}
		for _, c := range w.box.Contacts() {
			if c.Fields["short_code"] != "" || c.Fields["shoe_size"] != "42" {
				t.Errorf("%+v", c)
			}
		}
	})
}

func TestClearingLeavesEverythingElse(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.clearing()
		w.box.AddCustomField("Colour", "string")
		full := contact("Ann.Lee@example.com", "K1", "App users", "Newsletter")
		full.Fields["colour"], full.Permission, full.Tags = "blue \"quoted\" \\ 🙂", sandbox.Explicit, []string{"vip"}
		w.box.Seed(full)
		c, _ := w.box.Contact("ann.lee@example.com")
		field, colour := w.fieldID("short_code"), w.fieldID("colour")
		w.call("PUT", "/v3/contacts/"+c.ID, `{"email_address":{"address":"Ann.Lee@example.com","permission_to_send":"explicit"},"first_name":"Ann","last_name":"Lee","job_title":"Chief",
			"company_name":"Co","birthday_month":2,"birthday_day":29,"anniversary":"2006-11-15","update_source":"Account",
			"custom_fields":[{"custom_field_id":"`+field+`","value":"K1"},{"custom_field_id":"`+colour+`","value":"blue \"quoted\" \\ 🙂"}],
			"phone_numbers":[{"phone_number":"555-1","kind":"home"}],"street_addresses":[{"kind":"work","street":"1 Road","city":"Town"}],"notes":[{"content":"a note"}]}`)
		before := w.whole("ann.lee@example.com")
		w.rows = []source.Row{row("1", "ann.lee@example.com", "", "")}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Summary.Clear != 1 || report.Summary.Update != 0 || report.Push.Verified != 1 || len(w.box.Imports()) != 0 {
			t.Errorf("%+v %+v", report.Summary, report.Push)
		}
		delete(before, "first_name")
		before["custom_fields"] = slices.DeleteFunc(before["custom_fields"].([]any), func(f any) bool { return f.(map[string]any)["custom_field_id"] == field })
		if diff := cmp.Diff(before, w.whole("ann.lee@example.com")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// fieldID is the id of a custom field, by its name.
func (w *world) fieldID(name string) string {
	w.t.Helper()
	var all struct {
		Fields []struct {
			ID   string `json:"custom_field_id"`
			Name string `json:"name"`
		} `json:"custom_fields"`
	}
	if err := json.Unmarshal([]byte(w.call("GET", "/v3/contact_custom_fields", "")), &all); err != nil {
		w.t.Fatal(err)
	}
	for _, f := range all.Fields {
		if f.Name == name {
			return f.ID
		}
	}
	w.t.Fatalf("no custom field %s", name)
	return ""
}

func TestOneValueIsClearedWhileAnotherChanges(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.clearing()
		ann := contact("a@example.com", "K1", "App users")
		ann.FirstName = "Ann"
		w.box.Seed(ann)
		w.rows = []source.Row{row("1", "a@example.com", "K2", "")}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		c, _ := w.box.Contact("a@example.com")
		if c.Fields["short_code"] != "K2" || c.FirstName != "" || report.Summary.Clear != 1 || report.Summary.Update != 0 {
			t.Errorf("%+v, %+v", c, report.Summary)
		}
		if got := report.Changes[0].Fields; len(got) != 2 || !slices.Contains(got, ccsync.FieldChange{Column: "first_name", OldToNew: ccsync.OldToNew{Old: "Ann"}}) {
			t.Errorf("%+v", got)
		}
	})
}

func TestWhatHappensWhileAValueIsClearedStays(t *testing.T) {
	t.Parallel()
	type then struct {
		do      func(w *world)
		cleared bool // when it happens before the contact is read again
	}
	for name, c := range map[string]then{
		"the value is edited":      {func(w *world) { w.box.SetField("a@example.com", "short_code", "HAND") }, false},
		"the other is edited":      {func(w *world) { w.box.SetProperty("a@example.com", "first_name", "Hand") }, false},
		"the contact opts out":     {func(w *world) { w.box.OptOut("a@example.com") }, false},
		"the contact is deleted":   {func(w *world) { w.box.Delete("a@example.com") }, false},
		"the contact leaves lists": {func(w *world) { w.box.LeaveList("a@example.com", "App users") }, true},
		"the contact joins a list": {func(w *world) { w.box.JoinList("a@example.com", "Newsletter") }, true},
		"a property is edited":     {func(w *world) { w.box.SetProperty("a@example.com", "job_title", "Chief") }, true},
		// it is nobody the plan knows
		"the address changes": {func(w *world) { w.box.ChangeAddress("a@example.com", "b@example.com") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.clearing()
				ann := contact("a@example.com", "K1", "App users")
				ann.FirstName = "Ann"
				w.box.Seed(ann)
				id := w.box.Contacts()[0].ID
				w.rows = []source.Row{row("1", "a@example.com", "", "Ann")}
				var want sandbox.Contact
				w.before(func(r *http.Request) {
					if r.Method == "GET" && r.URL.Path == "/v3/contacts/"+id && want.ID == "" {
						c.do(w)
						want, _ = w.box.Contact(id)
					}
				})
				w.run(ccsync.Options{})
				if c.cleared {
					want.Fields = map[string]string{}
				}
				got, _ := w.box.Contact(id)
				got.UpdatedAt, want.UpdatedAt = time.Time{}, time.Time{}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Between reading a contact and putting it back there are some milliseconds.
func TestPuttingAContactBackUndoesNoOptOutAndNoListExit(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.clearing()
		w.box.Seed(contact("a@example.com", "K1", "App users", "Newsletter"))
		w.rows = []source.Row{row("1", "a@example.com", "", "")}
		w.before(func(r *http.Request) {
			if r.Method == "PUT" {
				w.box.OptOut("a@example.com")
				w.box.LeaveList("a@example.com", "Newsletter")
			}
		})
		report := w.run(ccsync.Options{})
		c, _ := w.box.Contact("a@example.com")
		if c.Permission != sandbox.Unsubscribed || !slices.Equal(c.Lists, []string{"App users"}) {
			t.Errorf("%+v", c)
		}
		if len(report.Push.Problems) != 1 || report.Push.Problems[0].Reason != ccsync.Overstepped {
			t.Errorf("%+v", report.Push)
		}
	})
}

func TestAContactThatCannotBePutBackWholeHoldsUpNobody(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.clearing()
		many := contact("many@example.com", "K1", "App users")
		for i := range 26 {
			many.Fields[fmt.Sprintf("own %d", i)] = "x"
		}
		w.box.Seed(many, contact("few@example.com", "K2", "App users"), contact("new@example.com", "", "App users"))
		w.rows = []source.Row{row("1", "many@example.com", "", ""), row("2", "few@example.com", "", ""), row("3", "new@example.com", "K3", "")}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Partial)
		if got := []string{w.code("many@example.com"), w.code("few@example.com"), w.code("new@example.com")}; !slices.Equal(got, []string{"K1", "", "K3"}) {
			t.Errorf("codes %q", got)
		}
		if p := report.Push.Problems; len(p) != 1 || p[0].Key != "1" || p[0].Reason != ccsync.Rejected || !strings.Contains(p[0].Detail, "25 custom fields") {
			t.Errorf("problems %+v", p)
		}
		w.wantQuiet() // it waits for its next try
	})
}

func TestTheUnsubscribedAreNeverCleared(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.clearing()
		w.policy.UpdateUnsubscribed, w.policy.ClearOrphans = true, true
		for _, name := range []string{"clear", "both", "orphan"} {
			c := contact(name+"@example.com", "", "App users")
			w.box.Seed(c)
			w.rows = append(w.rows, row(name, c.Address, "K", "Ann"))
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		for _, r := range w.rows {
			w.box.OptOut(r.Email)
		}
		w.rows = []source.Row{row("clear", "clear@example.com", "", "Ann"), row("both", "both@example.com", "", "Bea")}
		report := w.run(ccsync.Options{Full: true})
		w.want(report, ccsync.Synced)
		if len(w.box.Writes()) != 1+1 {
			t.Errorf("%+v", w.box.Writes())
		}
		for _, name := range []string{"clear", "both", "orphan"} {
			if w.code(name+"@example.com") != "K" {
				t.Errorf("%s was cleared", name)
			}
		}
		if c, _ := w.box.Contact("both@example.com"); c.FirstName != "Bea" {
			t.Errorf("the other value was not sent: %+v", c)
		}
		if skipOf(report, "clear") != ccsync.Unsubscribed {
			t.Errorf("%+v", report.Skipped)
		}
	})
}

func TestValuesOfEveryTypeAreCleared(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ field, there string }{
		{realDate, "2026-01-02"}, {plain("datetime"), "2026-01-02T00:00:00Z"}, {plain("number"), "1.50"}, {plain("boolean"), "false"},
		{plain("text_area"), "one\r\ntwo"}, {singleSelect, "Gold"}, {multiSelect, "tea,milk"}, {plain("currency"), "1.00"},
	} {
		t.Run(c.field, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.mapped(c.field)
				w.policy.Fields[0].Clear = true
				w.box.Seed(sandbox.Contact{Address: "a@example.com", Fields: map[string]string{"value": c.there}})
				w.rows = []source.Row{row("1", "a@example.com", " ")}
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if got, _ := w.box.Contact("a@example.com"); report.Summary.Clear != 1 || got.Fields["value"] != "" {
					t.Errorf("%+v, skipped %+v", got, report.Skipped)
				}
			})
		})
	}
}

func TestOrphansAreClearedAcrossChangesOfTheMapping(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		code := w.policy.Fields[0]
		name := ccsync.Field{Column: "first_name", Property: "first_name"}
		job := ccsync.Field{Column: "job", Property: "job_title"}
		w.policy.ClearOrphans = true
		w.policy.Fields = []ccsync.Field{code, name}
		for _, a := range []string{"a@example.com", "edited@example.com", "back@example.com"} {
			w.box.Seed(contact(a, "", "App users"))
			w.rows = append(w.rows, row(a, a, "K"+a, "Ann"))
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.policy.Fields = []ccsync.Field{job, name, code} // in another order, and with one more
		for i, r := range w.rows {
			w.rows[i].Values = []string{"", "Ann", r.Values[0]}
		}
		w.box.SetProperty("a@example.com", "job_title", "Chief")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.box.SetField("edited@example.com", "short_code", "HAND")
		w.box.SetField("back@example.com", "short_code", "HAND")
		w.run(ccsync.Options{Full: true})
		// the name is not mapped any more, and so not ours to clear
		w.policy.Fields = []ccsync.Field{code}
		w.rows = []source.Row{}
		w.box.SetField("edited@example.com", "short_code", "HAND")
		time.Sleep(time.Hour)
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		for address, want := range map[string]string{"a@example.com": "", "edited@example.com": "HAND", "back@example.com": ""} {
			if c, _ := w.box.Contact(address); c.Fields["short_code"] != want || c.FirstName != "Ann" {
				t.Errorf("%s: %+v, want %q", address, c, want)
			}
		}
		if report.Summary.Clear != 2 {
			t.Errorf("%+v", report.Summary)
		}
	})
}
