package term

import "strings"

// Box prints lines in a frame, for the one thing that a person must not miss. Where a frame does
// not fit or nobody looks, the lines stand alone.
func (s *Stream) Box(lines ...Text) {
	longest := 0
	for _, line := range lines {
		longest = max(longest, width(string(line)))
	}
	const frame = 6 // a corner and two blanks on each side
	if limit := s.columns(); !s.terminal || limit > 0 && longest+frame > limit {
		s.Print(lines...)
		return
	}
	edge := strings.Repeat(s.pick("─", "-"), longest+frame-2)
	side := s.pick("│", "|")
	var b strings.Builder
	b.WriteString(s.pick("╭", "+") + edge + s.pick("╮", "+") + "\n")
	for _, line := range lines {
		b.WriteString(side + "  " + string(line) + strings.Repeat(" ", longest-width(string(line))) + "  " + side + "\n")
	}
	b.WriteString(s.pick("╰", "+") + edge + s.pick("╯", "+") + "\n")
	s.print(b.String())
}
