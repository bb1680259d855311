package kit

import "strings"

// longestWord bounds the work, in bytes; no name is nearly as long.
const longestWord = 64

// Nearest returns the candidate that a person most likely meant by word: at most a third of its
// letters differ. "" when none is near. Case and the characters "-", " " and "_" count for nothing,
// because they are what people get wrong.
func Nearest(word string, candidates []string) string {
	word = letters(word)
	if len(word) > longestWord {
		return ""
	}
	best, least := "", len(word)/3+2
	for _, c := range candidates {
		if d := distance(word, letters(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// SameLetters tells whether two names differ in case, "-", " " and "_" alone.
func SameLetters(a, b string) bool { return letters(a) == letters(b) }

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '_' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// distance counts the letters to insert, drop, replace or swap with their neighbour to make a into
// b (optimal string alignment), in bytes.
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

func differ(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}
