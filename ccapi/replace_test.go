package ccapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// agreed lets every contact be changed.
func agreed(Contact) error { return nil }

// account serves one contact and takes PUTs of it, each after a fault if there is one left.
type account struct {
	contact  string
	faults   []fault // of the PUTs, in order; nil for none
	gets     int
	puts     []string
	applying bool // a PUT is carried out even where its answer is a fault
	after    string
}

func (a *account) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		a.gets++
		reply(w, 200, a.contact)
		return
	}
	body, _ := io.ReadAll(r.Body)
	a.puts = append(a.puts, string(body))
	var f fault
	if n := len(a.puts) - 1; n < len(a.faults) {
		f = a.faults[n]
	}
	if f == nil || a.applying {
		a.contact = a.after
	}
	if f != nil {
		f(w, r)
		return
	}
	reply(w, 200, a.contact)
}

func TestReplacingWritesBackTheContactsOwnPropertiesAndFieldsAlone(t *testing.T) {
	live := strings.Replace(debora, `"deleted_at":"2016-07-08",`, ``, 1)
	own := `"email_address":{"address":"DLang@example.com"},%s"company_name":"Acme Corp.","birthday_month":11,"birthday_day":24,"anniversary":"2006-11-15","custom_fields":[%s],"update_source":"Account"`
	const names = `"first_name":"Debora","last_name":"Lang","job_title":"Musician",`
	const f1, f2, f3 = `{"custom_field_id":"f1","value":"Tesla \"S\""}`, `{"custom_field_id":"f2","value":"7"}`, `{"custom_field_id":"f3","choice_ids":["000001","2"]}`
	tests := []struct {
		name  string
		edits []Edit
		want  string // of the PUT; "" for none
	}{
		{"a custom field is cleared", []Edit{{CustomField: "f1"}}, fmt.Sprintf(own, names, f2+","+f3)},
		{"a field of choices is cleared", []Edit{{CustomField: "f3"}}, fmt.Sprintf(own, names, f1+","+f2)},
		{"the last custom fields are cleared", []Edit{{CustomField: "f1"}, {CustomField: "f2"}, {CustomField: "f3"}, {CustomField: "f4"}}, fmt.Sprintf(own, names, "")},
		{"a custom field is changed", []Edit{{CustomField: "f1", Value: "new"}}, fmt.Sprintf(own, names, `{"custom_field_id":"f1","value":"new"},`+f2+","+f3)},
		{"a custom field is added", []Edit{{CustomField: "f9", Value: "new"}}, fmt.Sprintf(own, names, f1+","+f2+","+f3+`,{"custom_field_id":"f9","value":"new"}`)},
		{"properties are cleared and changed", []Edit{{Property: "first_name"}, {Property: "last_name", Value: "Long"}, {Property: "job_title"}},
			fmt.Sprintf(own, `"last_name":"Long",`, f1+","+f2+","+f3)},
		{"nothing changes", []Edit{{CustomField: "f1", Value: `Tesla "S"`}, {CustomField: "f9"}, {Property: "first_name", Value: "Debora"}}, ""},
		{"no edits", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := &account{contact: live, after: live}
				s := serve(t, a.serve)
				got, err := NewWriter(s.reader()).Replace(t.Context(), "c1", tt.edits, func(c Contact) error {
					if diff := cmp.Diff([]string{"l1", "l2"}, c.Lists); diff != "" {
						t.Errorf("lists asked about (-want +got):\n%s", diff)
					}
					return nil
				})
				if err != nil || got.ID != "c1" {
					t.Fatalf("Replace = %+v, %v", got, err)
				}
				var want []string
				if tt.want != "" {
					want = []string{"{" + tt.want + "}"}
				}
				if diff := cmp.Diff(want, a.puts); diff != "" {
					t.Errorf("PUT (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A field of choices has no value beside them, however few they are.
func TestASingleChoiceIsWrittenBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		contact := `{"contact_id":"c1","email_address":{"address":"a@b.example"},"custom_fields":[{"custom_field_id":"f1","value":"K1"},{"custom_field_id":"f2","choice_ids":["3"]},{"custom_field_id":"f3","choice_ids":[]}]}`
		a := &account{contact: contact, after: contact}
		s := serve(t, a.serve)
		if _, err := NewWriter(s.reader()).Replace(t.Context(), "c1", []Edit{{CustomField: "f1"}}, agreed); err != nil {
			t.Fatal(err)
		}
		want := []string{`{"email_address":{"address":"a@b.example"},"custom_fields":[{"custom_field_id":"f2","choice_ids":["3"]}],"update_source":"Account"}`}
		if diff := cmp.Diff(want, a.puts); diff != "" {
			t.Errorf("PUT (-want +got):\n%s", diff)
		}
	})
}

// A contact shows values of a deleted custom field for some minutes, and the server refuses a PUT
// that has them.
func TestValuesOfDeletedCustomFieldsAreNotWrittenBack(t *testing.T) {
	const contact = `{"contact_id":"c1","email_address":{"address":"a@b.example"},"custom_fields":[{"custom_field_id":"f1","value":"K1"},{"custom_field_id":"f2","value":"gone"},{"custom_field_id":"f3","value":"kept"}]}`
	refusal := func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 400, `[{"error_key":"contacts.api.validation.error","error_message":"no such field"}]`)
	}
	for name, tt := range map[string]struct {
		fields []string // that the account has
		puts   int
		failed bool
	}{
		"one is gone":  {[]string{"f1", "f3"}, 2, false},
		"none is gone": {[]string{"f1", "f2", "f3"}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := &account{contact: contact, after: contact, faults: []fault{refusal}}
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/contact_custom_fields") {
						var docs []string
						for _, id := range tt.fields {
							docs = append(docs, `{"custom_field_id":"`+id+`","label":"`+id+`","name":"`+id+`","type":"string"}`)
						}
						reply(w, 200, `{"custom_fields":[`+strings.Join(docs, ",")+`]}`)
						return
					}
					a.serve(w, r)
				})
				_, err := NewWriter(s.reader()).Replace(t.Context(), "c1", []Edit{{CustomField: "f1"}}, agreed)
				if (err != nil) != tt.failed || errors.Is(err, ErrBadRequest) != tt.failed || len(a.puts) != tt.puts {
					t.Fatalf("error = %v after %d PUTs", err, len(a.puts))
				}
				if last := a.puts[len(a.puts)-1]; strings.Contains(last, "f2") != tt.failed || !strings.Contains(last, `{"custom_field_id":"f3","value":"kept"}`) {
					t.Errorf("PUT %s", last)
				}
			})
		})
	}
}

func TestAContactWithoutSubresourcesOrAddressIsWrittenBackWithoutThem(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &account{contact: `{"contact_id":"c1","first_name":"Ann"}`, after: `{"contact_id":"c1"}`}
		s := serve(t, a.serve)
		w := NewWriter(s.reader())
		if _, err := w.Replace(t.Context(), "c1", []Edit{{CustomField: "f1", Value: "x"}}, agreed); err == nil || len(a.puts) != 0 {
			t.Errorf("error = %v after %d PUTs, want one and none: other custom fields could be lost", err, len(a.puts))
		}
		if _, err := w.Replace(t.Context(), "c1", []Edit{{Property: "first_name"}}, agreed); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{`{"update_source":"Account"}`}, a.puts); diff != "" {
			t.Errorf("PUT (-want +got):\n%s", diff)
		}
	})
}

// TestAContactWithAsManyFieldsAsItMayHaveIsWrittenBack: 25, be it after one was taken out.
func TestAContactWithAsManyFieldsAsItMayHaveIsWrittenBack(t *testing.T) {
	for has, edit := range map[int]Edit{24: {CustomField: "new", Value: "x"}, 25: {CustomField: "f1", Value: "new"}, 26: {CustomField: "f1"}} {
		t.Run(fmt.Sprint(has), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var fields []string
				for i := range has {
					fields = append(fields, fmt.Sprintf(`{"custom_field_id":"f%d","value":"x"}`, i))
				}
				a := &account{contact: `{"contact_id":"c1","custom_fields":[` + strings.Join(fields, ",") + `]}`}
				a.after = a.contact
				s := serve(t, a.serve)
				if _, err := NewWriter(s.reader()).Replace(t.Context(), "c1", []Edit{edit}, agreed); err != nil || len(a.puts) != 1 || strings.Count(a.puts[0], "custom_field_id") != 25 {
					t.Errorf("error = %v, PUTs %s", err, a.puts)
				}
			})
		})
	}
}

func TestReplacingSendsNothingWhereItMustNot(t *testing.T) {
	var fields []string
	for i := range 27 {
		fields = append(fields, fmt.Sprintf(`{"custom_field_id":"f%d","value":"x"}`, i))
	}
	crowded := `{"contact_id":"c1","custom_fields":[` + strings.Join(fields, ",") + `]}`
	optedOut := errors.New("opted out")
	tests := []struct {
		name    string
		contact string
		edits   []Edit
		still   func(Contact) error
		is      error
	}{
		{name: "its caller says no", contact: debora, edits: []Edit{{CustomField: "f1"}}, still: func(Contact) error { return optedOut }, is: optedOut},
		{name: "it is deleted", contact: debora, edits: []Edit{{CustomField: "f1"}}, still: agreed, is: ErrDeleted},
		{name: "it has more custom fields than can be written", contact: crowded, edits: []Edit{{CustomField: "f1"}}, still: agreed},
		{name: "the property is none of ours", contact: `{"contact_id":"c1"}`, edits: []Edit{{Property: "permission_to_send", Value: "explicit"}}, still: agreed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := &account{contact: tt.contact}
				s := serve(t, a.serve)
				_, err := NewWriter(s.reader()).Replace(t.Context(), "c1", tt.edits, tt.still)
				if err == nil || tt.is != nil && !errors.Is(err, tt.is) || errors.Is(err, ErrUnknownOutcome) {
					t.Errorf("error = %v, want %v", err, tt.is)
				}
				if len(a.puts) != 0 || a.gets != 1 {
					t.Errorf("%d GETs and %d PUTs, want 1 and none", a.gets, len(a.puts))
				}
			})
		})
	}
}

func TestALostPutStartsReplacingOver(t *testing.T) {
	const before = `{"contact_id":"c1","custom_fields":[{"custom_field_id":"f1","value":"x"}]}`
	const after = `{"contact_id":"c1","custom_fields":[]}`
	for _, tt := range faults {
		for _, applying := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, ", carried out: ", applying), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					a := &account{contact: before, after: after, faults: []fault{tt.f}, applying: applying}
					s := serve(t, a.serve)
					asked := 0
					_, err := NewWriter(s.reader()).Replace(t.Context(), "c1", []Edit{{CustomField: "f1"}}, func(Contact) error { asked++; return nil })
					if err != nil || a.contact != after {
						t.Errorf("error = %v, contact %s", err, a.contact)
					}
					// seen to be done, it is not done again
					puts := map[bool]int{false: 2, true: 1}[applying]
					if asked != 2 || a.gets != 2 || len(a.puts) != puts {
						t.Errorf("asked %d times, %d GETs, %d PUTs, want 2, 2, %d", asked, a.gets, len(a.puts), puts)
					}
				})
			})
		}
	}
}

func TestAPutIsNotRepeatedOnceItsCallerSaysNo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &account{contact: `{"contact_id":"c1","custom_fields":[{"custom_field_id":"f1","value":"x"}]}`, faults: []fault{status(503, ``)}}
		a.after = a.contact
		s := serve(t, a.serve)
		optedOut := errors.New("opted out")
		asked := 0
		_, err := NewWriter(s.reader()).Replace(t.Context(), "c1", []Edit{{CustomField: "f1"}}, func(Contact) error {
			if asked++; asked > 1 {
				return optedOut
			}
			return nil
		})
		if !errors.Is(err, optedOut) || !errors.Is(err, ErrUnknownOutcome) || len(a.puts) != 1 {
			t.Errorf("error = %v after %d PUTs, want %v and an unknown outcome after 1", err, len(a.puts), optedOut)
		}
	})
}

func TestAPutThatTheServerRefusesIsFinal(t *testing.T) {
	for code, is := range map[int]error{400: ErrBadRequest, 403: ErrForbidden, 404: ErrNotFound, 409: ErrConflict} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := &account{contact: `{"contact_id":"c1","first_name":"Ann"}`, faults: []fault{status(code, `[]`)}}
				a.after = a.contact
				s := serve(t, a.serve)
				_, err := NewWriter(s.reader()).Replace(t.Context(), "c1", []Edit{{Property: "first_name"}}, agreed)
				if !errors.Is(err, is) || errors.Is(err, ErrUnknownOutcome) || len(a.puts) != 1 {
					t.Errorf("error = %v after %d PUTs, want %v after 1", err, len(a.puts), is)
				}
			})
		})
	}
}

func TestReplacingGivesUpAfterSixRounds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &account{contact: `{"contact_id":"c1","first_name":"Ann"}`, faults: make([]fault, 100)}
		for i := range a.faults {
			a.faults[i] = status(503, ``)
		}
		a.after = a.contact
		s := serve(t, a.serve)
		start := time.Now()
		_, err := NewWriter(s.reader()).Replace(t.Context(), "c1", []Edit{{Property: "first_name"}}, agreed)
		var api *Error
		if !errors.As(err, &api) || api.Status != 503 || !errors.Is(err, ErrUnknownOutcome) || len(a.puts) != maxTries {
			t.Errorf("error = %v after %d PUTs", err, len(a.puts))
		}
		if d := time.Since(start); d < 20*time.Second || d > 2*time.Minute {
			t.Errorf("took %v", d)
		}
	})
}

func TestAPutRenewsARefusedToken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &account{contact: `{"contact_id":"c1","first_name":"Ann"}`, after: `{"contact_id":"c1"}`, faults: []fault{status(401, ``)}}
		s := serve(t, a.serve)
		got, err := NewWriter(s.reader()).Replace(t.Context(), "c1", []Edit{{Property: "first_name"}}, agreed)
		if err != nil || got.FirstName != "" || a.gets != 1 || len(a.puts) != 2 {
			t.Errorf("Replace = %+v, %v after %d GETs and %d PUTs", got, err, a.gets, len(a.puts))
		}
	})
}

func TestThePutIsWhatTheContractTakes(t *testing.T) {
	t.Parallel()
	var d contactDoc
	if err := json.Unmarshal([]byte(debora), &d); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(d.put())
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"permission_to_send", "list_memberships", "deleted_at", "created_at", "taggings", "contact_id"} {
		if strings.Contains(string(data), never) {
			t.Errorf("the PUT sends %s: %s", never, data)
		}
	}
}
