package term

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what was got into the golden files")

// golden compares got with testdata/NAME.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, string(want)); diff != "" {
		t.Errorf("got (-) and %s (+) differ:\n%s", path, diff)
	}
}

// pipe and screen make a stream that writes into a buffer.
func pipe() (*Stream, *bytes.Buffer) {
	var b bytes.Buffer
	return newStream(&b, false, func(string) string { return "" }), &b
}

func screen(columns int) (*Stream, *bytes.Buffer) {
	s, b := pipe()
	s.terminal, s.moves, s.columns = true, true, func() int { return columns }
	return s, b
}

func TestPrintfCleansItsArguments(t *testing.T) {
	t.Parallel()
	s, b := pipe()
	s.Printf("%s %v %q %d %.1f %t %s\n", "a\x1b[31mb\nc", errors.New("bad\a"), "x\u202ey", 7, 1.25, true, []string{"q\x9b"})
	s.Print(s.Text("%s%s", "é\u200b", time.Minute), s.Paint(Bad, "plain\x1b"))
	want := "a[31mb c bad \"xy\" 7 1.2 true [q\ufffd]\né1m0s\nplain\n"
	if diff := cmp.Diff(b.String(), want); diff != "" {
		t.Error(diff)
	}
}

func TestPaintColoursOnlyWhereColoursAre(t *testing.T) {
	t.Parallel()
	s, _ := screen(80)
	if got := s.Paint(Good, "synced"); got != "synced" {
		t.Errorf("without colours: %q", got)
	}
	s.color = true
	if got := s.Paint(Good, "syn\x1bced"); got != "\x1b[32msynced\x1b[0m" {
		t.Errorf("with colours: %q", got)
	}
}

func TestALogGoesAboveTheLiveLine(t *testing.T) {
	t.Parallel()
	s, b := screen(20)
	s.Live("working and working and working")
	if _, err := s.Write([]byte("log\n")); err != nil {
		t.Fatal(err)
	}
	s.EndLive()
	const live, gone = "working and workin…", "\r\x1b[K"
	if diff := cmp.Diff(b.String(), live+gone+"log\n"+live+gone); diff != "" {
		t.Error(diff)
	}
}

func TestAPipeHasNoLiveLine(t *testing.T) {
	t.Parallel()
	s, b := pipe()
	s.Live("working")
	s.EndLive()
	if b.Len() > 0 {
		t.Errorf("a pipe got %q", b)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestTheFirstErrorOfWritingIsKept(t *testing.T) {
	t.Parallel()
	s := newStream(brokenWriter{}, false, func(string) string { return "" })
	s.Printf("x")
	if s.Err() == nil {
		t.Error("Printf lost the error")
	}
	if err := s.JSON(1); err == nil {
		t.Error("JSON lost the error")
	}
	c := s.CSV("a")
	c.Write("b")
	if err := c.Close(); err == nil {
		t.Error("CSV lost the error")
	}
}

func TestJSONKeepsValuesAndObeysNoTerminal(t *testing.T) {
	t.Parallel()
	s, b := pipe()
	if err := s.JSON(map[string]any{"email": "<a&b>@x", "evil": "\x1b[31m\u009b\u202e\x7f", "n": 2}); err != nil {
		t.Fatal(err)
	}
	golden(t, "json", b.String())
	if err := s.JSON(func() {}); err == nil {
		t.Error("a function is no JSON, want an error")
	}
}

func TestCSVIsSafeToOpen(t *testing.T) {
	t.Parallel()
	s, b := pipe()
	c := s.CSV("key", "value")
	for _, v := range []string{
		"plain", "K7Q2", "=1+1", "+49 30", "-5", "@SUM(A1)", "  =1", "\t=1", "\r=1", "＝1", "'=1", `"=1`,
		"comma, \"quote\"", "two\nlines", "esc\x1b[31m", "", "a=b",
	} {
		c.Write("4711", v)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	golden(t, "csv", b.String())
}

func users() *Table {
	t := &Table{Columns: []Column{
		{Title: "key", Right: true}, {Title: "email"}, {Title: "old"}, {Title: "new"}, {Title: "detail", Wrap: true},
	}}
	t.Add(4711, "ann@example.com", Mask("K7Q2"), Mask("M9X4"), "")
	t.Add(12, "bob@example.com", "", Mask("日本語コード"), "no contact has this address, but one with this code stands under another")
	t.Add(9, "\x1b[2Jeve@example.com", "••", "••", "two\nlines")
	return t
}

func TestTablesFitWhereTheyArePrinted(t *testing.T) {
	t.Parallel()
	tests := map[string]func() (*Stream, *bytes.Buffer){
		"table-pipe":   pipe,
		"table-wide":   func() (*Stream, *bytes.Buffer) { return screen(160) },
		"table-narrow": func() (*Stream, *bytes.Buffer) { return screen(70) },
		"table-blocks": func() (*Stream, *bytes.Buffer) { return screen(30) },
		"table-color": func() (*Stream, *bytes.Buffer) {
			s, b := screen(70)
			s.color = true
			return s, b
		},
	}
	for name, open := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b := open()
			s.Table(users())
			golden(t, name, b.String())
			limit := s.columns()
			for line := range strings.Lines(b.String()) {
				if got := width(strings.TrimSuffix(line, "\n")); limit >= 70 && got > limit {
					t.Errorf("a line takes %d of %d columns: %q", got, limit, line)
				}
			}
		})
	}
}

func TestABoxStandsOutOnATerminal(t *testing.T) {
	t.Parallel()
	ascii, b1 := screen(60)
	ascii.unicode = false
	wide, b2 := screen(60)
	narrow, b3 := screen(30)
	pipe, b4 := pipe()
	var all strings.Builder
	for _, s := range []*Stream{ascii, wide, narrow, pipe} {
		s.Box("open     https://example.com/activate", s.Text("and type %s", s.Paint(Strong, "ABCD\x1bEFGH")))
	}
	for _, b := range []*bytes.Buffer{b1, b2, b3, b4} {
		all.WriteString(b.String() + "\n")
	}
	golden(t, "box", all.String())
}
