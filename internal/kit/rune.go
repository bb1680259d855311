package kit

// TurnsDirection finds the marks with which text can show in another order than it is stored
// (Unicode UAX 9, 2.).
func TurnsDirection(r rune) bool {
	switch {
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	default:
		return r == '\u200e' || r == '\u200f' || r == '\u061c'
	}
}
