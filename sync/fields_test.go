package sync_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// before calls hook with every request before it is sent, until the next restart.
func (w *world) before(hook func(*http.Request)) { w.life.wire = &hooked{w.life.wire, hook} }

type hooked struct {
	wire http.RoundTripper
	hook func(*http.Request)
}

func (h *hooked) RoundTrip(r *http.Request) (*http.Response, error) {
	h.hook(r)
	return h.wire.RoundTrip(r)
}

// call asks the sandbox directly, as another program would.
func (w *world) call(method, path, body string) string {
	w.t.Helper()
	r := httptest.NewRequest(method, "http://sandbox"+path, strings.NewReader(body))
	token, _ := w.tokens.Token(w.t.Context())
	token.SetAuthHeader(r)
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	time.Sleep(time.Second) // its pace
	w.box.ServeHTTP(answer, r)
	if answer.Code >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// one makes the world of one contact, on "App users", with one row.
func (w *world) one(values ...string) {
	w.box.Seed(contact("a@example.com", "", "App users"))
	w.rows = []source.Row{row("1", "a@example.com", values...)}
}

// wantSetup fails the test unless the configuration was at fault, with this code and these words.
func (w *world) wantSetup(r *ccsync.Report, code string, words ...string) {
	w.t.Helper()
	w.want(r, ccsync.Failed)
	var setup *ccsync.SetupError
	if !errors.As(r.Err(), &setup) || r.Error.Code != code {
		w.t.Fatalf("error %+v, want %s", r.Error, code)
	}
	for _, word := range words {
		if !strings.Contains(r.Error.Message, word) {
			w.t.Errorf("message %q lacks %q", r.Error.Message, word)
		}
	}
	if r.Error.Hint == "" {
		w.t.Error("no hint")
	}
}

// fieldsMade counts the requests that asked for a custom field.
func (w *world) fieldsMade() int {
	return len(slices.DeleteFunc(w.box.Writes(), func(r sandbox.Request) bool { return r.Path != "/v3/contact_custom_fields" }))
}

func TestAFieldIsFoundByNameOrLabelInAnyCase(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"short_code", "Short_Code", "Short code", "SHORT CODE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.Fields[0].CustomField, w.policy.Fields[0].Create = name, true
				w.one("K1")
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				w.wantAllCodes()
				if n := w.fieldsMade(); n != 0 {
					t.Errorf("%d fields were made", n)
				}
			})
		})
	}
}

func TestImportsCallAFieldByItsNameInTheAccount(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{Switches: sandbox.Switches{FieldNamesKeepCase: true}}, func(w *world) {
		w.box.AddCustomField("Invite Code", "string")
		w.policy.Fields[0].CustomField = "invite code"
		w.one("K1")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if c, _ := w.box.Contact("a@example.com"); c.Fields["Invite_Code"] != "K1" {
			t.Errorf("%+v", c)
		}
	})
}

func TestTwoFieldsThatMatchOneNameAreNamedBoth(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.box.AddCustomField("short_code", "string") // a label like the other's name
		w.one("K1")
		w.wantSetup(w.run(ccsync.Options{}), "field_ambiguous", `"Short code"`, `"short_code"`)
		w.wantSetup(w.dry(ccsync.Options{}), "field_ambiguous")
	})
}

func TestOneFieldCannotBeMappedTwice(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: "other", CustomField: "Short code"})
		w.one("K1", "K2")
		w.wantSetup(w.run(ccsync.Options{}), "field_mapped_twice", `"short_code"`, `"Short code"`)
		if len(w.box.Imports()) != 0 {
			t.Error("something was sent")
		}
	})
}

func TestAMissingFieldIsMadeOnlyWhenAllowed(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields[0].CustomField = "Invite Code"
		w.one("K1")
		w.wantSetup(w.run(ccsync.Options{}), "field_missing", `"Invite Code"`)
		w.policy.Fields[0].Create = true
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.restart()
		w.want(w.run(ccsync.Options{Full: true}), ccsync.Synced)
		c, _ := w.box.Contact("a@example.com")
		if c.Fields["invite_code"] != "K1" || w.fieldsMade() != 1 {
			t.Errorf("%+v, %d fields made", c, w.fieldsMade())
		}
		if !strings.Contains(w.call("GET", "/v3/contact_custom_fields", ""), `"label":"Invite Code"`) {
			t.Error("the label is not the configured name")
		}
	})
}

func TestAFieldIsMadeOnceThoughItsAnswerWasLost(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.FaultKind{sandbox.FaultResetBefore, sandbox.FaultResetAfter, sandbox.FaultCutBody, sandbox.FaultHangAfter} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.policy.Fields[0].CustomField, w.policy.Fields[0].Create = "Invite Code", true
				w.one("K1")
				w.box.Fault(sandbox.Fault{Kind: kind, Method: "POST", Path: "/v3/contact_custom_fields", Times: 1})
				w.run(ccsync.Options{})
				w.want(w.run(ccsync.Options{}), ccsync.Synced)
				if c, _ := w.box.Contact("a@example.com"); c.Fields["invite_code"] != "K1" {
					t.Errorf("%+v", c)
				}
				if all := w.call("GET", "/v3/contact_custom_fields", ""); strings.Count(strings.ToLower(all), "invite code") != 1 {
					t.Errorf("fields: %s", all)
				}
			})
		})
	}
}

func TestAFieldThatAnotherProgramMadeFirstIsTaken(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields[0].CustomField, w.policy.Fields[0].Create = "Invite Code", true
		w.one("K1")
		w.before(func(r *http.Request) {
			if r.Method == "POST" && r.URL.Path == "/v3/contact_custom_fields" {
				w.box.AddCustomField("invite code", "string")
			}
		})
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if c, _ := w.box.Contact("a@example.com"); c.Fields["invite_code"] != "K1" {
			t.Errorf("%+v", c)
		}
	})
}

func TestAFieldThatCannotBeMadeIsAMistakeInTheConfiguration(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields[0].CustomField, w.policy.Fields[0].Create = strings.Repeat("x", 51), true
		w.one("K1")
		w.wantSetup(w.run(ccsync.Options{}), "field_not_made", "50")
	})
}

func TestADryRunShowsTheFieldAsEmpty(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields[0].CustomField, w.policy.Fields[0].Create = "Invite Code", true
		w.one("K1")
		report := w.dry(ccsync.Options{})
		w.want(report, ccsync.Planned)
		if !slices.Equal(report.Setup, []ccsync.Setup{{Create: "custom_field", Name: "Invite Code"}}) || report.Summary.Fill != 1 {
			t.Errorf("setup %+v, summary %+v", report.Setup, report.Summary)
		}
		if len(w.box.Writes()) != 0 {
			t.Errorf("a dry run wrote: %+v", w.box.Writes())
		}
	})
}

// wantVoucher fails the test unless the contact of one carries a value under the new name of its
// field.
func (w *world) wantVoucher(want string) {
	w.t.Helper()
	if c, _ := w.box.Contact("a@example.com"); c.Fields["voucher"] != want {
		w.t.Errorf("%+v, want the voucher %s", c, want)
	}
}

func TestARenamedFieldIsFollowedAndReported(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields[0].Create = true
		w.one("K1")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.box.RenameField("short_code", "Voucher")
		w.restart()
		w.rows[0].Values = []string{"K2"}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		w.wantVoucher("K2")
		if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], `"Voucher"`) {
			t.Errorf("notes %q", report.Notes)
		}
		if n := w.fieldsMade(); n != 0 {
			t.Errorf("%d fields were made", n)
		}
	})
}

func TestAFieldThatIsGoneIsNeverMadeAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields[0].Create = true
		w.one("K1")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.box.DeleteField("short_code")
		w.restart()
		w.rows[0].Values = []string{"K2"}
		w.wantSetup(w.dry(ccsync.Options{}), "field_gone", `"short_code"`)
		for range 2 {
			w.wantSetup(w.run(ccsync.Options{}), "field_gone", `"short_code"`)
		}
		if w.fieldsMade() != 0 || len(w.box.Imports()) != 1 {
			t.Errorf("%d fields made, %d imports", w.fieldsMade(), len(w.box.Imports()))
		}
		w.box.AddCustomField("Short code", "string") // another one of that name is not it
		w.wantSetup(w.run(ccsync.Options{}), "field_gone")
		w.policy.Fields[0].CustomField = "Voucher"
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if c, _ := w.box.Contact("a@example.com"); c.Fields["voucher"] != "K2" {
			t.Errorf("%+v", c)
		}
	})
}

func TestARetypedFieldIsNotWritten(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields[0].Create = true
		w.one("K1")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.rebind(func(b *state.Binding) { b.Type = "number" })
		w.rows[0].Values = []string{"K2"}
		w.wantSetup(w.run(ccsync.Options{}), "field_retyped", `"short_code"`, "string", "number")
		if len(w.box.Imports()) != 1 {
			t.Errorf("%d imports", len(w.box.Imports()))
		}
	})
}

// rebind changes what the state file knows of the custom fields.
func (w *world) rebind(change func(*state.Binding)) {
	w.t.Helper()
	all, err := w.state.Bindings(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range all {
		change(&all[i])
	}
	if err := w.state.SetBindings(w.t.Context(), all); err != nil {
		w.t.Fatal(err)
	}
}

func TestAnotherNameInTheConfigurationBindsAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.one("K1")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.box.RenameField("short_code", "Old")
		w.box.AddCustomField("Voucher", "string")
		w.policy.Fields[0].CustomField = "voucher"
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		if c, _ := w.box.Contact("a@example.com"); c.Fields["voucher"] != "K1" || c.Fields["old"] != "K1" {
			t.Errorf("%+v", c)
		}
	})
}

func TestADryRunWithAnotherConfigurationUnbindsNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields[0].CustomField, w.policy.Fields[0].Create = "Short code", true
		w.one("K1")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.box.RenameField("short_code", "Voucher")
		ours := w.policy.Fields
		w.policy.Fields = []ccsync.Field{{Column: "short_code", CustomField: "Other", Create: true}}
		w.want(w.dry(ccsync.Options{}), ccsync.Planned)
		w.policy.Fields = ours
		w.rows[0].Values = []string{"K2"}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantVoucher("K2")
		if n := w.fieldsMade(); n != 0 {
			t.Errorf("%d fields were made", n)
		}
	})
}
