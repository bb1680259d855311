package contact

import (
	"strings"
	"testing"
)

func TestAnAddressHasOneFormOrAFault(t *testing.T) {
	t.Parallel()
	const label63 = "a23456789012345678901234567890123456789012345678901234567890123"
	for address, want := range map[string]string{
		"ann@example.com":                        "ann@example.com",
		" Ann.Lee+App@Example.COM\t":             "ann.lee+app@example.com",
		"AZ@az09.example":                        "az@az09.example",
		"o'neil!@a-z_09.example":                 "o'neil!@a-z_09.example",
		"0z9@bücher9.example":                    "0z9@xn--bcher9-3ya.example",
		"Ärger@example.com":                      "Ärger@example.com",
		`"a b"@example.com`:                      `"a b"@example.com`,
		`"a@b"@example.com`:                      `"a@b"@example.com`,
		`"a\"b"@example.com`:                     `"a\"b"@example.com`,
		`".."@example.com`:                       `".."@example.com`,
		"x@" + label63 + ".com":                  "x@" + label63 + ".com",
		strings.Repeat("a", 68) + "@example.com": strings.Repeat("a", 68) + "@example.com",
		strings.Repeat("ä", 68) + "@example.com": strings.Repeat("ä", 68) + "@example.com",
	} {
		if norm, fault := Normalise(address); norm != want || fault != "" {
			t.Errorf("%q: %q, fault %q; want %q", address, norm, fault, want)
		}
	}
	for address, want := range map[string]string{
		"[z9]@z9-az.example":                     "a character that needs quotes: [",
		`"a"b"@example.com`:                      "a quote inside quotes",
		`"".ann"@example.com`:                    "a quote inside quotes",
		`""@example.com`:                         `a character that needs quotes: "`,
		"x@" + label63 + "x.com":                 "the domain is malformed",
		strings.Repeat("a", 69) + "@example.com": "longer than 80 characters",
		strings.Repeat("a", 1000) + "@x.example": "longer than 80 characters",
		"":                                       "empty",
		" \n":                                    "empty",
		"ann":                                    "no @",
		"@example.com":                           "nothing before the @",
		"ann@":                                   "no domain",
		"ann@example":                            "the domain has no dot",
		"ann@example.":                           "the domain is malformed",
		"ann@.example":                           "the domain is malformed",
		"ann@a..example":                         "the domain is malformed",
		"ann@-a.example":                         "the domain is malformed",
		"ann@a-.example":                         "the domain is malformed",
		"ann@a.-":                                "the domain is malformed",
		"ann@a+b.example":                        "a character not allowed in a domain",
		"ann@ex\xffmple.com":                     "not UTF-8",
		"ann@☃☃\u202e.example":                   "the domain is not a valid internationalized name",
		"a\xffn@example.com":                     "not UTF-8",
		"a\u200bn@example.com":                   "an invisible character",
		"a\x7fn@example.com":                     "a control character",
		"a\x00n@example.com":                     "a control character",
		"a n@example.com":                        "a space",
		"a@n@example.com":                        "more than one @",
		"Ann <ann@example.com>":                  "a space",
		"<ann@example.com":                       "a character that needs quotes: <",
		".ann@example.com":                       "a misplaced dot",
		"ann.@example.com":                       "a misplaced dot",
		"a..n@example.com":                       "a misplaced dot",
	} {
		if norm, fault := Normalise(address); norm != "" || fault != want {
			t.Errorf("%q: %q, fault %q; want the fault %q", address, norm, fault, want)
		}
	}
}
