package contact

import "testing"

// Only the whole column shows whether such a number counts seconds or milliseconds.
func TestANumberIsNeverSentAsADate(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{kindDate, kindDateText, kindDateTime} {
		target := &Target{Kind: kind}
		for _, value := range []string{"1767312000", "1767312000000", "631152000", "0", "-315619200", "-1767312000000", "20260102", "99999999999999999999"} {
			if form, fault := target.Canonical(value); fault == "" {
				t.Errorf("%s: %q became %q", kind, value, form)
			}
		}
	}
	for _, value := range []string{"spring 2026", "1990s", "?"} {
		if form, fault := (&Target{Kind: kindDateText}).Canonical(value); form != value || fault != "" {
			t.Errorf("the text %q became %q (%s)", value, form, fault)
		}
	}
}
