package ccapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// recordings answers with bodies shaped like those of real accounts; the values are invented. The
// files are named after method and path.
type recordings struct {
	t      *testing.T
	status map[string]int    // by "METHOD path", in place of 200
	files  map[string]string // by "METHOD path?cursor"

	mu   sync.Mutex
	sent []string
}

func (f *recordings) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v3/")
	f.mu.Lock()
	f.sent = append(f.sent, asked)
	f.mu.Unlock()
	status := f.status[asked]
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		asked += "?" + cursor
	}
	name, ok := f.files[asked]
	if !ok {
		return nil, errors.New("nothing is recorded for " + asked)
	}
	body, err := os.ReadFile(filepath.Join("testdata", "recorded", name))
	if err != nil {
		return nil, err
	}
	if status == 0 {
		status = http.StatusOK
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(string(body))), ContentLength: int64(len(body))}, nil
}

const (
	annID, codeID, listID = "04fe9a97-a579-43c5-bb1a-58ed29bf0a6a", "1618ae62-4752-11e9-9c8a-fa163e6b01c1", "07936f78-662a-11eb-af0a-fa163e56c9b0"
	importID, exportID    = "86b90820-cc52-11ea-9dad-fa163e3d9194", "b6b90820-cc52-11ea-9dad-fa163e3d9194"
)

func september(day, hour, minute, second int) time.Time {
	return time.Date(2026, time.September, day, hour, minute, second, 0, time.UTC)
}

// TestRecordedAnswersAreRead has each request that the program makes, with its answer as real
// accounts gave it.
func TestRecordedAnswersAreRead(t *testing.T) {
	t.Parallel()
	ann := Contact{ID: annID, Address: "Ann.Example@example.com", Permission: "implicit", FirstName: "Ann", LastName: "Example",
		CustomFields: []CustomFieldValue{{ID: codeID, Value: "K7Q2M9"}}, Lists: []string{listID}, UpdatedAt: september(2, 11, 21, 31)}
	put := ann
	put.CustomFields, put.Lists, put.UpdatedAt = nil, nil, september(29, 12, 0, 0)
	tests := map[string]struct {
		status map[string]int
		files  map[string]string
		call   func(context.Context, *Writer) (any, error)
		want   any
	}{
		"the account, without a name": {nil, map[string]string{"GET account/summary": "get-account-summary.json"},
			func(ctx context.Context, w *Writer) (any, error) { return w.r.Account(ctx) },
			Account{ID: "p07example0001", Email: "owner@example.com"}},
		"privileges": {nil, map[string]string{"GET account/user/privileges": "get-account-user-privileges.json"},
			func(ctx context.Context, w *Writer) (any, error) { return w.r.Privileges(ctx) },
			[]string{"account:read", "contacts:read", "contacts:write", "contacts:lists:read"}},
		"counts": {nil, map[string]string{"GET contacts/counts": "get-contacts-counts.json"},
			func(ctx context.Context, w *Writer) (any, error) { return w.r.Counts(ctx) },
			Counts{Total: 26475, Explicit: 1207, Implicit: 24300, Pending: 3, Unsubscribed: 965}},
		"contacts: one who opted out, one without an address, a deleted one": {nil,
			map[string]string{"GET contacts": "get-contacts.json", "GET contacts?bGltaXQ9NTAwJm5leHQ9Mg==": "get-contacts-last.json"},
			func(ctx context.Context, w *Writer) (any, error) {
				var all []Contact
				for page, err := range w.r.Contacts(ctx, ContactsQuery{}) {
					if err != nil || page.Count != 4 {
						return nil, errors.Join(err, errors.New("the count is wrong"))
					}
					all = append(all, page.Contacts...)
				}
				return all, nil
			},
			[]Contact{ann,
				{ID: "05fe9a97-a579-43c5-bb1a-58ed29bf0a6a", Address: "ben@example.com", Permission: "unsubscribed", UpdatedAt: september(20, 8, 0, 0)},
				{ID: "06fe9a97-a579-43c5-bb1a-58ed29bf0a6a", UpdatedAt: september(1, 10, 20, 30)},
				{ID: "07fe9a97-a579-43c5-bb1a-58ed29bf0a6a", Address: "dan@example.com", Permission: "implicit", UpdatedAt: september(21, 9, 9, 9), Deleted: true}}},
		"a contact": {nil, map[string]string{"GET contacts/" + annID: "get-contact.json"},
			func(ctx context.Context, w *Writer) (any, error) { return w.r.Contact(ctx, annID) }, ann},
		"a contact put back, answered with what was sent": {nil,
			map[string]string{"GET contacts/" + annID: "get-contact.json", "PUT contacts/" + annID: "put-contact.json"},
			func(ctx context.Context, w *Writer) (any, error) {
				return w.Replace(ctx, annID, []Edit{{CustomField: codeID}}, func(Contact) error { return nil })
			}, put},
		"custom fields": {nil, map[string]string{"GET contact_custom_fields": "get-contact-custom-fields.json"},
			func(ctx context.Context, w *Writer) (any, error) { return w.r.CustomFields(ctx) },
			[]CustomField{{ID: codeID, Label: "Short code", Name: "short_code", Type: "string", Version: 1},
				{ID: "2618ae62-4752-11e9-9c8a-fa163e6b01c1", Label: "T-shirt", Name: "t-shirt", Type: "single_select", Version: 1,
					Choices: []Choice{{"1", "Small"}, {"2", "Large"}}},
				{ID: "3618ae62-4752-11e9-9c8a-fa163e6b01c1", Label: "Joined on", Name: "joined_on", Type: "date", Version: 2}}},
		"a new custom field": {map[string]int{"POST contact_custom_fields": 201}, map[string]string{"POST contact_custom_fields": "post-contact-custom-fields.json"},
			func(ctx context.Context, w *Writer) (any, error) {
				return w.CreateCustomField(ctx, "Customer ID", "string")
			},
			CustomField{ID: "4618ae62-4752-11e9-9c8a-fa163e6b01c1", Label: "Customer ID", Name: "customer_id", Type: "string", Version: 1}},
		"lists": {nil, map[string]string{"GET contact_lists": "get-contact-lists.json"},
			func(ctx context.Context, w *Writer) (any, error) { return w.r.Lists(ctx) },
			[]List{{listID, "App users", 2048}, {"08936f78-662a-11eb-af0a-fa163e56c9b0", "Newsletter", 0}}},
		"an import, with an internal link to itself": {map[string]int{"POST activities/contacts_json_import": 201},
			map[string]string{"POST activities/contacts_json_import": "post-activities-contacts-json-import.json"},
			func(ctx context.Context, w *Writer) (any, error) { return w.Import(ctx, oneRow()) },
			Activity{ID: importID, State: StateInitialized, PercentDone: 1, Items: 2, IsImport: true, CreatedAt: september(29, 12, 0, 0), UpdatedAt: september(29, 12, 0, 0)}},
		"an import answered 200": {nil, map[string]string{"POST activities/contacts_json_import": "post-activities-contacts-json-import.json"},
			func(ctx context.Context, w *Writer) (any, error) {
				a, err := w.Import(ctx, oneRow())
				return a.ID, err
			}, importID},
		"an import answered 202": {map[string]int{"POST activities/contacts_json_import": 202},
			map[string]string{"POST activities/contacts_json_import": "post-activities-contacts-json-import.json"},
			func(ctx context.Context, w *Writer) (any, error) {
				a, err := w.Import(ctx, oneRow())
				return a.ID, err
			}, importID},
		"an import that ended": {nil, map[string]string{"GET activities/" + importID: "get-activity-import.json"},
			func(ctx context.Context, w *Writer) (any, error) { return w.r.Activity(ctx, importID) },
			Activity{ID: importID, State: StateCompleted, PercentDone: 100, Items: 3, Persons: 2, IsImport: true,
				CreatedAt: september(29, 12, 0, 0), StartedAt: september(29, 12, 0, 1), CompletedAt: september(29, 12, 0, 5), UpdatedAt: september(29, 12, 0, 5)}},
		"a fresh activity without a status": {nil, map[string]string{"GET activities/96b90820-cc52-11ea-9dad-fa163e3d9194": "get-activity-fresh.json"},
			func(ctx context.Context, w *Writer) (any, error) {
				return w.r.Activity(ctx, "96b90820-cc52-11ea-9dad-fa163e3d9194")
			},
			Activity{ID: "96b90820-cc52-11ea-9dad-fa163e3d9194", State: StateInitialized, PercentDone: 1, Unclear: true,
				CreatedAt: september(29, 12, 0, 0), UpdatedAt: september(29, 12, 0, 0)}},
		"activities by a key cursor, all with one link to themselves": {nil,
			map[string]string{"GET activities": "get-activities.json",
				"GET activities?bGltaXQ9NTAwJm5leHQ9ODZiOTA4MjAtY2M1Mi0xMWVhLTlkYWQtZmExNjNlM2Q5MTk0": "get-activities-last.json"},
			func(ctx context.Context, w *Writer) (any, error) { return w.r.Activities(ctx) },
			[]Activity{
				{ID: "a6b90820-cc52-11ea-9dad-fa163e3d9194", State: StateCompleted, PercentDone: 100, Items: 1, Unclear: true,
					CreatedAt: september(29, 11, 0, 0), StartedAt: september(29, 11, 0, 1), CompletedAt: september(29, 11, 0, 5), UpdatedAt: september(29, 11, 0, 5)},
				{ID: importID, State: StateProcessing, PercentDone: 40, Items: 3, Persons: 1, IsImport: true,
					CreatedAt: september(29, 10, 0, 0), StartedAt: september(29, 10, 0, 1), UpdatedAt: september(29, 10, 0, 2)}}},
		"an export, its link there before its file": {map[string]int{"POST activities/contact_exports": 201},
			map[string]string{"POST activities/contact_exports": "post-activities-contact-exports.json"},
			func(ctx context.Context, w *Writer) (any, error) { return w.Export(ctx) },
			Activity{ID: exportID, State: StateInitialized, PercentDone: 1, Results: "/v3/contact_exports/" + exportID,
				CreatedAt: september(29, 12, 0, 0), UpdatedAt: september(29, 12, 0, 0)}},
		"an export's file": {nil, map[string]string{"GET contact_exports/" + exportID: "get-contact-exports.csv"},
			func(ctx context.Context, w *Writer) (any, error) {
				file, err := w.r.ExportFile(ctx, "/v3/contact_exports/"+exportID)
				if err != nil {
					return nil, err
				}
				defer file.Close()
				text, err := io.ReadAll(file)
				return strings.Count(string(text), "\n"), err
			}, 2},
	}
	used := make(map[string]bool)
	for name, tt := range tests {
		for _, file := range tt.files {
			used[file] = true
		}
		t.Run(name, func(t *testing.T) {
			f := &recordings{t: t, status: tt.status, files: tt.files}
			got, err := tt.call(t.Context(), NewWriter(NewReader("https://api.cc.email/v3", &http.Client{Transport: f}, &tokens{})))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			if len(f.sent) != len(tt.files) {
				t.Errorf("sent %q", f.sent)
			}
		})
	}
	for file := range recordedErrors {
		used[file] = true
	}
	everyFileIsUsed(t, used)
}

// recordedErrors are errors of real accounts, by their file.
var recordedErrors = map[string]struct {
	status int
	is     error
	text   string
}{
	"error-400.json":     {400, ErrBadRequest, "HTTP 400 Bad Request (contacts.api.validation.error): create_source is missing, create_source does not have a valid value"},
	"error-401.json":     {401, ErrUnauthorized, "HTTP 401 Unauthorized (unauthorized): Unauthorized"},
	"error-404.json":     {404, ErrNotFound, "HTTP 404 Not Found (contacts.api.not_found): contact_id is in an invalid format."},
	"error-409.json":     {409, ErrConflict, "HTTP 409 Conflict (contacts.api.conflict): Validation failed: Email already exists for contact " + annID},
	"error-429.json":     {429, nil, "HTTP 429 Too Many Requests (throttled): Too Many Requests"},
	"error-429-day.json": {429, nil, "today's requests of this API key are used up until "},
}

func TestRecordedErrorsAreTold(t *testing.T) {
	for file, want := range recordedErrors {
		t.Run(file, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				const asked = "GET contacts/" + annID
				f := &recordings{t: t, status: map[string]int{asked: want.status}, files: map[string]string{asked: file}}
				_, err := NewReader("https://api.cc.email/v3", &http.Client{Transport: f}, &tokens{}).Contact(t.Context(), annID)
				if err == nil || !strings.Contains(err.Error(), want.text) || want.is != nil && !errors.Is(err, want.is) {
					t.Errorf("error = %v, want %v: %s", err, want.is, want.text)
				}
				if e, ok := errors.AsType[*Error](err); ok && e.Gateway {
					t.Error("it was taken for the word of a gateway")
				}
			})
		})
	}
}

// everyFileIsUsed fails the test where a recording is read by nobody.
func everyFileIsUsed(t *testing.T, used map[string]bool) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join("testdata", "recorded"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !used[file.Name()] {
			t.Errorf("%s is not used", file.Name())
		}
	}
}

// A link to a host that only the service itself knows is not followed.
func TestALinkToAnInternalHostIsAnErrorAndNotFollowed(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"contacts":   `{"contacts":[{"contact_id":"c"}],"_links":{"next":{"href":"http://contacts-service.internal:8080/v3/contacts?cursor=2"}}}`,
		"activities": `{"activities":[{"activity_id":"a"}],"_links":{"next":{"href":"https://activities.internal/v3/activities?cursor=2"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader("https://api.cc.email/v3", &http.Client{Transport: fixed{body}}, &tokens{})
			if err := readers[name].read(t.Context(), r); !errors.Is(err, ErrForeignHost) || r.Requests() != 1 {
				t.Errorf("error = %v after %d requests", err, r.Requests())
			}
		})
	}
}
