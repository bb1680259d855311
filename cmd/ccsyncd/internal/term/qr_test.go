package term

import (
	"strings"
	"testing"

	"rsc.io/qr"
)

const activate = "https://identity.example.com/activate?user_code=ABCDEFGH"

func TestAQRCodeIsTheOneThatWasAskedFor(t *testing.T) {
	t.Parallel()
	s, b := screen(80)
	if !s.QR(activate) {
		t.Fatal("no QR code on a terminal")
	}
	want, err := qr.Encode(activate, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	got := modules(t, b.String())
	for y := range want.Size {
		for x := range want.Size {
			if got[y+quietZone][x+quietZone] != want.Black(x, y) {
				t.Fatalf("module %d,%d is dark: %v", x, y, !want.Black(x, y))
			}
		}
	}
}

// modules reads half blocks back: true is a dark module.
func modules(t *testing.T, printed string) [][]bool {
	t.Helper()
	dark := map[rune][2]bool{'█': {false, false}, ' ': {true, true}, '▀': {false, true}, '▄': {true, false}}
	var rows [][]bool
	for line := range strings.Lines(printed) {
		var upper, lower []bool
		for _, r := range strings.TrimSuffix(line, "\n") {
			pair, ok := dark[r]
			if !ok {
				t.Fatalf("unexpected %q", r)
			}
			upper, lower = append(upper, pair[0]), append(lower, pair[1])
		}
		rows = append(rows, upper, lower)
	}
	return rows
}

func TestAQRCodeIsDarkOnLightWhateverTheTheme(t *testing.T) {
	t.Parallel()
	s, b := screen(80)
	s.color = true
	s.QR(activate)
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "\x1b[97;40m") || !strings.HasSuffix(line, "\x1b[0m\n") {
			t.Errorf("a line without fixed colours: %q", line)
		}
	}
}

func TestThereIsNoQRCodeWhereItCannotBeShown(t *testing.T) {
	t.Parallel()
	piped, _ := pipe()
	narrow, _ := screen(20)
	ascii, _ := screen(80)
	ascii.unicode = false
	dumb, _ := screen(80)
	dumb.moves = false
	wide, _ := screen(80)
	tests := map[string]struct {
		s       *Stream
		content string
	}{
		"a pipe": {piped, activate}, "a narrow terminal": {narrow, activate}, "no Unicode": {ascii, activate},
		"a dumb terminal": {dumb, activate}, "nothing to show": {wide, ""}, "too much": {wide, strings.Repeat("x", 5000)},
	}
	for name, tt := range tests {
		if tt.s.QR(tt.content) {
			t.Errorf("%s: shown", name)
		}
	}
}
