package canary

import (
	"fmt"
	"strings"
	"testing"

	"ccsyncd/ccapi/sandbox"
	"ccsyncd/source"
)

// Of a contact that went ahead nothing may differ but the values and lists of the plan.
func TestAContactThatWentAheadPassesOnlyWithWhatWasPlanned(t *testing.T) {
	t.Parallel()
	// one that is updated, and one that is created
	const ann, ben = "ann@example.com", "ben@example.com"
	created := func(change func(*sandbox.Contact)) func(*sandbox.Server) {
		c := sandbox.Contact{Address: ben, Lists: []string{"App users"}, Fields: map[string]string{"code": "NEW"}}
		change(&c)
		return func(box *sandbox.Server) { box.AddContact(c) }
	}
	for name, c := range map[string]struct {
		who    string
		change func(*sandbox.Server)
		passed int
		want   string // what else changed
		first  string // name that is wanted; "": any
	}{
		"the value alone":            {ann, func(*sandbox.Server) {}, 1, "", ""},
		"the value and the list":     {ann, func(box *sandbox.Server) { box.JoinList(ann, "App users") }, 1, "", ""},
		"both values":                {who: ann, first: "Anna", change: func(box *sandbox.Server) { box.SetProperty(ann, "first_name", "Anna") }, passed: 1},
		"one of two values":          {who: ann, first: "Anna", change: func(*sandbox.Server) {}},
		"another value":              {ann, func(box *sandbox.Server) { box.SetField(ann, "code", "HAND") }, 0, "", ""},
		"no new value":               {ann, func(box *sandbox.Server) { box.SetField(ann, "code", "OLD") }, 0, "", ""},
		"a mapped value that stays":  {ann, func(box *sandbox.Server) { box.SetProperty(ann, "first_name", "Anna") }, 0, "first_name changed", ""},
		"another field":              {ann, func(box *sandbox.Server) { box.SetField(ann, "shoe_size", "43") }, 0, "custom field Shoe size changed", ""},
		"another list":               {ann, func(box *sandbox.Server) { box.JoinList(ann, "VIP") }, 0, "list VIP was added", ""},
		"a list that it was on":      {ann, func(box *sandbox.Server) { box.LeaveList(ann, "Newsletter") }, 0, "list Newsletter was removed", ""},
		"the permission":             {ann, func(box *sandbox.Server) { box.OptOut(ann) }, 0, "email_address.opt_out_source changed, permission_to_send changed from implicit to unsubscribed", ""},
		"deleted":                    {ann, func(box *sandbox.Server) { box.Delete(ann) }, 0, "email_address.opt_out_source changed, list Newsletter was removed", ""},
		"created":                    {ben, created(func(*sandbox.Contact) {}), 1, "", ""},
		"created without the value":  {ben, created(func(c *sandbox.Contact) { c.Fields = nil }), 0, "", ""},
		"created with one more":      {ben, created(func(c *sandbox.Contact) { c.LastName = "New" }), 0, "last_name changed", ""},
		"created on another list":    {ben, created(func(c *sandbox.Contact) { c.Lists = []string{"VIP"} }), 0, "list VIP was added", ""},
		"created with a permission":  {ben, created(func(c *sandbox.Contact) { c.Permission = "explicit" }), 0, "permission_to_send changed from implicit to explicit", ""},
		"not created":                {ben, func(*sandbox.Server) {}, 0, "", ""},
		"created, and deleted again": {ben, func(box *sandbox.Server) { created(func(*sandbox.Contact) {})(box); box.Delete(ben) }, 0, "email_address.opt_out_source changed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.box.Seed(sandbox.Contact{Address: ann, FirstName: "Ann", Lists: []string{"Newsletter"}, Fields: map[string]string{"code": "OLD", "shoe_size": "42"}})
			w.sent(w.plan(source.Row{Key: "1", Email: c.who, Values: []string{"NEW", c.first}}), func() {
				w.box.SetField(ann, "code", "NEW")
				c.change(w.box)
			})
			if c.want == "" {
				w.want(name, 5-c.passed, 0)
				return
			}
			is, _ := w.box.Contact(c.who)
			what := strings.NewReplacer("VIP", w.ids["VIP"], "Newsletter", w.ids["Newsletter"], "Shoe size", w.ids["Shoe size"]).Replace(c.want)
			w.want(name, 5, 0, fmt.Sprintf("the first contacts sent show changes that were not planned: user key:1 (contact %s): %s", is.ID, what))
		})
	}
}
