package sync_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ccsyncd/ccapi/sandbox"
	ccsync "ccsyncd/sync"
)

// answerFaults are what can befall the answer to any request. What kills the login is oauthdev's.
var answerFaults = []sandbox.Fault{
	{Kind: sandbox.FaultStatus, Status: 500}, {Kind: sandbox.FaultStatus, Status: 502}, {Kind: sandbox.FaultStatus, Status: 503}, {Kind: sandbox.FaultStatus, Status: 504},
	{Kind: sandbox.FaultStatus, Status: 408}, {Kind: sandbox.FaultStatus, Status: 403}, {Kind: sandbox.FaultThrottled}, {Kind: sandbox.FaultThrottled, RetryAfter: 10 * time.Minute},
	{Kind: sandbox.FaultQuotaExceeded}, {Kind: sandbox.FaultQueueFull}, {Kind: sandbox.FaultHTML}, {Kind: sandbox.FaultHTML, Status: 404}, {Kind: sandbox.FaultResetBefore},
	{Kind: sandbox.FaultResetAfter}, {Kind: sandbox.FaultCutBody}, {Kind: sandbox.FaultHangBefore}, {Kind: sandbox.FaultHangAfter},
	{Kind: sandbox.FaultSlow, Delay: 25 * time.Second}, {Kind: sandbox.FaultSlow, Delay: 5 * time.Minute}, {Kind: sandbox.FaultShiftedPage, Rows: 3}, {Kind: sandbox.FaultUnauthorized},
}

// TestFaultsOnEndAtAnyRequestAreMadeGood lets a fault befall three requests on end, wherever they
// begin, of a run that updates, creates and clears.
func TestFaultsOnEndAtAnyRequestAreMadeGood(t *testing.T) {
	t.Parallel()
	for _, fault := range answerFaults {
		t.Run(fmt.Sprintf("%s %d %s", fault.Kind, fault.Status, max(fault.Delay, fault.RetryAfter)), func(t *testing.T) {
			t.Parallel()
			at := 1
			for meet(t, fault, at) && !t.Failed() {
				at++
			}
			t.Logf("%d runs made good", at-1)
		})
	}
}

// meet lets a fault strike from a request on and tells whether the run came so far.
func meet(t *testing.T, fault sandbox.Fault, at int) (struck bool) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sandbox.Options{}, dir)
		defer func() { w.close() }()
		severalLists(w)
		w.policy.Create, w.policy.Lists = true, []string{"App users"}
		w.policy.Fields[0].Clear = true
		w.rows = append(w.rows, row("7", "new@example.com", "N"))
		w.rows[5].Values = []string{""}
		fault.At = []int{at, at + 1, at + 2}
		w.box.Fault(fault)
		w.run(ccsync.Options{})
		struck = len(w.box.Requests()) >= at
		w.box.ClearFaults()
		for range 2 {
			time.Sleep(25 * time.Hour)
			w.run(ccsync.Options{})
		}
		w.want(w.run(ccsync.Options{}), ccsync.Synced)
		w.wantAllCodes()
		if twice := w.sentTwice(0); len(twice) > 0 {
			t.Errorf("sent twice: %v", twice)
		}
		for address, c := range byAddress(w.box) {
			if c.Deleted || c.Permission != "implicit" || address != "new@example.com" && (c.FirstName != "Hand" || c.Fields["other"] != "kept") {
				t.Errorf("more changed than the code: %+v", c)
			}
		}
		w.judgeQuota()
		if t.Failed() {
			t.Logf("from request %d on", at)
		}
	})
	return struck
}
