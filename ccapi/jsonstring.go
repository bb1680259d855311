package ccapi

import "unicode/utf8"

// safe marks the bytes that stand for themselves within a JSON string (RFC 8259, section 7).
// Those from 0x80 on are judged as UTF-8.
var safe = func() (table [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// appendString appends s as a JSON string. What is no UTF-8 becomes U+FFFD, byte by byte, as
// encoding/json does it.
func appendString(buf []byte, s string) []byte {
	buf = append(buf, '"')
	start := 0
	for i := 0; i < len(s); {
		if safe[s[i]] {
			i++
			continue
		}
		if s[i] >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			buf = append(append(buf, s[start:i]...), "\uFFFD"...)
		} else {
			buf = appendEscape(append(buf, s[start:i]...), s[i])
		}
		i++
		start = i
	}
	return append(append(buf, s[start:]...), '"')
}

// appendEscape appends the escape of an ASCII character that cannot stand for itself.
func appendEscape(buf []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(buf, '\\', c)
	case '\n':
		return append(buf, '\\', 'n')
	case '\r':
		return append(buf, '\\', 'r')
	case '\t':
		return append(buf, '\\', 't')
	}
	return append(buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
}
