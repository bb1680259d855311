package daemon

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// troubles are what a day has in store, one after the other: each for some minutes.
var troubles = []sandbox.Fault{
	{Kind: sandbox.FaultStatus, Status: 503, Probability: 0.4},
	{Kind: sandbox.FaultThrottled, Probability: 0.5, RetryAfter: 5 * time.Second},
	{Kind: sandbox.FaultHTML, Status: 502},
	{Kind: sandbox.FaultGatewayAfter, Method: "POST", Probability: 0.5},
	{Kind: sandbox.FaultResetBefore, Probability: 0.5},
	{Kind: sandbox.FaultResetAfter, Path: "/v3/activities/contacts_json_import", Probability: 0.7},
	{Kind: sandbox.FaultCutBody, Probability: 0.3},
	{Kind: sandbox.FaultHangBefore, Delay: 2 * time.Minute, Probability: 0.2},
	{Kind: sandbox.FaultHangAfter, Delay: 2 * time.Minute, Path: "/v3/activities/contacts_json_import", Probability: 0.5},
	{Kind: sandbox.FaultRevoked, Probability: 0.1},
	{Kind: sandbox.FaultQueueFull, Method: "POST"},
	{Kind: sandbox.FaultFailed, Share: 0.5},
	{Kind: sandbox.FaultTimedOut, Share: 0.5},
	{Kind: sandbox.FaultCancelled},
	{Kind: sandbox.FaultGone},
	{Kind: sandbox.FaultSlowWork, Delay: 15 * time.Minute},
	{Kind: sandbox.FaultLostRows, Share: 0.5},
	{Kind: sandbox.FaultReadDelay, Delay: 5 * time.Minute},
	{Kind: sandbox.FaultShiftedPage, Path: "/v3/contacts", Rows: 3, Probability: 0.3},
}

// A whole day goes wrong in one way after the other, while people change the table and the account.
// Nobody who opted out is touched, nothing else of a contact changes, the limits hold; and when the
// day is over and the retries are done every user has his code.
func TestADayOfFaultsEndsInStep(t *testing.T) {
	t.Parallel()
	inBubble(t, 60, func(b *bubble) {
		const seed = 7
		draw := rand.New(rand.NewPCG(seed, 1))
		b.cfg.Guard.MaxChangePercent = 0
		for i := range 60 {
			b.box.SetProperty(address(i), "last_name", fmt.Sprint("Name", i))
		}
		optedOut := make(map[int]string) // with the code that each carried then
		b.wait(time.Minute)
		for begun := time.Now(); time.Since(begun) < 24*time.Hour; {
			fault := troubles[draw.IntN(len(troubles))]
			b.box.Fault(fault)
			for range 1 + draw.IntN(4) {
				b.exec("UPDATE users SET short_code = ? WHERE id = ?", fmt.Sprintf("C%08d", draw.IntN(1e8)), draw.IntN(60))
			}
			if who := draw.IntN(600); who < 60 && len(optedOut) < 6 {
				b.box.OptOut(address(who))
				optedOut[who] = b.code(who)
			}
			b.wait(time.Duration(2+draw.IntN(12)) * time.Minute)
			b.box.ClearFaults()
			b.wait(time.Duration(5+draw.IntN(20)) * time.Minute)
		}
		troubled := make(map[ccsync.Outcome]int)
		for _, r := range b.ran() {
			troubled[r.Outcome]++
		}
		if troubled[ccsync.Failed] == 0 || troubled[ccsync.Partial] == 0 {
			t.Errorf("the day went well: %v", troubled)
		}
		inStep := false
		// the last retry comes after a day
		for ended := time.Now(); !inStep && time.Since(ended) < 26*time.Hour; {
			b.wait(time.Hour)
			_, page := b.get("/")
			inStep = strings.Contains(page, "In sync")
		}
		b.wantReady(200, "ready")
		if !inStep {
			t.Error("the page does not say that all is in step")
		}
		t.Log(troubled, len(b.box.Requests()))
		if most := b.box.MaxPerSecond(); most > 4 {
			t.Errorf("%d requests in one second", most)
		}
		for i := range 60 {
			var want string
			b.must(b.app.QueryRow("SELECT short_code FROM users WHERE id = ?", i).Scan(&want))
			c, _ := b.box.Contact(address(i))
			if code, out := optedOut[i]; out {
				want = code
				if c.Permission != sandbox.Unsubscribed {
					t.Errorf("%s was subscribed again", c.Address)
				}
			}
			if c.Fields["short_code"] != want || c.LastName != fmt.Sprint("Name", i) || len(c.Lists) != 1 {
				t.Errorf("%+v, want the code %q", c, want)
			}
		}
		if n := len(b.box.Contacts()); n != 60 {
			t.Errorf("%d contacts, want 60", n)
		}
	})
}

func address(i int) string { return fmt.Sprintf("user%04d@example.com", i) }

// code is what a contact carries.
func (b *bubble) code(i int) string {
	c, _ := b.box.Contact(address(i))
	return c.Fields["short_code"]
}
