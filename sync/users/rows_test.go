package users_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"ccsyncd/source"
	"ccsyncd/sync/contact"
	"ccsyncd/sync/users"
)

// rowsOf reads rows of "key|address|values …".
func rowsOf(lines ...string) iter.Seq2[source.Row, error] {
	return func(yield func(source.Row, error) bool) {
		for _, line := range lines {
			w := strings.Split(line, "|")
			if !yield(source.Row{Key: w[0], Email: w[1], Values: w[2:]}, nil) {
				return
			}
		}
	}
}

// target is a field; what stands behind its name makes it unique or required.
func target(name string) contact.Target {
	column, word, _ := strings.Cut(name, " ")
	return contact.Target{Field: contact.Field{Column: column, Unique: word == "unique", Required: word == "required"}, ID: column, Name: column, Kind: contact.KindText}
}

func mapping(names ...string) *contact.Mapping {
	m := &contact.Mapping{}
	for _, name := range names {
		m.Targets = append(m.Targets, target(name))
	}
	return m
}

func read(t *testing.T, m *contact.Mapping, rows iter.Seq2[source.Row, error], told func(users.Row)) *users.Users {
	t.Helper()
	u, err := users.Read(t.Context(), rows, m, t.TempDir(), told)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return u
}

// listed are the users, a line each, with the rows that are skipped behind it.
func listed(t *testing.T, u *users.Users) (all []string) {
	t.Helper()
	for user, err := range u.Each() {
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%s: %s %s %q", user.Norm, user.First.Key, user.First.Address, user.First.Fields)
		if user.Skip != "" {
			text += fmt.Sprintf(" %s (%s)", user.Skip, user.Detail)
			user.Skipped(func(s users.Skipped) { text += " " + s.Key + "=" + s.Email })
		}
		all = append(all, text)
	}
	return all
}

func TestTheRowsOfAnAddressBecomeOneUserOrNone(t *testing.T) {
	t.Parallel()
	m := mapping("code unique", "plan required")
	var told []users.Row
	u := read(t, m, rowsOf("1| Zoe@Example.com |Z|gold", "2|ann@example.com|A|gold", "3|ANN@example.com|A|gold", "4|ben@example.com|B|gold", "5|ben@example.com|B2|gold",
		"6|cid@example.com|SAME|gold", "7|dan@example.com|SAME|gold", "8|eve@example.com|E|", "9|nobody|SAME|gold", "10|fay@example.com|F|gold", "11|none|F|x",
		"12|gil@example.com||gold", "13|hal@example.com||gold", "14|ida@example.com|\x01|gold"), func(r users.Row) { told = append(told, r) })
	want := []string{
		`ann@example.com: 2 ann@example.com "A\x1fgold"`,
		`ben@example.com: 4 ben@example.com "B\x1fgold" duplicate_email (another row has this address with different values) 4=ben@example.com 5=ben@example.com`,
		`cid@example.com: 6 cid@example.com "SAME\x1fgold" duplicate_value (code: another row has the same value) 6=cid@example.com`,
		`dan@example.com: 7 dan@example.com "SAME\x1fgold" duplicate_value (code: another row has the same value) 7=dan@example.com`,
		`eve@example.com: 8 eve@example.com "E\x1f" missing_value (plan: no value) 8=eve@example.com`,
		`fay@example.com: 10 fay@example.com "F\x1fgold" duplicate_value (code: another row has the same value) 10=fay@example.com`,
		`gil@example.com: 12 gil@example.com "\x1fgold"`,
		`hal@example.com: 13 hal@example.com "\x1fgold"`,
		`ida@example.com: 14 ida@example.com "\x1fgold" invalid_value (code: a control character ('\x01')) 14=ida@example.com`,
		`zoe@example.com: 1 Zoe@Example.com "Z\x1fgold"`,
	}
	if got := listed(t, u); !slices.Equal(got, want) {
		t.Errorf("users\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if want := (users.Source{Rows: 14, Usable: 10, Unusable: 4}); u.Count != want {
		t.Errorf("counted %+v, want %+v", u.Count, want)
	}
	if got, want := fmt.Sprint(u.Valued.ByColumn(m)), "map[:12 code:9 plan:11]"; got != want {
		t.Errorf("rows with a value %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(u.Skips), "[{9 nobody invalid_email no @} {11 none invalid_email no @}]"; got != want {
		t.Errorf("rows without an address %s, want %s", got, want)
	}
	var homeless, keys []string
	for value := range u.Homeless.Sorted() {
		homeless = append(homeless, string(value))
	}
	for key := range u.Keys.Sorted() {
		keys = append(keys, string(key))
	}
	if !slices.Equal(homeless, []string{"F", "SAME"}) || !slices.Equal(keys, []string{"11", "9"}) {
		t.Errorf("of rows without an address: values %v, keys %v", homeless, keys)
	}
	if len(told) != 14 || told[0] != (users.Row{Key: "1", Address: "Zoe@Example.com", Norm: "zoe@example.com"}) || told[8].Norm != "" || told[8].Fault == "" {
		t.Errorf("told of %+v", told)
	}
}

// An idle tick goes by the digest.
func TestTheDigestIsThatOfTheRowsInAnyOrder(t *testing.T) {
	t.Parallel()
	lines := []string{"1|ann@example.com|A|x", "2|ben@example.com|B|y"}
	digest := func(lines ...string) string {
		t.Helper()
		sum, err := users.Digest(t.Context(), rowsOf(lines...))
		if err != nil {
			t.Fatal(err)
		}
		if u := read(t, mapping("code", "plan"), rowsOf(lines...), nil); u.Digest != sum {
			t.Errorf("%q: %s when read, %s alone", lines, u.Digest, sum)
		}
		return sum
	}
	is := digest(lines...)
	if digest(lines[1], lines[0]) != is {
		t.Error("it depends on the order of the rows")
	}
	seen := map[string][]string{is: lines}
	for _, other := range [][]string{nil, lines[:1], {lines[0], lines[0]}, {lines[0], lines[1], lines[1]}, {lines[0], "3|ben@example.com|B|y"}, {lines[0], "2|Ben@example.com|B|y"},
		{lines[0], "2|ben@example.com|C|y"}, {lines[0], "2|ben@example.com|B|z"}, {lines[0], "2|ben@example.com|By|"}, {lines[0], "2b|en@example.com|B|y"}} {
		sum := digest(other...)
		if same, twice := seen[sum]; twice {
			t.Errorf("%q and %q have one digest", other, same)
		}
		seen[sum] = other
	}
}

func TestHalfASourceGivesNoUsers(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	half := func(yield func(source.Row, error) bool) {
		if yield(source.Row{Key: "1", Email: "ann@example.com", Values: []string{"A"}}, nil) {
			yield(source.Row{}, lost)
		}
	}
	u, err := users.Read(t.Context(), half, mapping("code"), t.TempDir(), nil)
	if u != nil || !errors.As(err, new(*users.SourceError)) || !errors.Is(err, lost) {
		t.Errorf("%v, %v", u, err)
	}
	if sum, err := users.Digest(t.Context(), half); sum != "" || !errors.As(err, new(*users.SourceError)) || !errors.Is(err, lost) {
		t.Errorf("digest %q, %v", sum, err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if u, err := users.Read(stopped, rowsOf("1|ann@example.com|A"), mapping("code"), t.TempDir(), nil); u != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v, %v", u, err)
	}
}

func TestARowWithoutAnyValueHasNoFields(t *testing.T) {
	t.Parallel()
	want := []string{`ann@example.com: 1 ann@example.com ""`, `ben@example.com: 2 ben@example.com "\x1f\x1fx"`}
	if got := listed(t, read(t, mapping("a", "b", "c"), rowsOf("1|ann@example.com|||", "2|ben@example.com|||x"), nil)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Of ten thousand rows without an address each is listed; those beyond are counted.
func TestRowsWithoutAnAddressAreListedUpToTenThousandAndCountedAll(t *testing.T) {
	t.Parallel()
	const rows = users.MaxListed + 3
	u := read(t, mapping("code"), func(yield func(source.Row, error) bool) {
		for i := range rows {
			if !yield(source.Row{Key: fmt.Sprint(i), Email: strings.Repeat("x", 2*contact.MaxLooked), Values: []string{"A"}}, nil) {
				return
			}
		}
	}, nil)
	if len(u.Skips) != users.MaxListed || u.More != 3 || u.Count.Unusable != rows || len(u.Skips[0].Email) != contact.MaxLooked {
		t.Errorf("%d listed, %d more, %+v, %d bytes of an address", len(u.Skips), u.More, u.Count, len(u.Skips[0].Email))
	}
}
