package ccapi

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// contractURL is where the vendor publishes the contract, which is not shipped here.
const contractURL = "https://api.cc.email/v3/swagger.yaml"

// contractOperations are the operations that this package uses.
var contractOperations = []string{
	"countContact", "getAccountById", "getActivity", "getActivityStatusCollection", "getContact", "getContacts",
	"getContactsExport", "getCustomFields", "getLists", "getUserPrivileges", "bulkImportContactsJSON", "postContactsExport", "postCustomFields", "putContact",
}

// contract is the vendor's document, made strict.
type contract struct {
	router routers.Router

	mu   sync.Mutex
	seen map[string]bool // operation ids
}

// openContract reads the contract, or skips the test where there is none.
func openContract(t *testing.T) *contract {
	t.Helper()
	path := os.Getenv("CCSYNC_OPENAPI")
	if path == "" {
		path = "../../shared/constant-contact/openapi-3.0.178.yml"
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("requests are not held against the official contract: get it from %s and name the file in CCSYNC_OPENAPI", contractURL)
	}
	if err != nil {
		t.Fatal(err)
	}
	doc := convert(t, text)
	tighten(doc)
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &contract{router: router, seen: make(map[string]bool)}
}

// convert makes OpenAPI 3 of the Swagger 2.0 document.
func convert(t *testing.T, text []byte) *openapi3.T {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var old openapi2.T
	if err := json.Unmarshal(data, &old); err != nil {
		t.Fatal(err)
	}
	doc, err := openapi2conv.ToV3(&old)
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: "/v3"}}
	return doc
}

// tighten forbids what the document leaves open: members of bodies that it does not name. It also
// takes out what the document says in a way that no validator reads: the values of a list that is
// given in one parameter, and the name of a custom field.
func tighten(doc *openapi3.T) {
	row := doc.Components.Schemas["JsonImportContact"].Value
	row.Properties["cf:short_code"] = row.Properties["cf:custom_field_name"]
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for _, p := range op.Parameters {
				if p.Value.Schema.Value.Format == "csv" {
					p.Value.Schema.Value.Enum = nil
				}
			}
			if op.RequestBody != nil {
				for _, media := range op.RequestBody.Value.Content {
					closeSchema(media.Schema)
				}
			}
		}
	}
}

// closeSchema forbids members that a schema does not name.
func closeSchema(ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil || ref.Value.AdditionalProperties.Has != nil {
		return
	}
	if len(ref.Value.Properties) > 0 {
		ref.Value.AdditionalProperties.Has = new(bool)
	}
	closeSchema(ref.Value.Items)
	for _, p := range ref.Value.Properties {
		closeSchema(p)
	}
}

// check holds a request against the contract.
func (c *contract) check(t *testing.T, r *http.Request) {
	t.Helper()
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		t.Errorf("%s %s is not in the contract: %v", r.Method, r.URL, err)
		return
	}
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
		t.Errorf("%s %s is not as the contract says: %v", r.Method, r.URL, err)
	}
	for name := range r.URL.Query() {
		if route.Operation.Parameters.GetByInAndName("query", name) == nil && name != "cursor" {
			t.Errorf("%s %s: the contract has no parameter %s", r.Method, r.URL, name)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[route.Operation.OperationID] = true
}

func TestEveryRequestIsAsTheContractSays(t *testing.T) {
	c := openContract(t)
	const id = "04fe9a97-a579-43c5-bb1a-58ed29bf0a6a"
	contact := strings.NewReplacer(`"deleted_at":"2016-07-08",`, ``, `"c1"`, `"`+id+`"`, `"f1"`, `"`+id+`"`, `"f2"`, `"1`+id[1:]+`"`, `"f3"`, `"2`+id[1:]+`"`).Replace(debora)
	answers := map[string]string{
		"GET /v3/contacts":                         `{"contacts":[],"_links":{}}`,
		"GET /v3/contacts/" + id:                   contact,
		"PUT /v3/contacts/" + id:                   contact,
		"GET /v3/contacts/counts":                  `{"total":1}`,
		"GET /v3/contact_custom_fields":            `{"custom_fields":[]}`,
		"POST /v3/contact_custom_fields":           `{"custom_field_id":"f"}`,
		"GET /v3/contact_lists":                    `{"lists":[]}`,
		"GET /v3/activities":                       `{"activities":[]}`,
		"GET /v3/activities/" + id:                 activityJSON,
		"POST /v3/activities/contacts_json_import": activityJSON,
		"POST /v3/activities/contact_exports":      activityJSON,
		"GET /v3/contact_exports/" + id:            csv,
		"GET /v3/account/summary":                  accountJSON,
		"GET /v3/account/user/privileges":          `[]`,
	}
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			c.check(t, r)
			reply(w, map[bool]int{true: 201, false: 200}[r.Method == http.MethodPost], answers[r.Method+" "+r.URL.Path])
		})
		for name, call := range everyCall(s.reader(), id) {
			if err := call(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	if diff := cmp.Diff(slices.Sorted(slices.Values(contractOperations)), slices.Sorted(maps.Keys(c.seen))); diff != "" {
		t.Errorf("operations used (-want +got):\n%s", diff)
	}
}

// everyCall is all that a Reader and a Writer can do, by name.
func everyCall(r *Reader, id string) map[string]func(context.Context) error {
	w := NewWriter(r)
	var body ImportBody
	body.Reset([]string{id}, []string{"cf:short_code", "first_name", "last_name", "job_title", "company_name"})
	body.Add("ann@example.com", []string{"K7Q2", "Ann", "Lang", "Musician", "Acme"})
	return map[string]func(context.Context) error{
		"Contacts": func(ctx context.Context) (err error) {
			for _, err = range r.Contacts(ctx, ContactsQuery{UpdatedAfter: time.Now(), Email: "ann@example.com"}) {
			}
			return err
		},
		"Contact":      func(ctx context.Context) error { _, err := r.Contact(ctx, id); return err },
		"Counts":       func(ctx context.Context) error { _, err := r.Counts(ctx); return err },
		"CustomFields": func(ctx context.Context) error { _, err := r.CustomFields(ctx); return err },
		"Lists":        func(ctx context.Context) error { _, err := r.Lists(ctx); return err },
		"Activity":     func(ctx context.Context) error { _, err := r.Activity(ctx, id); return err },
		"Activities":   func(ctx context.Context) error { _, err := r.Activities(ctx); return err },
		"Account":      func(ctx context.Context) error { _, err := r.Account(ctx); return err },
		"Privileges":   func(ctx context.Context) error { _, err := r.Privileges(ctx); return err },
		"Import":       func(ctx context.Context) error { _, err := w.Import(ctx, &body); return err },
		"Export":       func(ctx context.Context) error { _, err := w.Export(ctx); return err },
		"CreateCustomField": func(ctx context.Context) error {
			_, err := w.CreateCustomField(ctx, "Short code", "string")
			return err
		},
		"ExportFile": func(ctx context.Context) error {
			f, err := r.ExportFile(ctx, "/v3/contact_exports/"+id)
			if err == nil {
				f.Close()
			}
			return err
		},
		"Replace": func(ctx context.Context) error {
			_, err := w.Replace(ctx, id, []Edit{{CustomField: id}, {Property: "job_title"}}, agreed)
			return err
		},
	}
}

// Validators that accept everything would let every request pass.
func TestTheContractRefusesWhatItShould(t *testing.T) {
	c := openContract(t)
	for name, req := range map[string]struct{ method, path, body string }{
		"limit over the most":      {"GET", "/v3/contacts?limit=9000", ""},
		"unknown member":           {"POST", "/v3/activities/contact_exports", `{"nonsense":1}`},
		"unknown field of a row":   {"POST", "/v3/activities/contacts_json_import", `{"list_ids":["l"],"import_data":[{"email":"a@b.c","custom_fields":[]}]}`},
		"no lists":                 {"POST", "/v3/activities/contacts_json_import", `{"list_ids":[],"import_data":[]}`},
		"PUT without its source":   {"PUT", "/v3/contacts/1", `{"first_name":"Ann"}`},
		"a path that is not there": {"GET", "/v3/nowhere", ""},
	} {
		r, err := http.NewRequest(req.method, "http://api.test"+req.path, strings.NewReader(req.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		route, params, err := c.router.FindRoute(r)
		if err == nil {
			err = openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
				Request: r, PathParams: params, Route: route,
				Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
			})
		}
		if err == nil {
			t.Errorf("%s passes", name)
		}
	}
}
