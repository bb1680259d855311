package contact

import (
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"ccsyncd/ccapi"
	"ccsyncd/sync/state"
)

// An address of any content is normalised or judged, and what is normalised stays as it is.
func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{"ann@example.com", " Ann@Example.COM\t", `"<script>"@example.com`, "a@b", "@", "a@", "Jörg@bücher.example", "a@xn--bcher-kva.example",
		"a@\u202eexample.com", "a@example.com.", "a@-x.example", "\xff@example.com", "a@例え.テスト", "a@ⓔxample.com", "a\x00b@example.com", "a@" + strings.Repeat("x.", 40),
		"a.b+c-d_e@f-1.example", "a+b@c+d.example", ".a@b.c", "a-@b.c", "a@b-.c", "a..b@c.d", "a@b@c.d", strings.Repeat("x", 60) + "@b.c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		norm, fault := Normalise(address)
		if (norm == "") == (fault == "") {
			t.Fatalf("%q gives %q and %q, want one of them", address, norm, fault)
		}
		if careful, why := normaliseUnusual(address); careful != norm || why != fault {
			t.Fatalf("%q gives %q and %q, at one look %q and %q", address, careful, why, norm, fault)
		}
		if fault != "" {
			return
		}
		if again, fault := Normalise(norm); again != norm || fault != "" {
			t.Fatalf("%q gives %q, which gives %q (%s)", address, norm, again, fault)
		}
		if !utf8.ValidString(norm) || utf8.RuneCountInString(norm) > maxAddress || strings.ContainsFunc(norm, unicode.IsControl) {
			t.Fatalf("%q gives %q", address, norm)
		}
	})
}

// A value of any kind and content has one canonical form, which is its own, or none.
func FuzzCanonical(f *testing.F) {
	kinds := []string{KindText, kindLongText, kindDate, kindDateText, kindDateTime, kindNumber, kindBoolean, kindCurrency, kindSelect, kindMulti}
	for i, seed := range []string{"K7Q2", " a\r\nb ", "1/2/2026", "soon", "2026-01-02 03:04:05+01", "1e50", "YES", "-0.50", "red", `["a","b"]`, "{b,a,b}", "1767312000", "0/0", "١", "+1/3"} {
		f.Add(seed, i)
	}
	choices := []ccapi.Choice{{ID: "1", Label: "Red"}, {ID: "2", Label: "a, b"}, {ID: "3", Label: "b"}, {ID: "4", Label: "a"}}
	f.Fuzz(func(t *testing.T, value string, i int) {
		for _, some := range [][]ccapi.Choice{nil, choices} {
			to := &Target{Kind: kinds[uint(i)%uint(len(kinds))], choices: some}
			form, fault := to.Canonical(value)
			if fault != "" {
				form = to.mirrored(value)
			} else if again, fault := to.Canonical(form); again != form || fault != "" {
				t.Fatalf("%s: %q gives %q, which gives %q (%s)", to.Kind, value, form, again, fault)
			}
			if strings.Contains(form, state.Separator) {
				t.Fatalf("%s: %q gives %q, which would spoil the mirror", to.Kind, value, form)
			}
		}
	})
}

// An export of any content is read or refused, with nobody taken for subscribed by mistake.
func FuzzExport(f *testing.F) {
	const heading = "Email address,Email status,Email permission status,Email Lists,Updated At,Short code\n"
	for _, seed := range []string{
		heading + "ann@example.com,Active,Express,App users,2026-01-02 03:04:05 -0500,K7Q2\n",
		heading + "ann@example.com,Unsubscribed,Express,,2026-01-02 03:04:05 -0500,\n",
		heading + ",,,,,\n",
		heading + "a@b.example,Active,Wherever,\"App users, Old\",never,\"a\"\"b\nc\"\n",
		heading + "a\x1fb,Active,Express,,2026-01-02 03:04:05 -0500,\n", "\ufeff" + heading, heading + heading, heading + "a\n", "Email address,Email address\n", "\"", heading + "\"" + strings.Repeat("x", 5000), "",
	} {
		f.Add(seed)
	}
	m := &Mapping{Targets: []Target{{Field: Field{Column: "short_code"}, ID: "1", Name: "short_code", Label: "Short code", Kind: KindText}}}
	known := map[string]bool{"": true} // is read by its address
	for _, permission := range permissions {
		known[permission] = true
	}
	f.Fuzz(func(t *testing.T, text string) {
		for c, err := range ReadExport(m, strings.NewReader(text), map[string]string{"App users": "l1"}) {
			switch {
			case err != nil:
				return
			case !known[c.Permission] || c.Permission != "" && len(m.Decode(c.Fields)) != 1 || strings.Contains(c.Norm, state.Separator):
				t.Fatalf("%q gives %+v", text, c)
			}
		}
	})
}

// A quote that is never closed takes in no more than a line may have.
func TestAnExportWithAnEndlessLineIsRefused(t *testing.T) {
	t.Parallel()
	endless := &endless{}
	m := &Mapping{}
	var last error
	for _, err := range ReadExport(m, io.MultiReader(strings.NewReader(`"`), endless), nil) {
		last = err
	}
	if !errors.Is(last, ErrUnfit) || endless.read > 2*maxLine {
		t.Errorf("error = %v after %d bytes", last, endless.read)
	}
}

// endless is a file without end or line.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	return len(p), nil
}
