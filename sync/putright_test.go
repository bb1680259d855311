package sync

import (
	"testing"

	"ccsyncd/sync/contact"
	"ccsyncd/sync/state"
)

// One odd answer of the service ends no overstep.
func TestAPermissionThatIsNotKnownPutsNothingRight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		was   string
		is    []string
		right bool
	}{
		"still subscribed":                 {"unsubscribed", []string{"explicit"}, false},
		"opted out again":                  {"unsubscribed", []string{"unsubscribed"}, true},
		"as it was":                        {"implicit", []string{"implicit"}, true},
		"opted out, which it had not":      {"implicit", []string{"unsubscribed"}, true},
		"another one":                      {"implicit", []string{"explicit"}, false},
		"no word":                          {"unsubscribed", []string{""}, false},
		"a word that is not known":         {"unsubscribed", []string{"weird"}, false},
		"not shown":                        {"unsubscribed", []string{contact.Unclear}, false},
		"created in place of another":      {"", []string{"implicit"}, false},
		"gone":                             {"unsubscribed", nil, true},
		"one of two is subscribed":         {"unsubscribed", []string{"unsubscribed", "explicit"}, false},
		"a word that was not known before": {"weird", []string{"weird"}, true},
	} {
		contacts := []state.Contact{{Permission: "explicit", Deleted: true}}
		for _, is := range c.is {
			contacts = append(contacts, state.Contact{Permission: is})
		}
		if got := putRight(&state.Overstep{Was: c.was}, contacts); got != c.right {
			t.Errorf("%s: %v", name, got)
		}
	}
}
