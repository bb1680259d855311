package contact

import (
	"slices"
	"testing"
)

// The label of a field that is yet to be made stands in the key of a mapping, with whatever white
// space it has.
func TestAKeyHasAPartForEachField(t *testing.T) {
	t.Parallel()
	field := func(label string) Target { return Target{Field: Field{CustomField: label}} }
	old := &Mapping{Targets: []Target{field("Plan"), {Field: Field{Property: "first_name"}}}}
	for _, label := range []string{"Short Code", "Short\u00a0Code", "Short\tCode", "Short\u2003Code"} {
		now := &Mapping{Targets: []Target{field(label), {Field: Field{Property: "first_name"}}, field("Plan")}}
		there := Carry(old.Key(), now.Key())("gold\x1fAda")
		if got, want := now.Decode(there), []string{"", "Ada", "gold"}; !slices.Equal(got, want) {
			t.Errorf("%q: carried over as %q, want %q", label, got, want)
		}
		if got, want := old.Decode(Carry(now.Key(), old.Key())(there)), []string{"gold", "Ada"}; !slices.Equal(got, want) {
			t.Errorf("%q: carried back as %q, want %q", label, got, want)
		}
		if back := Carry("", now.Key())("anything"); back != "" {
			t.Errorf("%q: carried over from no mapping as %q", label, back)
		}
	}
}

// An address that cannot be one must not meet a user's, and not spoil the mirror.
func TestAContactWithAnImpossibleAddressMeetsNobody(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"\x01a@example.com", "a@example.com\x7f", "\x1ea@example.com", "a\x1f@example.com", "\"a\x1fb\"@example.com", "a b@example.com"} {
		norm := Norm(address)
		if found, fault := Normalise(norm); fault == "" {
			t.Errorf("%q became %q, which a user can have: %q", address, norm, found)
		}
		if Norm(norm) != norm {
			t.Errorf("%q became %q, and that %q", address, norm, Norm(norm))
		}
	}
}
