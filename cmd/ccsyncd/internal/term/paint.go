package term

import "fmt"

// Text is clean and ready to print, perhaps with colours in it. Only the methods of Stream make it
// from data.
type Text string

// Style is what a text means; the colour follows from it.
type Style string

// The styles are parameters of the SGR sequence (ECMA-48, 8.3.117).
const (
	Strong  Style = "1"  // headings, the code to type
	Faint   Style = "2"  // what most people skip
	Good    Style = "32" // verified, synced
	Caution Style = "33" // skipped, deferred, waiting
	Bad     Style = "31" // failed, refused
)

// Text cleans like Printf and returns what Printf would print.
func (s *Stream) Text(format string, args ...any) Text {
	return Text(fmt.Sprintf(format, cleanAll(args)...))
}

// Paint returns the text in a style, cleaned; without a change where the stream has no colours.
func (s *Stream) Paint(style Style, data string) Text {
	data = Clean(data)
	if !s.color || data == "" {
		return Text(data)
	}
	return Text("\x1b[" + string(style) + "m" + data + "\x1b[0m")
}
