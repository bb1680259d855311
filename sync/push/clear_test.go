package push

import (
	"errors"
	"fmt"
	"testing"

	"ccsyncd/ccapi"
)

// A contact is put back whole, so it must be the one that the plan saw, and fit into a request.
func TestOnlyAContactAsThePlanSawItIsPutBack(t *testing.T) {
	t.Parallel()
	full := func(fields int) (all []ccapi.CustomFieldValue) {
		for i := range fields {
			all = append(all, ccapi.CustomFieldValue{ID: fmt.Sprint(i + 1), Value: "x"})
		}
		return all
	}
	gold := func(c *ccapi.Contact) { c.CustomFields[1].Value = "gold" }
	for name, c := range map[string]struct {
		change      func(*ccapi.Contact)
		wanted, old []string
		want        error
	}{
		"as it was":              {func(*ccapi.Contact) {}, []string{"", "x"}, []string{"x", "x"}, nil},
		"in other letters":       {func(c *ccapi.Contact) { c.Address = "ANN@example.com" }, []string{"", "x"}, []string{"x", "x"}, nil},
		"deleted":                {func(c *ccapi.Contact) { c.Deleted = true }, []string{"", "x"}, []string{"x", "x"}, errStale},
		"opted out":              {func(c *ccapi.Contact) { c.Permission = "unsubscribed" }, []string{"", "x"}, []string{"x", "x"}, errStale},
		"of another address":     {func(c *ccapi.Contact) { c.Address = "ben@example.com" }, []string{"", "x"}, []string{"x", "x"}, errStale},
		"with another value":     {gold, []string{"", "x"}, []string{"x", "x"}, errStale},
		"26 fields, one emptied": {func(c *ccapi.Contact) { c.CustomFields = full(26) }, []string{"", "x"}, []string{"x", "x"}, nil},
		"26 fields, one changed": {func(c *ccapi.Contact) { c.CustomFields = full(26) }, []string{"y", "x"}, []string{"x", "x"}, errFull},
		"27 fields, one emptied": {func(c *ccapi.Contact) { c.CustomFields = full(27) }, []string{"", "x"}, []string{"x", "x"}, errFull},
		"26, one for another":    {func(c *ccapi.Contact) { c.CustomFields = full(26)[1:] }, []string{"y", ""}, []string{"", "x"}, nil},
		"25 and another one":     {func(c *ccapi.Contact) { c.CustomFields = full(26)[1:] }, []string{"y", "x"}, []string{"", "x"}, errFull},
		"25, one stays empty":    {func(c *ccapi.Contact) { c.CustomFields = full(26)[1:] }, []string{"", "y"}, []string{"", "x"}, nil},
	} {
		is := ccapi.Contact{ID: "c", Address: "ann@example.com", Permission: "implicit", CustomFields: full(2)}
		c.change(&is)
		if got := replaceable(twoFields(), &is, "ann@example.com", c.wanted, c.old); !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
