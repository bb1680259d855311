package sync

import (
	"slices"
	"testing"
)

// The label of a field that is yet to be made stands in the key of a mapping, with whatever white space it has.
func TestAKeyHasAPartForEachField(t *testing.T) {
	t.Parallel()
	field := func(label string) target { return target{Field: Field{CustomField: label}} }
	old := &mapping{targets: []target{field("Plan"), {Field: Field{Property: "first_name"}}}}
	for _, label := range []string{"Short Code", "Short\u00a0Code", "Short\tCode", "Short\u2003Code"} {
		now := &mapping{targets: []target{field(label), {Field: Field{Property: "first_name"}}, field("Plan")}}
		there := carry(old.key(), now.key())("gold\x1fAda")
		if got, want := now.decode(there), []string{"", "Ada", "gold"}; !slices.Equal(got, want) {
			t.Errorf("%q: carried over as %q, want %q", label, got, want)
		}
		if got, want := old.decode(carry(now.key(), old.key())(there)), []string{"gold", "Ada"}; !slices.Equal(got, want) {
			t.Errorf("%q: carried back as %q, want %q", label, got, want)
		}
		if back := carry("", now.key())("anything"); back != "" {
			t.Errorf("%q: carried over from no mapping as %q", label, back)
		}
	}
}

// An address that cannot be one must not meet a user's, and not spoil the mirror.
func TestAContactWithAnImpossibleAddressMeetsNobody(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"\x01a@example.com", "a@example.com\x7f", "\x1ea@example.com", "a\x1f@example.com", "\"a\x1fb\"@example.com", "a b@example.com"} {
		norm := contactNorm(address)
		if found, fault := normalise(norm); fault == "" {
			t.Errorf("%q became %q, which a user can have: %q", address, norm, found)
		}
		if contactNorm(norm) != norm {
			t.Errorf("%q became %q, and that %q", address, norm, contactNorm(norm))
		}
	}
}
