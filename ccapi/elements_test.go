package ccapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// readers are all collections that are read.
var readers = map[string]struct {
	read func(context.Context, *Reader) error
	page string // with %s for the elements
	most int    // elements of a page
}{
	"contacts": {func(ctx context.Context, r *Reader) error {
		for _, err := range r.Contacts(ctx, ContactsQuery{}) {
			if err != nil {
				return err
			}
		}
		return nil
	}, `{"contacts":[%s]}`, 500},
	"custom fields": {func(ctx context.Context, r *Reader) error { _, err := r.CustomFields(ctx); return err }, `{"custom_fields":[%s]}`, 100},
	"lists":         {func(ctx context.Context, r *Reader) error { _, err := r.Lists(ctx); return err }, `{"lists":[%s]}`, 1000},
	"activities":    {func(ctx context.Context, r *Reader) error { _, err := r.Activities(ctx); return err }, `{"activities":[%s]}`, 500},
}

// Four million empty objects are 12 MB of text, and were 1.9 GiB of contacts, asked for six times.
func TestSmallAnswersDoNotExhaustMemory(t *testing.T) {
	many := strings.Repeat("{},", 4_000_000) + "{}"
	privileges := func(ctx context.Context, r *Reader) error { _, err := r.Privileges(ctx); return err }
	contact := func(ctx context.Context, r *Reader) error { _, err := r.Contact(ctx, "c1"); return err }
	activity := func(ctx context.Context, r *Reader) error { _, err := r.Activity(ctx, "a1"); return err }
	tests := map[string]struct {
		read func(context.Context, *Reader) error
		body string
	}{
		"privileges":                   {privileges, "[" + many + "]"},
		"custom fields of a contact":   {contact, `{"contact_id":"c1","custom_fields":[` + many + `]}`},
		"custom fields in a page":      {readers["contacts"].read, `{"contacts":[{"contact_id":"c1","custom_fields":[` + many + `]}]}`},
		"choices of a custom field":    {readers["custom fields"].read, `{"custom_fields":[{"custom_field_id":"f","choices":[` + many + `]}]}`},
		"errors of an activity":        {activity, `{"activity_id":"a1","activity_errors":[` + many + `]}`},
		"contacts in pieces of a page": {readers["contacts"].read, `{"contacts":[` + strings.Repeat(`{"custom_fields":[{},{},{},{}]},`, 400_000) + `{}]}`},
	}
	for name, c := range readers {
		tests[name] = struct {
			read func(context.Context, *Reader) error
			body string
		}{c.read, fmt.Sprintf(c.page, many)}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { // not in parallel: what others allocate would count
			r := NewReader("http://api.test/v3", &http.Client{Transport: fixed{tt.body}}, &tokens{})
			before := allocated()
			err := tt.read(t.Context(), r)
			if err == nil || !strings.Contains(err.Error(), "elements") {
				t.Errorf("error = %v", err)
			}
			if used := allocated() - before; used > 64<<20 {
				t.Errorf("%d MiB were allocated", used>>20)
			}
			if n := r.Requests(); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// fixed is a transport that answers every request so.
type fixed struct{ body string }

func (f fixed) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: stringBody{strings.NewReader(f.body)}, ContentLength: int64(len(f.body))}, nil
}

type stringBody struct{ *strings.Reader }

func (stringBody) Close() error { return nil }

// A page holds as many elements as the contract allows, and not one more.
func TestAFullPageIsReadAndAnOverfullOneIsNot(t *testing.T) {
	t.Parallel()
	for name, c := range readers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			element := `{"contact_id":"c","custom_field_id":"f","list_id":"l","activity_id":"a","activity_errors":["a, [b], {c}, \\\", d"]}`
			full := strings.Repeat(element+",", c.most-1) + element
			for body, ok := range map[string]bool{full: true, full + "," + element: false} {
				r := NewReader("http://api.test/v3", &http.Client{Transport: fixed{fmt.Sprintf(c.page, body)}}, &tokens{})
				if err := c.read(t.Context(), r); (err == nil) != ok {
					t.Errorf("read: %v, want success: %t", err, ok)
				}
			}
		})
	}
}

// A server whose pages never end is left soon, whatever is on them.
func TestPagesWithoutEndAreNotReadForEver(t *testing.T) {
	const element = `{"contact_id":"%[1]d","custom_field_id":"%[1]d","list_id":"%[1]d","activity_id":"%[1]d"}`
	for name, c := range readers {
		kinds := map[string]struct {
			elements func(page int) string
			most     int
		}{
			"empty":       {func(int) string { return "" }, 21},
			"of the same": {func(int) string { return fmt.Sprintf(element, 7) }, 22},
			"full of the same": {func(int) string {
				return strings.Repeat(fmt.Sprintf(element, 7)+",", c.most-1) + fmt.Sprintf(element, 7)
			}, 22},
			"of one each": {func(page int) string { return fmt.Sprintf(element, page) }, 1100},
		}
		for kind, k := range kinds {
			if name == "activities" && kind == "of one each" {
				continue // there may be 100,000
			}
			t.Run(name+", "+kind, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					n := 0
					s := serve(t, func(w http.ResponseWriter, r *http.Request) {
						n++
						page := fmt.Sprintf(c.page, k.elements(n))
						reply(w, 200, fmt.Sprintf(`%s,"contacts_count":1000,"lists_count":1000,"_links":{"next":{"href":"%s?cursor=%d"}}}`,
							page[:len(page)-1], r.URL.Path, n))
					})
					if err := c.read(t.Context(), s.reader()); !errors.Is(err, ErrEndlessPages) || n > k.most {
						t.Errorf("%v after %d pages, want %v after at most %d", err, n, ErrEndlessPages, k.most)
					}
				})
			})
		}
	}
}

// The contract says of contacts_count in one place that it counts all that match, and in another
// that it counts those in the answer; whether it counts deleted ones nobody has seen.
func TestACountThatIsTooLowEndsNoAccountEarly(t *testing.T) {
	const pages = 60
	for _, count := range []int{0, 500, 501, 3000} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := 0
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					n++
					next := ""
					if n < pages {
						next = fmt.Sprintf(`"next":{"href":"/v3/contacts?cursor=%d"}`, n)
					}
					full := strings.Repeat(fmt.Sprintf(`{"contact_id":"%d"},`, n), 499) + `{"contact_id":"c"}`
					reply(w, 200, fmt.Sprintf(`{"contacts":[%s],"contacts_count":%d,"_links":{%s}}`, full, count, next))
				})
				if err := readers["contacts"].read(t.Context(), s.reader()); err != nil || n != pages {
					t.Errorf("%v after %d pages, want %d", err, n, pages)
				}
			})
		})
	}
}

// A server may give fewer elements a page than it was asked for.
func TestSmallPagesAreReadToTheirEnd(t *testing.T) {
	const element = `{"contact_id":"%[1]d","custom_field_id":"%[1]d","list_id":"%[1]d","activity_id":"%[1]d"}`
	for name, size := range map[string]struct{ pages, elements int }{
		"contacts": {100, 50}, "custom fields": {25, 4}, "lists": {25, 40}, "activities": {100, 50},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := 0
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					n++
					next := ""
					if n < size.pages {
						next = fmt.Sprintf(`"next":{"href":"%s?cursor=%d"}`, r.URL.Path, n)
					}
					few := fmt.Sprintf(element, n) + strings.Repeat(","+fmt.Sprintf(element, n), size.elements-1)
					page := fmt.Sprintf(readers[name].page, few)
					reply(w, 200, fmt.Sprintf(`%s,"contacts_count":%d,"_links":{%s}}`, page[:len(page)-1], size.pages*size.elements, next))
				})
				if err := readers[name].read(t.Context(), s.reader()); err != nil || n != size.pages {
					t.Errorf("%v after %d pages, want %d", err, n, size.pages)
				}
			})
		})
	}
}

// A link that is longer than any real one is kept nowhere.
func TestALinkIsOfBoundedLength(t *testing.T) {
	t.Parallel()
	r := NewReader("https://api.cc.email/v3", &http.Client{}, &tokens{})
	for n, ok := range map[int]bool{8192: true, 8193: false} {
		href := "/v3/contacts?cursor="
		if _, err := r.resolve(href + strings.Repeat("a", n-len(href))); (err == nil) != ok {
			t.Errorf("a link of %d bytes: %v, want success: %t", n, err, ok)
		}
	}
}

// An answer that is cut anywhere is counted as far as it goes.
func TestACutAnswerIsCounted(t *testing.T) {
	t.Parallel()
	whole := `{"contacts":[{"contact_id":"a\"]\\","custom_fields":[{"value":"[,,]"},{}]},{}],"_links":{"next":null}}]]]`
	for n := range len(whole) + 1 {
		if err := checkElements([]byte(whole[:n]), 2); err != nil {
			t.Errorf("%s: %v", whole[:n], err)
		}
	}
	for text, ok := range map[string]bool{
		`[1,2]`: true, `[1,2,3]`: false, `{"a":[1,2,3]}`: false, `{"a":{"b":[1,2,3]}}`: true, `{"a":[[1,2,3]]}`: true, `{"a":1,"b":2,"c":3}`: true,
		`{"a":["1,2,3","\",\"","\\"]}`: false, `{"a":["1,2,3","\",\""]}`: true,
		strings.Repeat("[", maxDepth): true, strings.Repeat("[", maxDepth+1): false, strings.Repeat("[]", maxDepth+1): true,
	} {
		if err := checkElements([]byte(text), 2); (err == nil) != ok {
			t.Errorf("%.40s: %v, want success: %t", text, err, ok)
		}
	}
}

// Every operation tells the error of the server, and yields nothing.
func TestEachOperationTellsItsError(t *testing.T) {
	calls := map[string]func(context.Context, *Writer) (any, error){
		"account":    func(ctx context.Context, w *Writer) (any, error) { return w.r.Account(ctx) },
		"counts":     func(ctx context.Context, w *Writer) (any, error) { return w.r.Counts(ctx) },
		"privileges": func(ctx context.Context, w *Writer) (any, error) { return w.r.Privileges(ctx) },
		"fields":     func(ctx context.Context, w *Writer) (any, error) { return w.r.CustomFields(ctx) },
		"lists":      func(ctx context.Context, w *Writer) (any, error) { return w.r.Lists(ctx) },
		"activities": func(ctx context.Context, w *Writer) (any, error) { return w.r.Activities(ctx) },
		"activity":   func(ctx context.Context, w *Writer) (any, error) { return w.r.Activity(ctx, "a") },
		"contact":    func(ctx context.Context, w *Writer) (any, error) { return w.r.Contact(ctx, "c") },
		"file":       func(ctx context.Context, w *Writer) (any, error) { return w.r.ExportFile(ctx, "/v3/contact_exports/e") },
		"field":      func(ctx context.Context, w *Writer) (any, error) { return w.CreateCustomField(ctx, "l", "string") },
		"import":     func(ctx context.Context, w *Writer) (any, error) { return w.Import(ctx, oneRow()) },
		"export":     func(ctx context.Context, w *Writer) (any, error) { return w.Export(ctx) },
		"replace": func(ctx context.Context, w *Writer) (any, error) {
			return w.Replace(ctx, "c", []Edit{{Property: "first_name", Value: "A"}}, func(Contact) error { return nil })
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, status(404, `[{"error_key":"contacts.api.not_found","error_message":"no such thing"}]`))
				got, err := call(t.Context(), NewWriter(s.reader()))
				if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "no such thing") || s.hits.Load() != 1 {
					t.Errorf("error = %v after %d requests", err, s.hits.Load())
				}
				if v := reflect.ValueOf(got); v.IsValid() && !v.IsZero() {
					t.Errorf("got %+v beside an error", got)
				}
			})
		})
	}
}
