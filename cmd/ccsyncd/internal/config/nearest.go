package config

import "strings"

// longestWord bounds the work; no key is nearly as long.
const longestWord = 64

// nearest returns the candidate that a person most likely meant by word; "" when none is near. Case and the
// difference between "-", " " and "_" count for nothing.
func nearest(word string, candidates []string) string {
	word = plain(word)
	if len(word) > longestWord {
		return ""
	}
	best, least := "", len(word)/3+2
	for _, c := range candidates {
		if d := distance(word, plain(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '_' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// distance counts the letters to insert, drop, replace or swap with their neighbour to make a into b (optimal string
// alignment).
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
