package sync_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
)

// Custom fields that only the API can make.
const (
	singleSelect = `{"label":"Value","type":"single_select","choices":[{"choice_label":"Gold"},{"choice_label":"silver"},{"choice_label":"Bronze, used"}]}`
	multiSelect  = `{"label":"Value","type":"multi_select","choices":[{"choice_label":"tea"},{"choice_label":"Coffee"},{"choice_label":"milk"}]}`
	realDate     = `{"label":"Value","type":"date","version":2}`
)

func plain(typ string) string { return fmt.Sprintf(`{"label":"Value","type":%q}`, typ) }

func TestAnEqualValueInAnotherNotationIsNoChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ field, there, row string }{
		{plain("string"), "K7 Q2", "  K7 Q2\t"},
		{plain("string"), "Ärger & <b>\"東京\" 🙂 \\ \u2028", "Ärger & <b>\"東京\" 🙂 \\ \u2028"},
		{plain("date"), "01/02/2026", "2026-1-2"},
		{plain("date"), "2026-01-02", "2026/01/02"},
		{plain("date"), "1-2-2026", "2026-01-02T00:00:00Z"},
		{plain("date"), "some day", "some day"}, // version 1 is a text
		{realDate, "2026-01-02", "01/02/2026"},
		{realDate, "2026-01-02", "2026-01-02 23:59:59.5+00"},
		{plain("datetime"), "2026-01-02T15:04:05Z", "2026-01-02 15:04:05"},
		{plain("datetime"), "2026-01-02T15:04:05.000Z", "2026-01-02T16:04:05.120+01:00"},
		{plain("datetime"), "2026-01-02T15:04:05+00:00", "2026-01-02 15:04:05.120 +00:00"},
		{plain("datetime"), "2026-01-02T00:00:00Z", "2026-1-2"},
		{plain("datetime"), "2026-01-02T15:04:00Z", "2026-01-02T15:04"},
		{plain("number"), "1", "1.0"},
		{plain("number"), "1.50", "1.5"},
		{plain("number"), "-0.5", "-.50"},
		{plain("number"), "12000", "1.2e4"},
		{plain("number"), "0", "-0.00"},
		{plain("number"), "9007199254740993", "9007199254740993.0"},
		{plain("number"), "1", "true"},
		{plain("currency"), "12.50", "12.5"},
		{plain("boolean"), "true", "1"},
		{plain("boolean"), "false", "No"},
		{plain("text_area"), "one\ntwo", "one\r\ntwo"},
		{plain("text_area"), "one\r\ntwo\tthree", "one\rtwo\tthree\n"},
		{singleSelect, "Gold", " GOLD "},
		{singleSelect, "Bronze, used", "bronze, used"},
		{multiSelect, "tea,milk", "milk, tea"},
		{multiSelect, "tea,Coffee", `["coffee","tea"]`},
		{multiSelect, "tea,Coffee", `{coffee,"tea"}`},
	} {
		t.Run(fmt.Sprintf("%s %q and %q", c.field, c.there, c.row), func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.mapped(c.field)
				w.box.Seed(sandbox.Contact{Address: "a@example.com", Lists: []string{"App users"}, Fields: map[string]string{"value": c.there}})
				w.rows = []source.Row{row("1", "a@example.com", c.row)}
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if report.Summary.Unchanged != 1 {
					t.Errorf("changes %+v, skipped %+v", report.Changes, report.Skipped)
				}
			})
		})
	}
}

// mapped makes a custom field, maps it alone, and returns its id.
func (w *world) mapped(field string) (id string) {
	var made struct {
		ID string `json:"custom_field_id"`
	}
	if err := json.Unmarshal([]byte(w.call("POST", "/v3/contact_custom_fields", field)), &made); err != nil {
		w.t.Fatal(err)
	}
	w.policy.Fields = []ccsync.Field{{Column: "value", CustomField: "value"}}
	return made.ID
}

func TestAValueIsSentInTheFormOfItsField(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("🙂", 255)
	for _, c := range []struct{ field, row, sent string }{
		{plain("string"), " K7 ", "K7"},
		{plain("string"), "true", "true"},
		{plain("string"), "1.50", "1.50"},
		{plain("string"), "\"quotes\" \\ & <html> ${x} \u2028 {{y}}", "\"quotes\" \\ & <html> ${x} \u2028 {{y}}"},
		{plain("string"), long, long},
		{plain("date"), "31 Jan", "31 Jan"},
		{plain("date"), "1/31/2026", "2026-01-31"},
		{realDate, "1/31/2026", "2026-01-31"},
		{plain("datetime"), "2026-01-31 23:00:00-05", "2026-02-01T04:00:00Z"},
		{plain("number"), "001.50", "1.5"},
		{plain("number"), "false", "0"},
		{plain("currency"), "1234.50", "1234.5"},
		{plain("boolean"), "T", "true"},
		{plain("text_area"), "one\r\ntwo", "one\ntwo"},
		{singleSelect, "SILVER", "silver"},
		{multiSelect, "milk,TEA,milk", "tea,milk"},
	} {
		t.Run(fmt.Sprintf("%s %.30q", c.field, c.row), func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.mapped(c.field)
				w.one(c.row)
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if report.Push.Verified != 1 {
					w.t.Fatalf("skipped %+v, push %+v", report.Skipped, report.Push)
				}
				if got := w.box.Imports()[0].Rows[0].Members["cf:value"]; got != c.sent {
					t.Errorf("sent %q, want %q", got, c.sent)
				}
				again := w.run(ccsync.Options{Full: true})
				if again.Summary.Unchanged != 1 {
					t.Errorf("once more: %+v", again.Changes)
				}
			})
		})
	}
}

func TestAValueThatDoesNotFitItsFieldIsSkipped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field, row string
		want       ccsync.Reason
		detail     string
	}{
		{plain("string"), "a\x00b", ccsync.InvalidValue, "control character"},
		{plain("string"), "a\nb", ccsync.InvalidValue, "control character"},
		{plain("string"), "a\u0085b", ccsync.InvalidValue, "control character"},
		{plain("string"), "\xff\xfe", ccsync.InvalidValue, "UTF-8"},
		{plain("string"), strings.Repeat("ü", 256), ccsync.ValueTooLong, "256 characters"},
		{plain("text_area"), "a\x1fb", ccsync.InvalidValue, "control character"},
		{plain("text_area"), strings.Repeat("ü", 256), ccsync.ValueTooLong, "256 characters"},
		{realDate, "soon", ccsync.InvalidValue, "date"},
		{realDate, "2026-02-30", ccsync.InvalidValue, "date"},
		{realDate, "31/01/2026", ccsync.InvalidValue, "date"},
		{realDate, "20260131", ccsync.InvalidValue, "date"},
		{plain("datetime"), "noon", ccsync.InvalidValue, "date"},
		{plain("number"), "1,5", ccsync.InvalidValue, "number"},
		{plain("number"), "NaN", ccsync.InvalidValue, "number"},
		{plain("number"), "Infinity", ccsync.InvalidValue, "number"},
		{plain("number"), "0x10", ccsync.InvalidValue, "number"},
		{plain("number"), "1/2", ccsync.InvalidValue, "number"},
		{plain("number"), "1e999999999", ccsync.InvalidValue, "number"},
		{plain("currency"), "12 EUR", ccsync.InvalidValue, "number"},
		{plain("boolean"), "maybe", ccsync.InvalidValue, "true"},
		{singleSelect, "platinum", ccsync.InvalidValue, "Gold, silver, Bronze, used"},
		{multiSelect, "tea,beer", ccsync.InvalidValue, "tea, Coffee, milk"},
	} {
		t.Run(fmt.Sprintf("%s %.30q", c.field, c.row), func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.mapped(c.field)
				w.one(c.row)
				report := w.run(ccsync.Options{})
				w.want(report, ccsync.Synced)
				if len(report.Skipped) != 1 || report.Skipped[0].Reason != c.want || !strings.Contains(report.Skipped[0].Detail, c.detail) {
					t.Errorf("skipped %+v, want %s: %s", report.Skipped, c.want, c.detail)
				}
				if len(w.box.Imports()) != 0 {
					t.Error("it was sent")
				}
			})
		})
	}
}

func TestPropertiesHoldFiftyCharacters(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.policy.Fields = nil
		for _, name := range []string{"first_name", "last_name", "job_title", "company_name"} {
			w.policy.Fields = append(w.policy.Fields, ccsync.Field{Column: name, Property: name})
		}
		fits := []string{strings.Repeat("é", 50), `O'Brien "Bob"`, "<b>Chief</b> & more", "東京 🙂"}
		w.box.Seed(contact("a@example.com", "", "App users"), contact("b@example.com", "", "App users"))
		w.rows = []source.Row{row("1", "a@example.com", fits...), row("2", "b@example.com", "Bob", strings.Repeat("é", 51), "", "")}
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if got := skipOf(report, "2"); got != ccsync.ValueTooLong {
			t.Errorf("51 characters: %q", got)
		}
		c, _ := w.box.Contact("a@example.com")
		if got := []string{c.FirstName, c.LastName, c.JobTitle, c.Company}; fmt.Sprint(got) != fmt.Sprint(fits) {
			t.Errorf("got %q, want %q", got, fits)
		}
	})
}

func TestChoicesAreReadForEachRun(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		id := w.mapped(singleSelect)
		w.one("platinum")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.call("PUT", "/v3/contact_custom_fields/"+id, `{"label":"Value","choices":[{"choice_label":"Gold"},{"choice_label":"Platinum"}]}`)
		report := w.run(ccsync.Options{})
		w.want(report, ccsync.Synced)
		if report.Push.Verified != 1 {
			t.Errorf("%+v", report.Skipped)
		}
	})
}

// The contract has the ids of choices in a contact, and does not say that their labels are there
// too.
func TestAChoiceThatIsToldByItsIDAloneIsKnown(t *testing.T) {
	t.Parallel()
	inWorld(t, sandbox.Options{}, func(w *world) {
		w.mapped(singleSelect)
		w.life.wire = &rewritten{w.life.wire, `"value":"silver",`, ""}
		w.one("silver")
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		report := w.run(ccsync.Options{Full: true})
		w.want(report, ccsync.Synced)
		if report.Summary.Unchanged != 1 {
			t.Errorf("%+v", report.Changes)
		}
	})
}

// rewritten replaces a text in every answer.
type rewritten struct {
	wire     http.RoundTripper
	old, new string
}

func (r *rewritten) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := r.wire.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	body = bytes.ReplaceAll(body, []byte(r.old), []byte(r.new))
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer.Header.Del("Content-Length")
	return answer, err
}

func TestThePlanSaysThatASelectTargetIsUnproven(t *testing.T) {
	t.Parallel()
	for field, unproven := range map[string]bool{singleSelect: true, multiSelect: true, plain("string"): false} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			inWorld(t, sandbox.Options{}, func(w *world) {
				w.mapped(field)
				w.one(map[bool]string{true: "tea", false: "x"}[field == multiSelect])
				if field == singleSelect {
					w.rows[0].Values[0] = "Gold"
				}
				report := w.dry(ccsync.Options{})
				w.want(report, ccsync.Planned)
				said := slices.ContainsFunc(report.Notes, func(n string) bool { return strings.Contains(n, "unproven") })
				if said != unproven || report.Summary.Update != 1 {
					t.Errorf("%+v, notes %v", report.Summary, report.Notes)
				}
				bound, err := w.engine().Bind(w.t.Context())
				if err != nil || len(bound) != 1 || bound[0].Unproven != unproven {
					t.Errorf("%+v (%v)", bound, err)
				}
			})
		})
	}
}
