package ccapi

import (
	"net/http"
	"testing"
)

func TestACallReadsThroughTheDoor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Authorization"); got != "Bearer tok-1" {
				t.Errorf("Authorization = %q", got)
			}
			if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
				t.Errorf("a GET with a body: %d %v", r.ContentLength, r.TransferEncoding)
			}
			reply(w, 200, `{"encoded_account_id":"a1","organization_name":"Shop"}`)
		})
		r := s.reader()
		for range 3 {
			got, err := r.Account(t.Context())
			if err != nil || got != (Account{ID: "a1", Name: "Shop"}) {
				t.Fatalf("Account = %+v, %v", got, err)
			}
		}
		if r.Requests() != 3 || s.hits.Load() != 3 {
			t.Errorf("requests = %d, server saw %d, want 3", r.Requests(), s.hits.Load())
		}
	})
}
