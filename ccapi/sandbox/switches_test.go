package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/ccapi/sandbox"
)

// everySwitch are the switches of both tables.
func everySwitch() []sandbox.Switch { return slices.Concat(sandbox.SwitchTable(), sandbox.HarmTable()) }

func TestTheTablesOfSwitchesAreWhole(t *testing.T) {
	t.Parallel()
	seen, members := map[sandbox.Switches]string{{}: "none"}, map[string]bool{}
	for _, sw := range everySwitch() {
		var s sandbox.Switches
		sw.Set(&s, true)
		if other, twice := seen[s]; twice || !sw.Get(s) {
			t.Errorf("%s sets the same as %s", sw.Name, other)
		}
		seen[s] = sw.Name
		member, _, _ := strings.Cut(sw.Name, "=")
		members[member] = true
		if named := positions(t, s); len(named) != 1 || named[member] == nil {
			t.Errorf("%s: JSON names %v", sw.Name, named)
		}
		sw.Set(&s, false)
		if s != (sandbox.Switches{}) {
			t.Errorf("%s: off leaves %+v", sw.Name, s)
		}
		if sw.Off == "" || sw.On == "" || sw.Source == "" {
			t.Errorf("%s: a position or its source is not told", sw.Name)
		}
	}
	text, err := json.Marshal(sandbox.Switches{})
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil || len(all) != len(members) {
		t.Errorf("the tables have %d switches, the type %d: %v", len(members), len(all), err)
	}
}

// positions are the switches that are not off, as a file of faults names them.
func positions(t *testing.T, s sandbox.Switches) map[string]any {
	t.Helper()
	text, err := json.Marshal(sandbox.Fault{Kind: sandbox.FaultSwitch, Switches: s})
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Switches map[string]any `json:"switches"`
	}
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return f.Switches
}

// Each switch does something, in both positions: set for good, and thrown by a fault for the
// requests of a program.
func TestEverySwitchDoesWhatItSays(t *testing.T) {
	t.Parallel()
	for name := range trials {
		if !slices.ContainsFunc(everySwitch(), func(sw sandbox.Switch) bool { return sw.Name == name }) {
			t.Errorf("there is no switch %s", name)
		}
	}
	for _, sw := range everySwitch() {
		trial, has := trials[sw.Name]
		if !has {
			t.Errorf("no trial of %s", sw.Name)
			continue
		}
		var on sandbox.Switches
		sw.Set(&on, true)
		t.Run(sw.Name, func(t *testing.T) {
			t.Parallel()
			trial.run(t, "off", trial.off, sandbox.Switches{}, nil)
			trial.run(t, "on", trial.on, on, nil)
			if fault := throwing(t, on); fault != nil {
				trial.run(t, "thrown", trial.on, sandbox.Switches{}, fault)
			}
		})
	}
}

// throwing are the faults of a file that throws switches; nil where that is refused.
func throwing(t *testing.T, on sandbox.Switches) []sandbox.Fault {
	t.Helper()
	text, err := json.Marshal(sandbox.Fault{Kind: sandbox.FaultSwitch, Switches: on})
	if err != nil {
		t.Fatal(err)
	}
	faults, err := sandbox.ParseFaults(strings.NewReader(string(text)))
	if err != nil && !on.AuthorizationCounts {
		t.Fatal(err)
	}
	return faults
}

// trial is a small story whose end differs with a switch.
type trial struct {
	tell    func(*stage) string
	off, on string
}

// stage is where trials take place: the people of newStage.
type stage struct {
	*client
	s    *sandbox.Server
	list string // "App users"
}

func (tr trial) run(t *testing.T, name, want string, switches sandbox.Switches, faults []sandbox.Fault) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			st := newStage(t, switches)
			for _, f := range faults {
				st.s.Fault(f)
			}
			if got := tr.tell(st); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	})
}

// newStage has one contact of each kind that trials need.
func newStage(t *testing.T, switches sandbox.Switches) *stage {
	s, c := pipe(t, sandbox.Options{Switches: switches, LongLived: true, PerDay: 500, PerSecond: 100,
		ImportTime: func(int) time.Duration { return 10 * time.Second }, Tokens: sandbox.Lifetimes{Access: 1000 * time.Hour}})
	st := &stage{c, s, s.AddList("App users")}
	s.AddList("Newsletter")
	fields := map[string]string{"Short code": "OLD", "Other": "kept"}
	s.Seed(
		sandbox.Contact{Address: "ann@example.com", FirstName: "Ann", Lists: []string{"App users"}, Fields: fields},
		sandbox.Contact{Address: "out@example.com", FirstName: "Old", Permission: sandbox.Unsubscribed, Lists: []string{"App users"}},
		sandbox.Contact{Address: "unset@example.com", Permission: sandbox.NotSet, Tags: []string{"vip"}},
		sandbox.Contact{Address: "express@example.com", Permission: sandbox.Explicit},
		sandbox.Contact{FirstName: "No address"},
	)
	time.Sleep(time.Hour)
	return st
}

// person is a contact as it truly is.
func (st *stage) person(address string) sandbox.Contact {
	c, _ := st.s.Contact(address)
	return c
}

// imports sends rows and waits for the end.
func (st *stage) imports(rows ...string) activityView { return st.importRows(st.list, rows...) }

// puts replaces a contact; rest goes into the body beside what the request needs.
func (st *stage) puts(address, rest string) (reply, string) {
	body := fmt.Sprintf(`{"email_address":{"address":%q},"first_name":"Ann","update_source":"Account"%s}`, address, rest)
	r, err := st.do("PUT", "/v3/contacts/"+st.person(address).ID, body)
	if err != nil {
		st.t.Fatal(err)
	}
	return r, r.body
}

// moved tells whether something moves updated_at of ann.
func moved(act func(*stage)) func(*stage) string {
	return func(st *stage) string {
		before := st.person("ann@example.com").UpdatedAt
		act(st)
		if st.person("ann@example.com").UpdatedAt.Equal(before) {
			return "stays"
		}
		return "moves"
	}
}

// field is the id of a custom field.
func (st *stage) field(name string) string {
	for _, f := range get[fieldsView](st.client, "/v3/contact_custom_fields").Fields {
		if f.Name == name {
			return f.ID
		}
	}
	st.t.Fatalf("no custom field %s", name)
	return ""
}

// sends makes an import of ten new contacts, ten seconds long, and does not wait for it.
func (st *stage) sends() activityView { return st.sendRows(st.list, tenRows()...) }

// activitiesView is a list of activities.
type activitiesView struct {
	Activities []activityView `json:"activities"`
	Links      linksView      `json:"_links"`
}

var trials = map[string]trial{
	"unsubscribed_fields_ignored": {func(st *stage) string {
		st.imports(`{"email":"out@example.com","first_name":"New"}`)
		return st.person("out@example.com").FirstName
	}, "New", "Old"},
	"blank_clears": {func(st *stage) string {
		st.imports(`{"email":"ann@example.com","first_name":""}`)
		return st.person("ann@example.com").FirstName
	}, "Ann", ""},
	"first_duplicate_wins": {func(st *stage) string {
		st.imports(`{"email":"ann@example.com","first_name":"A"}`, `{"email":"ann@example.com","first_name":"B"}`)
		return st.person("ann@example.com").FirstName
	}, "B", "A"},
	"import_keeps_updated_at": {moved(func(st *stage) { st.imports(`{"email":"ann@example.com","first_name":"New"}`) }), "moves", "stays"},
	"import_field_names_fold": {func(st *stage) string {
		st.imports(`{"email":"ann@example.com","cf:SHORT_CODE":"NEW"}`)
		return st.person("ann@example.com").Fields["short_code"]
	}, "OLD", "NEW"},
	"import_addresses_short": {func(st *stage) string {
		a := st.imports(`{"email":"` + strings.Repeat("x", 50) + `@example.com"}`)
		return fmt.Sprint(a.Status["correctable_count"])
	}, "0", "1"},
	"imports_progressive": {func(st *stage) string {
		before := len(st.s.Contacts())
		st.sends()
		time.Sleep(5500 * time.Millisecond)
		return fmt.Sprint(len(st.s.Contacts()) - before)
	}, "0", "5"},
	"imports_read_late": {func(st *stage) string {
		st.imports(`{"email":"ann@example.com","first_name":"New"}`)
		seen := get[contactsPage](st.client, "/v3/contacts?email=ann@example.com").Contacts[0].FirstName
		time.Sleep(30 * time.Second)
		return seen + " " + get[contactsPage](st.client, "/v3/contacts?email=ann@example.com").Contacts[0].FirstName
	}, "New New", "Ann New"},
	"busy_addresses_refused": {func(st *stage) string {
		errors := 0
		for i := range 7 {
			errors += st.imports(fmt.Sprintf(`{"email":"ann@example.com","first_name":"A%d"}`, i)).Status["error_count"]
		}
		return fmt.Sprint(errors)
	}, "0", "1"},
	"activity_error_lines": {func(st *stage) string {
		return strings.Join(st.imports(`{"email":"none"}`).Errors, "")
	}, "", "Line 2: The email address is invalid."},
	"activity_status_late": {func(st *stage) string {
		a := st.sends()
		seen := []bool{a.Status != nil}
		for range 2 { // while it is processing, and at its end
			time.Sleep(8 * time.Second)
			seen = append(seen, get[activityView](st.client, "/v3/activities/"+a.ID).Status != nil)
		}
		return fmt.Sprint(seen)
	}, "[true true true]", "[false false true]"},
	"export_by_name": {func(st *stage) string {
		heading := st.export(`{}`)[0]
		return heading[len(heading)-1]
	}, "Short code", "short_code"},
	"export_without_fields": {func(st *stage) string {
		heading := st.export(`{}`)[0]
		return heading[len(heading)-1]
	}, "Short code", "Updated At"},
	"export_product_words": {func(st *stage) string {
		st.call("POST", "/v3/contacts/sign_up_form", `{"email_address":"asked@example.com","list_memberships":["`+st.list+`"]}`, http.StatusCreated)
		words := ""
		for _, line := range st.export(`{"fields":["email_status","email_permission_status"]}`)[1:] {
			words += strings.Join(line, "/") + " "
		}
		return words
	}, "Active/Explicit Active/Explicit Active/Implicit Active/Implicit Not set/Not set Unsubscribed/Unsubscribed ",
		"/ Active/Explicit Active/Express Active/Implied Active/No Permissions Set Unsubscribed/ "},
	"activities_wait": {func(st *stage) string {
		a := st.sends()
		time.Sleep(time.Minute)
		late := get[activityView](st.client, "/v3/activities/"+a.ID).State
		time.Sleep(10 * time.Minute)
		return late + " " + get[activityView](st.client, "/v3/activities/"+a.ID).State
	}, "completed completed", "initialized completed"},
	"activity_self_links_right": {func(st *stage) string {
		first, second := st.sends(), st.sends()
		links := []string{first.Links.Self.Href}
		for _, a := range get[activitiesView](st.client, "/v3/activities").Activities {
			links = append(links, a.Links.Self.Href)
		}
		links = append(links, get[activityView](st.client, "/v3/activities/"+first.ID).Links.Self.Href)
		text := strings.ReplaceAll(strings.Join(links, " "), first.ID, "1")
		return strings.ReplaceAll(text, second.ID, "2")
	}, "/contacts-service/v3/activities/1 /v3/activities/2 /v3/activities/2 /v3/activities/1",
		"/v3/activities/1 /v3/activities/2 /v3/activities/1 /v3/activities/1"},
	"activities_by_offset": {func(st *stage) string {
		for range 3 {
			st.sends()
		}
		page := get[activitiesView](st.client, "/v3/activities?limit=2")
		st.sends() // one more comes in front
		twice := page.Activities[1].ID == get[activitiesView](st.client, page.Links.Next.Href).Activities[0].ID
		return fmt.Sprint(twice)
	}, "false", "true"},
	"posts_answer_200": {func(st *stage) string {
		st.broken = true
		r, err := st.do("POST", "/v3/contact_lists", `{"name":"New"}`)
		a, err2 := st.do("POST", "/v3/activities/contact_exports", `{}`)
		return fmt.Sprint(r.status, a.status, err, err2)
	}, "201 201 <nil> <nil>", "200 200 <nil> <nil>"},
	"contacts_newest_first": {func(st *stage) string {
		first := true
		for range 5 { // by chance the newest is in front in one of six orders
			st.imports(fmt.Sprintf(`{"email":"new%d@example.com"}`, len(st.s.Contacts())))
			all := st.s.Contacts()
			first = first && get[contactsPage](st.client, "/v3/contacts").Contacts[0].ID == all[len(all)-1].ID
		}
		return fmt.Sprint(first)
	}, "false", "true"},
	"writes_move_updated_at": {func(st *stage) string {
		st.puts("ann@example.com", "")
		whole := `{"email_address":{"address":"ann@example.com"},"first_name":"Ann","update_source":"Contact"}`
		st.call("PUT", "/v3/contacts/"+st.person("ann@example.com").ID, whole, http.StatusOK)
		source := func() string {
			c := get[struct {
				By string `json:"update_source"`
			}](st.client, "/v3/contacts/"+st.person("ann@example.com").ID)
			return c.By
		}
		before := source()
		same := moved(func(st *stage) {
			time.Sleep(time.Second)
			st.imports(`{"email":"ann@example.com","first_name":"Ann"}`)
		})(st)
		time.Sleep(time.Second)
		return moved(func(st *stage) { st.puts("ann@example.com", "") })(st) + " " + same + " " + before + " " + source()
	}, "stays stays Contact Account", "moves moves Contact Account"},
	"put_without_address": {func(st *stage) string {
		r, err := st.do("PUT", "/v3/contacts/"+st.person("ann@example.com").ID, `{"first_name":"Ann","update_source":"Account"}`)
		return fmt.Sprint(r.status, st.person("ann@example.com").Address, err)
	}, "400ann@example.com<nil>", "200ann@example.com<nil>"},
	"put_lowers_permission": {func(st *stage) string {
		body := `{"email_address":{"address":"express@example.com","permission_to_send":"implicit"},"update_source":"Account"}`
		r, err := st.do("PUT", "/v3/contacts/"+st.person("express@example.com").ID, body)
		return fmt.Sprint(r.status, st.person("express@example.com").Permission, err)
	}, "400explicit<nil>", "200implicit<nil>"},
	"put_answers_whole": {func(st *stage) string {
		_, body := st.puts("ann@example.com", `,"taggings":[]`)
		return fmt.Sprint(strings.Contains(body, "taggings"), strings.Contains(body, "list_memberships"), strings.Contains(body, "custom_fields"))
	}, "true false false", "true true true"},
	"field_names_last": {func(st *stage) string {
		r := st.call("PUT", "/v3/contact_custom_fields/"+st.field("short_code"), `{"label":"App code"}`, http.StatusOK)
		return decode[fieldView](st.t, r).Name
	}, "app_code", "short_code"},
	"field_values_go_at_once": {func(st *stage) string {
		path := "/v3/contacts/" + st.person("ann@example.com").ID + "?include=custom_fields"
		st.call("DELETE", "/v3/contact_custom_fields/"+st.field("other"), nil, http.StatusNoContent)
		seen := []int{len(get[contactView](st.client, path).Fields)}
		time.Sleep(10 * time.Minute)
		return fmt.Sprint(append(seen, len(get[contactView](st.client, path).Fields)))
	}, "[2 1]", "[1 1]"},
	"select_needs_choice_ids": {func(st *stage) string {
		f := decode[fieldView](st.t, st.call("POST", "/v3/contact_custom_fields",
			`{"label":"Colour","type":"single_select","choices":[{"choice_label":"red","choice_id":7},{"choice_label":"blue","choice_id":8}]}`, http.StatusCreated))
		told := ""
		for _, value := range []string{"red", "8"} {
			st.imports(`{"email":"ann@example.com","cf:colour":"` + value + `"}`)
			told += st.person("ann@example.com").Fields["colour"] + " "
		}
		for _, value := range []string{`"value":"red"`, `"choice_ids":["7"]`} {
			r, _ := st.puts("ann@example.com", `,"custom_fields":[{"custom_field_id":"`+f.ID+`",`+value+`}]`)
			told += fmt.Sprint(r.status) + " "
		}
		return told + st.person("ann@example.com").Fields["colour"]
	}, "red red 200 200 red", " blue 400 200 red"},
	"imports_lose_rows": {func(st *stage) string {
		before := len(st.s.Contacts())
		var rows []string
		for i := range 200 {
			rows = append(rows, fmt.Sprintf(`{"email":"many%d@example.com"}`, i))
		}
		a := st.imports(rows...)
		lost := 200 - (len(st.s.Contacts()) - before)
		return fmt.Sprint(a.State, a.Status["person_count"], lost > 5 && lost < 50)
	}, "completed200 false", "completed200 true"},
	"first_import_loses_row": {func(st *stage) string {
		told := ""
		for _, name := range []string{"A", "B"} {
			a := st.imports(`{"email":"ann@example.com","first_name":"`+name+`"}`, `{"email":"new@example.com","first_name":"`+name+`"}`)
			told += fmt.Sprint(a.Status["person_count"], st.person("ann@example.com").FirstName, st.person("new@example.com").FirstName, " ")
		}
		return told
	}, "2AA 2BB ", "2AnnA 2BB "},
	"import_sets_permission": {func(st *stage) string {
		st.imports(`{"email":"ann@example.com"}`, `{"email":"out@example.com"}`, `{"email":"new@example.com"}`)
		return st.person("ann@example.com").Permission + " " + st.person("out@example.com").Permission + " " + st.person("new@example.com").Permission
	}, "implicit unsubscribed implicit", "explicit unsubscribed implicit"},
	"import_resubscribes": {func(st *stage) string {
		st.imports(`{"email":"ann@example.com"}`, `{"email":"out@example.com"}`, `{"email":"new@example.com"}`)
		return st.person("ann@example.com").Permission + " " + st.person("out@example.com").Permission + " " + st.person("new@example.com").Permission
	}, "implicit unsubscribed implicit", "implicit explicit implicit"},
	"import_adds_list": {func(st *stage) string {
		st.imports(`{"email":"ann@example.com"}`, `{"email":"out@example.com"}`)
		return fmt.Sprint(st.person("ann@example.com").Lists, st.person("out@example.com").Lists)
	}, "[App users] [App users]", "[App users Newsletter] [App users]"},
	"import_clears_field": {func(st *stage) string {
		st.imports(`{"email":"ann@example.com","cf:short_code":"NEW"}`)
		return fmt.Sprint(st.person("ann@example.com").Fields)
	}, "map[other:kept short_code:NEW]", "map[short_code:NEW]"},
	"next_links_internal": {func(st *stage) string {
		next, _, _ := strings.Cut(get[contactsPage](st.client, "/v3/contacts?limit=2").Links.Next.Href, "?")
		return next
	}, "/v3/contacts", "/contacts-service/v3/contacts"},
	"next_links_repeat": {func(st *stage) string {
		page := get[contactsPage](st.client, "/v3/contacts?limit=2")
		again := get[contactsPage](st.client, page.Links.Next.Href)
		return fmt.Sprint(page.Contacts[0].ID == again.Contacts[0].ID)
	}, "false", "true"},
	"deletion_moves_updated_at": {moved(func(st *stage) {
		st.call("DELETE", "/v3/contacts/"+st.person("ann@example.com").ID, nil, http.StatusNoContent)
	}), "stays", "moves"},
	"list_exit_moves_updated_at": {moved(func(st *stage) { st.puts("ann@example.com", `,"list_memberships":[]`) }), "stays", "moves"},
	"tag_moves_updated_at": {moved(func(st *stage) {
		st.puts("ann@example.com", `,"taggings":["`+st.tags()["vip"]+`"]`)
	}), "stays", "moves"},
	"field_edit_moves_updated_at": {moved(func(st *stage) {
		st.puts("ann@example.com", `,"custom_fields":[{"custom_field_id":"`+st.field("short_code")+`","value":"NEW"}]`)
	}), "stays", "moves"},
	"opt_out_leaves_lists": {func(st *stage) string {
		body := `{"email_address":{"address":"ann@example.com","permission_to_send":"unsubscribed"},"update_source":"Account"}`
		st.call("PUT", "/v3/contacts/"+st.person("ann@example.com").ID, body, http.StatusOK)
		return fmt.Sprint(st.person("ann@example.com").Lists)
	}, "[App users]", "[]"},
	"updated_after_inclusive": {func(st *stage) string {
		since := url.QueryEscape(st.person("ann@example.com").UpdatedAt.Format(time.RFC3339))
		return fmt.Sprint(len(get[contactsPage](st.client, "/v3/contacts?email=ann@example.com&updated_after="+since).Contacts))
	}, "0", "1"},
	"contacts_count_high": {func(st *stage) string {
		all := get[contactsPage](st.client, "/v3/contacts?status=all&include_count=true&limit=500")
		of := get[contactsPage](st.client, "/v3/contacts?email=ann@example.com&include_count=true")
		out := get[contactsPage](st.client, "/v3/contacts?status=unsubscribed,deleted&include_count=true")
		active := get[contactsPage](st.client, "/v3/contacts?status=active&include_count=true")
		total := get[struct{ Total int }](st.client, "/v3/contacts/counts").Total
		return fmt.Sprintf("%d for %d%s, %d, %d, %d, %d", *all.Count, len(all.Contacts), all.Links.Next.Href, *active.Count, *of.Count, *out.Count, total)
	}, "5 for 5, 3, 1, 1, 5", "8 for 5, 6, 1, 1, 5"},
	"counts_high": {func(st *stage) string {
		all := get[contactsPage](st.client, "/v3/contacts?status=all&include_count=true&limit=500")
		counts := get[struct{ Total, Implicit int }](st.client, "/v3/contacts/counts")
		return fmt.Sprint(*all.Count, counts)
	}, "5 {5 2}", "5 {8 5}"},
	"put_sets_permission=explicit": {func(st *stage) string {
		st.puts("ann@example.com", "")
		return st.person("ann@example.com").Permission
	}, "implicit", "explicit"},
	"put_sets_permission=implicit": {func(st *stage) string {
		st.puts("unset@example.com", "")
		return st.person("unset@example.com").Permission
	}, "not_set", "implicit"},
	"put_sets_permission=not_set": {func(st *stage) string {
		st.puts("ann@example.com", "")
		return st.person("ann@example.com").Permission
	}, "implicit", "not_set"},
	"lower_case_addresses": {func(st *stage) string {
		st.imports(`{"email":"New@Example.com"}`)
		return st.person("new@example.com").Address
	}, "New@Example.com", "new@example.com"},
	"field_names_keep_case": {func(st *stage) string {
		r := st.call("POST", "/v3/contact_custom_fields", `{"label":"My Field","type":"string"}`, http.StatusCreated)
		return decode[struct{ Name string }](st.t, r).Name
	}, "my_field", "My_Field"},
	"authorization_counts": {func(st *stage) string {
		before := st.s.Used()
		st.refresh("none")
		return fmt.Sprint(st.s.Used() - before)
	}, "0", "1"},
	"refresh_token_absent": {func(st *stage) string {
		_, token := st.s.Authorize()
		if st.refresh(token).Refresh == token {
			return "again"
		}
		return "absent"
	}, "again", "absent"},
}

// A switch that a fault throws belongs to the requests that it hits and to the activities that they
// make, whenever these are worked on.
func TestASwitchCanBeThrownForOneActivityAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t, sandbox.Switches{})
		faults, err := sandbox.ParseFaults(strings.NewReader(`{"kind":"switch","switches":{"import_sets_permission":true,"activities_wait":"2h"},
			"path":"/v3/activities/contacts_json_import","times":1}`))
		if err != nil {
			t.Fatal(err)
		}
		st.s.Fault(faults[0])
		first := st.sendRows(st.list, `{"email":"ann@example.com"}`)
		st.s.ClearFaults()
		second := st.imports(`{"email":"unset@example.com"}`)
		if got := get[activityView](st.client, "/v3/activities/"+first.ID); got.State != "initialized" || second.State != "completed" {
			t.Errorf("got %s and %s", got.State, second.State)
		}
		snapshot := st.s.Snapshot() // what was thrown outlives the sandbox
		if err := st.s.Restore(snapshot); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*time.Hour + time.Minute)
		if ann, unset := st.person("ann@example.com"), st.person("unset@example.com"); ann.Permission != sandbox.Explicit || unset.Permission != sandbox.NotSet {
			t.Errorf("got %s and %s", ann.Permission, unset.Permission)
		}
		if got := st.s.Switches(); got != (sandbox.Switches{}) {
			t.Errorf("it was set for good: %+v", got)
		}
	})
}

func TestSwitchesWithAPositionAreSetByTheControlEndpoint(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{})
	c.call("PATCH", "/_sandbox/switches", `{"contacts_count_high":5,"activities_wait":"90m","put_sets_permission":"explicit","blank_clears":true}`, http.StatusOK)
	want := sandbox.Switches{ContactsCountHigh: 5, ActivitiesWait: sandbox.Duration(90 * time.Minute), PutSetsPermission: "explicit", BlankClears: true}
	if got := s.Switches(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if r := c.call("GET", "/_sandbox/switches", nil, http.StatusOK); !strings.Contains(r.body, `"activities_wait":"1h30m0s"`) {
		t.Errorf("got %s", r.body)
	}
	for _, body := range []string{`{"contacts_count_high":-1}`, `{"counts_high":-1}`, `{"contacts_count_high":true}`, `{"activities_wait":"-1s"}`, `{"activities_wait":"soon"}`,
		`{"put_sets_permission":"loud"}`, `{"put_resets_permission":true}`} {
		c.call("PATCH", "/_sandbox/switches", body, http.StatusBadRequest)
	}
	if got := s.Switches(); got != want {
		t.Errorf("a refusal changed %+v, want %+v", got, want)
	}
}

func TestThePageKeepsTheNumberOfASwitch(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{})
	s.SetSwitches(sandbox.Switches{ContactsCountHigh: 7, PutSetsPermission: "explicit", ImportAddsList: true})
	page := c.call("GET", "/settings", nil, http.StatusOK).body
	for _, sw := range everySwitch() {
		if checked := strings.Contains(page, `name="`+sw.Name+`" value="on" checked`); checked != sw.Get(s.Switches()) {
			t.Errorf("%s is shown as %v", sw.Name, checked)
		}
	}
	c.submit("/settings/switches", url.Values{"contacts_count_high": {"on"}, "put_sets_permission=not_set": {"on"}, "activities_wait": {"on"}})
	want := sandbox.Switches{ContactsCountHigh: 7, PutSetsPermission: "not_set", ActivitiesWait: sandbox.Duration(10 * time.Minute)}
	if got := s.Switches(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestEveryPositionOutlivesTheSandbox(t *testing.T) {
	t.Parallel()
	var all sandbox.Switches
	for _, sw := range everySwitch() {
		sw.Set(&all, true)
	}
	path := t.TempDir() + "/state.json"
	if err := sandbox.New(sandbox.Options{Switches: all}).Persist(path); err != nil {
		t.Fatal(err)
	}
	again := sandbox.New(sandbox.Options{})
	if err := again.Persist(path); err != nil {
		t.Fatal(err)
	}
	if got := again.Switches(); got != all {
		t.Errorf("got %+v, want %+v", got, all)
	}
}
