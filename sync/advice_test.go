package sync

import (
	"testing"

	"ccsyncd/sync/contact"
)

func TestEveryDecisionComesWithAdvice(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	note := func(what, text string) {
		if other, twice := seen[text]; text == "" || twice {
			t.Errorf("%s: %q, and so is %q", what, text, other)
		}
		seen[text] = what
	}
	for _, decision := range []string{"unchanged", "pending", "unknown", "none", "update"} {
		note(decision, advice(decision, ""))
	}
	if advice("create", "") != advice("update", "") || advice("clear", "") != advice("update", "") {
		t.Error("changes are not sent alike")
	}
	for _, reason := range []contact.Reason{contact.InvalidEmail, contact.DuplicateEmail, contact.DuplicateValue, contact.MissingValue, contact.ValueTooLong,
		contact.InvalidValue, contact.NotAContact, contact.Moved, contact.Unsubscribed, contact.Deleted, contact.NoList, contact.Quarantined, contact.ClearingOff} {
		note(string(reason), advice("skip", reason))
	}
}
