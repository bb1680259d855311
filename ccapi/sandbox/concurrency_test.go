package sandbox_test

import (
	"fmt"
	"sync"
	"testing"

	"ccsyncd/ccapi/sandbox"
)

func TestRequestsAndEditsMayComeAtOnce(t *testing.T) {
	t.Parallel()
	s, c := serve(t, sandbox.Options{Contacts: 200, Unlimited: true, ImportTime: instant})
	if err := s.Persist(t.TempDir() + "/state.json"); err != nil {
		t.Fatal(err)
	}
	list := c.lists()["App users"]
	work := []func(i int){
		func(i int) { get[contactsPage](c, "/v3/contacts?limit=50&include=custom_fields,list_memberships") },
		func(i int) { c.sendRows(list, fmt.Sprintf(`{"email":"n%d@example.com"}`, i)) },
		func(i int) { s.SetField(fmt.Sprintf("user%06d@example.com", i), "short_code", "new") },
		func(i int) { s.Delete(fmt.Sprintf("user%06d@example.com", 100+i)) },
		func(i int) { s.Contacts(); s.Requests(); s.Imports(); s.Status(); s.Snapshot() },
		func(i int) { get[map[string]int](c, "/v3/contacts/counts") },
		func(i int) { s.Authorize(); c.startDevice(allScopes); s.Pending() },
		func(i int) { s.Fault(sandbox.Fault{Kind: sandbox.FaultSlow, Path: "/nowhere"}); s.ClearFaults() },
	}
	var wg sync.WaitGroup
	for _, do := range work {
		wg.Go(func() {
			for i := range 20 {
				do(i + 1)
			}
		})
	}
	wg.Wait()
	if got := len(s.Contacts()); got != 220 {
		t.Errorf("got %d contacts, want 220", got)
	}
}
