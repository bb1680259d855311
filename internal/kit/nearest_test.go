package kit

import (
	"strings"
	"testing"
)

func TestDistanceCountsLettersToChange(t *testing.T) {
	t.Parallel()
	for pair, want := range map[[2]string]int{
		{"", ""}: 0, {"a", ""}: 1, {"", "abc"}: 3, {"abc", "abc"}: 0, {"abc", "abd"}: 1, {"abc", "acb"}: 1, {"abcd", "badc"}: 2,
		{"table", "tabel"}: 1, {"timeout", "timout"}: 1, {"kitten", "sitting"}: 3, {"ab", "xaby"}: 2,
	} {
		if got := distance(pair[0], pair[1]); got != want {
			t.Errorf("distance(%q, %q) = %d, want %d", pair[0], pair[1], got, want)
		}
	}
}

func TestTheNearestNameIsWhatAPersonMeant(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"Time-Out": "timeout", "t_i m-e o_u-t": "timeout", "tiemout": "timeout", "xyz": "", "abcd": "ab", "abcde": "", "q": "",
		strings.Repeat("timeout ", 20): "",
	} {
		if got := Nearest(word, []string{"ab", "timeout"}); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
