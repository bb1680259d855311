package contact

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxAddress is how many characters an email address may have (Contact resource,
// email_address.address).
const maxAddress = 80

// MaxLooked is how many bytes of text may be an address before anything else is looked at: 80
// characters of four bytes, and room for what an internationalised domain leaves out.
const MaxLooked = 1000

// maxLabel is how many bytes a part of a domain between two dots may have (RFC 1035, 2.3.4).
const maxLabel = 63

// Normalise returns the form of an address under which users and contacts meet: white space around
// it removed, ASCII letters lower-cased, the domain in its ASCII form. Dots and tags in front of
// the @ stay, since they can tell mailboxes apart. fault says what is wrong with an address that
// cannot be one, "" when it can.
func Normalise(address string) (norm, fault string) {
	if lower := lowerASCII(address); usual(lower) {
		return lower, ""
	}
	return normaliseUnusual(address)
}

func normaliseUnusual(address string) (norm, fault string) {
	trimmed := strings.TrimSpace(address)
	at := strings.LastIndexByte(trimmed, '@')
	switch {
	case trimmed == "":
		return "", "empty"
	case len(trimmed) > MaxLooked:
		return "", "longer than 80 characters"
	case at < 0:
		return "", "no @"
	case at == 0:
		return "", "nothing before the @"
	case at == len(trimmed)-1:
		return "", "no domain"
	}
	local, fault := normaliseLocal(trimmed[:at])
	if fault != "" {
		return "", fault
	}
	domain, fault := normaliseDomain(trimmed[at+1:])
	if fault != "" {
		return "", fault
	}
	norm = local + "@" + domain
	if utf8.RuneCountInString(norm) > maxAddress {
		return "", "longer than 80 characters"
	}
	return norm, ""
}

// usual tells at one look that an address in lower case is its own normalised form, as nearly all
// are: words of lower-case letters, digits and underscores with single dots and hyphens between
// them on both sides of one @, a + only in front of it.
func usual(address string) bool {
	if len(address) > maxLabel {
		return false
	}
	// joint: no word has begun since the last dot, hyphen or @
	at, dotted, joint := false, false, true
	for i := range len(address) {
		switch c := address[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '+' && !at:
			joint = false
			continue
		case joint || c == '@' && at || c != '.' && c != '-' && c != '@':
			return false
		case c == '@':
			at = true
		case c == '.':
			dotted = at
		}
		joint = true
	}
	return dotted && !joint
}

// normaliseLocal judges what stands before the @: dot-separated text, or anything printable in
// quotes.
func normaliseLocal(local string) (norm, fault string) {
	if !utf8.ValidString(local) {
		return "", "not UTF-8"
	}
	if !isASCII(local) && strings.ContainsFunc(local, func(r rune) bool { return r >= utf8.RuneSelf && !unicode.IsPrint(r) }) {
		return "", "an invisible character"
	}
	quoted := len(local) >= 3 && local[0] == '"' && local[len(local)-1] == '"'
	for i := range len(local) {
		if fault := judgeLocal(local, i, quoted); fault != "" {
			return "", fault
		}
	}
	if !quoted && (local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..")) {
		return "", "a misplaced dot"
	}
	return lowerASCII(local), ""
}

func judgeLocal(local string, i int, quoted bool) (fault string) {
	c := local[i]
	switch {
	case c < ' ' || c == 0x7f:
		return "a control character"
	case quoted && c == '"' && i > 0 && i < len(local)-1 && local[i-1] != '\\':
		return "a quote inside quotes"
	case quoted:
		return ""
	case c == ' ':
		return "a space"
	case c == '@':
		return "more than one @"
	case strings.IndexByte(`"(),:;<>[\]`, c) >= 0:
		return "a character that needs quotes: " + string(rune(c))
	}
	return ""
}

// normaliseDomain brings a domain into its ASCII form. Only one with other letters goes through
// IDNA.
func normaliseDomain(domain string) (norm, fault string) {
	if !isASCII(domain) {
		if !utf8.ValidString(domain) {
			return "", "not UTF-8"
		}
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return "", "the domain is not a valid internationalized name"
		}
		domain = ascii
	}
	domain = lowerASCII(domain)
	labels, start := 0, 0
	for i := 0; i <= len(domain); i++ {
		if i < len(domain) && domain[i] != '.' {
			if !isLabelByte(domain[i]) {
				return "", "a character not allowed in a domain"
			}
			continue
		}
		label := domain[start:i]
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return "", "the domain is malformed"
		}
		labels, start = labels+1, i+1
	}
	if labels < 2 {
		return "", "the domain has no dot"
	}
	return domain, ""
}

func isLabelByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// lowerASCII lower-cases A to Z and returns s itself when there is nothing to do.
func lowerASCII(s string) string {
	upper := func(c byte) bool { return c >= 'A' && c <= 'Z' }
	for i := range len(s) {
		if !upper(s[i]) {
			continue
		}
		lower := []byte(s)
		for i, c := range lower {
			if upper(c) {
				lower[i] += 'a' - 'A'
			}
		}
		return string(lower)
	}
	return s
}
