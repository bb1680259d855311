package ccapi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEachResourceIsAskedForAndReadAsDocumented(t *testing.T) {
	const activity = `{"activity_id":"a1","state":"completed","percent_done":100,"activity_errors":["Line 2: \u001b[31mbad"],
		"created_at":"2026-11-24T12:00:00Z","updated_at":"2026-11-24T12:00:05.000+00:00",
		"status":{"items_total_count":3,"person_count":2,"error_count":1,"correctable_count":4,"cannot_add_to_list_count":5},
		"_links":{"self":{"href":"/v3/activities/a1"}}}`
	const export = `{"activity_id":"a2","state":"processing","percent_done":50,"activity_errors":null,
		"status":{"items_total_count":10,"items_completed_count":5},"_links":{"results":{"href":"/v3/contact_exports/e1"}}}`
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	imported := Activity{ID: "a1", State: StateCompleted, PercentDone: 100, Errors: []string{"Line 2: [31mbad"}, Items: 3, Persons: 2,
		ErrorCount: 1, Correctable: 4, CannotAddToList: 5, IsImport: true, CreatedAt: noon, UpdatedAt: noon.Add(5 * time.Second)}
	exported := Activity{ID: "a2", State: StateProcessing, PercentDone: 50, Items: 10, Results: "/v3/contact_exports/e1"}
	tests := []struct {
		name    string
		call    func(context.Context, *Reader) (any, error)
		request string            // method, path and query
		body    string            // of the request
		pages   map[string]string // by cursor
		want    any
	}{
		{
			name:    "custom fields of two pages",
			call:    func(ctx context.Context, r *Reader) (any, error) { return r.CustomFields(ctx) },
			request: "GET /v3/contact_custom_fields?limit=100",
			pages: map[string]string{
				"":  `{"custom_fields":[{"custom_field_id":"f1","label":"Short code","name":"short_code","type":"string","version":1}],"_links":{"next":{"href":"/v3/contact_custom_fields?cursor=2"}}}`,
				"2": `{"custom_fields":[{"custom_field_id":"f2","label":"Size","name":"size","type":"single_select","choices":[{"choice_id":1,"choice_label":"L","display_order":1}]}]}`,
			},
			want: []CustomField{{ID: "f1", Label: "Short code", Name: "short_code", Type: "string", Version: 1},
				{ID: "f2", Label: "Size", Name: "size", Type: "single_select", Choices: []Choice{{ID: "1", Label: "L"}}}},
		},
		{
			name:    "lists",
			call:    func(ctx context.Context, r *Reader) (any, error) { return r.Lists(ctx) },
			request: "GET /v3/contact_lists?include_count=true&include_membership_count=all&limit=500&status=active",
			pages:   map[string]string{"": `{"lists":[{"list_id":"l1","name":"App users","membership_count":7}],"lists_count":1,"_links":{}}`},
			want:    []List{{ID: "l1", Name: "App users", Members: 7}},
		},
		{
			name:    "no lists",
			call:    func(ctx context.Context, r *Reader) (any, error) { return r.Lists(ctx) },
			request: "GET /v3/contact_lists?include_count=true&include_membership_count=all&limit=500&status=active",
			pages:   map[string]string{"": `{"lists":null,"lists_count":0}`},
			want:    []List(nil),
		},
		{
			name:    "activity of an import",
			call:    func(ctx context.Context, r *Reader) (any, error) { return r.Activity(ctx, "a1") },
			request: "GET /v3/activities/a1",
			pages:   map[string]string{"": activity},
			want:    imported,
		},
		{
			name:    "activities of two pages",
			call:    func(ctx context.Context, r *Reader) (any, error) { return r.Activities(ctx) },
			request: "GET /v3/activities?limit=500",
			pages: map[string]string{
				"":  `{"activities":[` + activity + `],"_links":{"next":{"href":"/v3/activities?cursor=2"}}}`,
				"2": `{"activities":[` + export + `],"_links":{}}`,
			},
			want: []Activity{imported, exported},
		},
		{
			name:    "account",
			call:    func(ctx context.Context, r *Reader) (any, error) { return r.Account(ctx) },
			request: "GET /v3/account/summary",
			pages:   map[string]string{"": `{"encoded_account_id":"p07e1l8cdif9dl","organization_name":"InstaPrinz","contact_email":"lola@example.com"}`},
			want:    Account{ID: "p07e1l8cdif9dl", Name: "InstaPrinz", Email: "lola@example.com"},
		},
		{
			name:    "counts",
			call:    func(ctx context.Context, r *Reader) (any, error) { return r.Counts(ctx) },
			request: "GET /v3/contacts/counts",
			pages:   map[string]string{"": `{"total":72,"explicit":10,"implicit":20,"pending":30,"unsubscribed":12}`},
			want:    Counts{Total: 72, Explicit: 10, Implicit: 20, Pending: 30, Unsubscribed: 12},
		},
		{
			name:    "privileges",
			call:    func(ctx context.Context, r *Reader) (any, error) { return r.Privileges(ctx) },
			request: "GET /v3/account/user/privileges",
			pages:   map[string]string{"": `[{"privilege_id":30,"privilege_name":"contacts:read"},{"privilege_id":31,"privilege_name":"contacts:write"}]`},
			want:    []string{"contacts:read", "contacts:write"},
		},
		{
			name: "a new custom field",
			call: func(ctx context.Context, r *Reader) (any, error) {
				return NewWriter(r).CreateCustomField(ctx, `Short "code"`, "string")
			},
			request: "POST /v3/contact_custom_fields",
			body:    `{"label":"Short \"code\"","type":"string"}`,
			pages:   map[string]string{"": `{"custom_field_id":"f1","label":"Short \"code\"","name":"short_code","type":"string"}`},
			want:    CustomField{ID: "f1", Label: `Short "code"`, Name: "short_code", Type: "string"},
		},
		{
			name:    "an export",
			call:    func(ctx context.Context, r *Reader) (any, error) { return NewWriter(r).Export(ctx) },
			request: "POST /v3/activities/contact_exports",
			body:    `{}`,
			pages:   map[string]string{"": export},
			want:    exported,
		},
		{
			name:    "an import",
			call:    func(ctx context.Context, r *Reader) (any, error) { return NewWriter(r).Import(ctx, oneRow()) },
			request: "POST /v3/activities/contacts_json_import",
			body:    `{"list_ids":["07936f78-662a-11eb-af0a-fa163e56c9b0"],"import_data":[{"email":"ann@example.com","cf:short_code":"K7Q2M9"}]}`,
			pages:   map[string]string{"": activity},
			want:    imported,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					cursor := r.URL.Query().Get("cursor")
					if got := r.Method + " " + r.URL.String(); cursor == "" && got != tt.request {
						t.Errorf("request = %s, want %s", got, tt.request)
					}
					if body, _ := io.ReadAll(r.Body); string(body) != tt.body {
						t.Errorf("body = %s, want %s", body, tt.body)
					}
					if got := r.Header.Get("Accept"); got != "application/json" {
						t.Errorf("Accept = %q", got)
					}
					if tt.body != "" && r.Header.Get("Content-Type") != "application/json" {
						t.Errorf("Content-Type = %q", r.Header.Get("Content-Type"))
					}
					reply(w, map[bool]int{true: 201, false: 200}[r.Method == http.MethodPost], tt.pages[cursor])
				})
				got, err := tt.call(t.Context(), s.reader())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				if int(s.hits.Load()) != len(tt.pages) {
					t.Errorf("%d requests, want %d", s.hits.Load(), len(tt.pages))
				}
			})
		})
	}
}

func TestAnActivityEndsInFourStates(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]bool{
		StateInitialized: false, StateProcessing: false, "": false, "paused": false,
		StateCompleted: true, StateCancelled: true, StateFailed: true, StateTimedOut: true,
	} {
		if got := (Activity{State: state}).Ended(); got != want {
			t.Errorf("%q ended = %v, want %v", state, got, want)
		}
	}
}

func TestAnyJSONValueReadsAsText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`"plain"`: "plain", `""`: "", `"a\"b\\c\n\u00e9"`: "a\"b\\c\né", "\"\xff\"": "\uFFFD", `"\ud800"`: "\uFFFD",
		`7`: "7", `1.50`: "1.50", `true`: "true", `null`: "", `{"a":1}`: `{"a":1}`, `"é"`: "é",
	} {
		var got text
		if err := json.Unmarshal([]byte(in), &got); err != nil || string(got) != want {
			t.Errorf("text of %s = %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestImportsThatTheServerWouldRefuseAreNotSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, status(201, activityJSON))
		w := NewWriter(s.reader())
		many := make([]string, 51)
		for i := range many {
			many[i] = "l"
		}
		for name, lists := range map[string][]string{"no list": {}, "51 lists": many} {
			var b ImportBody
			b.Reset(lists, nil)
			b.Add("ann@example.com", nil)
			if _, err := w.Import(t.Context(), &b); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		var empty ImportBody
		empty.Reset([]string{"l"}, nil)
		if _, err := w.Import(t.Context(), &empty); err == nil {
			t.Error("no contacts: no error")
		}
		if s.hits.Load() != 0 {
			t.Errorf("%d requests, want none", s.hits.Load())
		}
		var most ImportBody
		most.Reset(many[:50], nil)
		most.Add("ann@example.com", nil)
		if _, err := w.Import(t.Context(), &most); err != nil {
			t.Errorf("50 lists: %v", err)
		}
	})
}
