package term

import (
	"strings"

	"github.com/mdp/qrterminal/v3"
)

const (
	longestQR = 300 // bytes; more makes a code that no telephone reads from a screen
	quietZone = 2   // modules around the code
)

// QR prints a QR code and tells whether it did: it takes a terminal that is wide enough and shows
// half blocks.
func (s *Stream) QR(content string) bool {
	if !s.terminal || !s.moves || !s.unicode || content == "" || len(content) > longestQR {
		return false
	}
	var code strings.Builder
	qrterminal.GenerateWithConfig(content, qrterminal.Config{
		Level: qrterminal.L, Writer: &code, HalfBlocks: true, QuietZone: quietZone,
	})
	var b strings.Builder
	for line := range strings.Lines(code.String()) {
		line = strings.TrimSuffix(line, "\n")
		if limit := s.columns(); limit > 0 && width(line) > limit {
			return false
		}
		b.WriteString(s.blackOnWhite(line) + "\n")
	}
	s.print(b.String())
	return true
}

// blackOnWhite fixes the colours: scanners want dark modules on a light ground, whatever the
// terminal's theme is. A block is a light module, so that the foreground is white.
func (s *Stream) blackOnWhite(line string) string {
	if !s.color {
		return line
	}
	return "\x1b[97;40m" + line + "\x1b[0m"
}
