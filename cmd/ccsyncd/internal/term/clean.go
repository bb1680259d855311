package term

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"ccsyncd/internal/kit"
)

// Clean makes data from outside fit to be printed within a line: line breaks and tabs become
// blanks, control characters (escape sequences start with one) and marks that turn the direction of
// writing are dropped, and bytes that are no UTF-8 become U+FFFD.
func Clean(data string) string {
	return strings.Map(cleanRune, strings.ToValidUTF8(data, "\ufffd"))
}

func cleanRune(r rune) rune {
	switch {
	case r == '\n', r == '\t', r == '\u2028', r == '\u2029', r == '\u0085':
		return ' '
	case unicode.IsControl(r), kit.TurnsDirection(r), r == '\ufeff', r == '\u200b':
		return -1
	default:
		return r
	}
}

func cleanAll(args []any) []any {
	cleaned := make([]any, len(args))
	for i, arg := range args {
		cleaned[i] = cleanArg(arg)
	}
	return cleaned
}

// cleanArg keeps numbers, so that %d and %.1f work, and makes everything else a clean string.
func cleanArg(arg any) any {
	switch v := arg.(type) {
	case Text:
		return string(v)
	case string:
		return Clean(v)
	case error, fmt.Stringer, fmt.Formatter:
		return Clean(fmt.Sprint(v))
	}
	switch kind := reflect.ValueOf(arg).Kind(); {
	case kind >= reflect.Bool && kind <= reflect.Complex128:
		return arg
	default:
		return Clean(fmt.Sprint(arg))
	}
}
