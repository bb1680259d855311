package term

import (
	"strings"
	"unicode/utf8"
)

// hidden stands for what a mask leaves out. It has always the same length, so that it does not tell
// how much that is.
const hidden = "••"

// Mask shows the first two characters of a value at most, and never more than half of it: K7Q2M9
// becomes K7••. An empty value stays empty.
func Mask(value string) string {
	value = Clean(value)
	if value == "" {
		return ""
	}
	return first(value, min(2, utf8.RuneCountInString(value)/2)) + hidden
}

// MaskAddress shows the first character of the local part and the domain: ann@example.com becomes
// a••@example.com. What is no address keeps its first character alone.
func MaskAddress(address string) string {
	address = Clean(address)
	if address == "" {
		return ""
	}
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return Mask(first(address, 2))
	}
	local, domain := address[:at], address[at:]
	return first(local, min(1, utf8.RuneCountInString(local)/2)) + hidden + domain
}

func first(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
