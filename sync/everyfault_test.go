package sync_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// Every kind of fault that the sandbox knows befalls every request of a first run, one at a time.
// The next runs make good what it broke, and nothing is sent twice that had landed.
func TestEveryFaultAtEveryRequestIsMadeGood(t *testing.T) {
	t.Parallel()
	const requests = 7 // of the run without a fault
	for _, kind := range sandbox.FaultKinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			for n := 1; n <= requests; n++ {
				t.Run(fmt.Sprintf("request %d", n), func(t *testing.T) {
					inWorld(t, sandbox.Options{Seed: uint64(n)}, func(w *world) {
						w.populate(600, 60)
						w.tokens = &renewedTokens{box: w.box}
						before := w.box.Contacts()
						w.box.Fault(sandbox.Fault{Kind: kind, At: []int{n}, Status: 503, Delay: 5 * time.Second, Times: 1})
						for range 6 {
							if r := w.run(ccsync.Options{}); r.Outcome == ccsync.Synced && r.Coverage.Verified == len(w.rows) {
								break
							}
							time.Sleep(49 * time.Hour)
						}
						w.wantAllCodes()
						w.wantOnlyCodesChanged(before)
						if most := w.box.MaxPerSecond(); most > 4 {
							t.Errorf("%d requests in one second", most)
						}
					})
				})
			}
		})
	}
}

// renewedTokens get another access token whenever one is refused.
type renewedTokens struct {
	box   *sandbox.Server
	token *oauth2.Token
}

func (r *renewedTokens) Token(ctx context.Context) (*oauth2.Token, error) {
	if r.token == nil {
		return r.Renew(ctx, nil)
	}
	return r.token, nil
}

func (r *renewedTokens) Renew(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	access, _ := r.box.Authorize()
	r.token = &oauth2.Token{AccessToken: access, TokenType: "Bearer"}
	return r.token, nil
}

// wantOnlyCodesChanged fails the test where a contact is not what it was, but for its code.
func (w *world) wantOnlyCodesChanged(before []sandbox.Contact) {
	w.t.Helper()
	after := w.box.Contacts()
	if len(after) != len(before) {
		w.t.Fatalf("%d contacts, were %d", len(after), len(before))
	}
	for i, c := range after {
		c.Fields, c.UpdatedAt = before[i].Fields, before[i].UpdatedAt
		if fmt.Sprint(c) != fmt.Sprint(before[i]) {
			w.t.Errorf("%v, was %v", c, before[i])
		}
	}
}
