package config

import (
	"bytes"
	"errors"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

const eachField = "each field is a separate table; write [[field]]"

// document is a TOML file as a flat list of settings, with the line of everything.
type document struct {
	settings []setting
	sections map[string]int // section -> line of its first header or key
	fields   []int          // lines of the [[field]]s
	mistakes []Mistake
	broken   bool // this is not TOML; the one mistake is all there is to say
}

// setting is one key with its value.
type setting struct {
	section string // "" for a key outside of every section
	field   int    // which [[field]], from 0, where the section is "field"
	key     string // dotted below the section; "" for a section that was given a value
	line    int
	value   value
}

// value is a TOML value. text is a string without its quotes, and anything else that is not a list
// as it was written.
type value struct {
	kind  unstable.Kind
	text  string
	items []value
}

// parseDocument reads TOML.
func parseDocument(data []byte) *document {
	d := &document{sections: map[string]int{}}
	var whole map[string]any
	if err := toml.Unmarshal(data, &whole); err != nil {
		d.broken, d.mistakes = true, []Mistake{syntaxMistake(err)}
		return d
	}
	w := walker{document: d, data: data}
	w.parser.Reset(data)
	for w.parser.NextExpression() {
		w.expression(w.parser.Expression())
	}
	return d
}

// walker follows the expressions of a file and remembers under which header it is.
type walker struct {
	*document
	data   []byte
	parser unstable.Parser
	header []string
	skip   bool // under a header that is a mistake: what it holds is not judged
}

func (w *walker) expression(n *unstable.Node) {
	if n.Kind == unstable.KeyValue {
		if !w.skip {
			w.keyValue(w.header, n)
		}
		return
	}
	path, line := w.key(n)
	name := path[0]
	w.header, w.skip = path, false
	switch {
	case !isSection(name):
		w.unknown(path, line)
	case len(path) > 1:
		w.unknown(path, line)
	case name == fieldSection:
		w.openField(line)
		if n.Kind == unstable.Table {
			w.complain(line, name, eachField)
		}
	default:
		w.openSection(name, line)
		if n.Kind == unstable.ArrayTable {
			w.complain(line, name, "["+name+"] can occur only once; write ["+name+"] instead of [["+name+"]]")
		}
	}
}

// unknown records a header that names nothing.
func (w *walker) unknown(path []string, line int) {
	w.skip = true
	s := setting{section: path[0], key: strings.Join(path[1:], "."), line: line}
	if len(path) == 1 {
		s = setting{key: path[0], line: line, value: value{kind: unstable.Table}}
	}
	w.settings = append(w.settings, s)
}

// keyValue adds the setting, or those of an inline table.
func (w *walker) keyValue(prefix []string, n *unstable.Node) {
	key, line := w.key(n)
	path := append(append([]string{}, prefix...), key...)
	v := n.Value()
	if len(path) == 1 && path[0] == fieldSection && v.Kind == unstable.Array {
		w.inlineFields(v, line)
		return
	}
	if v.Kind == unstable.InlineTable && len(path) == 1 && isSection(path[0]) {
		if path[0] == fieldSection {
			w.complain(line, fieldSection, eachField)
			w.openField(line)
		}
		w.inline(path, v)
		return
	}
	w.add(path, line, w.value(v))
}

func (w *walker) inline(path []string, table *unstable.Node) {
	for it := table.Children(); it.Next(); {
		if it.Node().Kind == unstable.KeyValue {
			w.keyValue(path, it.Node())
		}
	}
}

func (w *walker) inlineFields(array *unstable.Node, line int) {
	for it := array.Children(); it.Next(); {
		switch it.Node().Kind {
		case unstable.Comment:
		case unstable.InlineTable:
			w.openField(line)
			w.inline([]string{fieldSection}, it.Node())
		default:
			w.complain(line, fieldSection, eachField)
			return
		}
	}
}

func (w *walker) add(path []string, line int, v value) {
	s := setting{line: line, value: v}
	switch {
	case isSection(path[0]):
		s.section, s.key = path[0], strings.Join(path[1:], ".")
		if s.section == fieldSection && len(w.fields) == 0 {
			w.openField(line)
		}
		s.field = max(len(w.fields)-1, 0)
		w.openSection(s.section, line)
	case len(path) > 1:
		s.section, s.key = path[0], strings.Join(path[1:], ".")
	default:
		s.key = path[0]
	}
	w.settings = append(w.settings, s)
}

func (w *walker) openField(line int) {
	w.fields = append(w.fields, line)
	w.openSection(fieldSection, line)
}

func (w *walker) openSection(name string, line int) {
	if w.sections[name] == 0 {
		w.sections[name] = line
	}
}

func (w *walker) complain(line int, key, text string) {
	w.mistakes = append(w.mistakes, Mistake{Line: line, Key: key, Text: text})
}

// key returns the parts of a node's key and its line.
func (w *walker) key(n *unstable.Node) (path []string, line int) {
	for it := n.Key(); it.Next(); {
		part := it.Node()
		if line == 0 {
			line = bytes.Count(w.data[:part.Raw.Offset], []byte("\n")) + 1
		}
		path = append(path, string(part.Data))
	}
	return path, line
}

func (w *walker) value(n *unstable.Node) value {
	v := value{kind: n.Kind, text: string(n.Data)}
	if n.Kind != unstable.Array {
		return v
	}
	for it := n.Children(); it.Next(); {
		if it.Node().Kind != unstable.Comment {
			v.items = append(v.items, w.value(it.Node()))
		}
	}
	return v
}

// syntaxMistake words what the parser found. The parser's own text may quote what stands in the
// file, a password without quotes for example, so that only its fixed part is used.
func syntaxMistake(err error) Mistake {
	var m Mistake
	var at *toml.DecodeError
	if errors.As(err, &at) {
		m.Line, _ = at.Position()
		m.Key = strings.Join(at.Key(), ".")
	}
	text := strings.TrimPrefix(err.Error(), "toml: ")
	switch {
	case strings.HasPrefix(text, "table field already exists"):
		m.Text = eachField
	case strings.HasPrefix(text, "table ") && strings.Contains(text, " already exists"):
		m.Text = "the section [" + m.Key + "] occurs twice"
	case strings.HasPrefix(text, "key ") && strings.HasSuffix(text, " is already defined"):
		m.Text = "the key " + quote(m.Key) + " occurs twice"
	case strings.HasPrefix(text, "key "):
		m.Text = quote(m.Key) + " cannot be both a section and a value"
	case strings.HasPrefix(text, "unexpected character"), strings.HasPrefix(text, "expected keyword"):
		m.Text = `this is not valid TOML: put text in quotes ("...")`
	case strings.Contains(text, "terminated"), strings.HasSuffix(text, "cannot have new lines"):
		m.Text = "this is not valid TOML: the closing quote of a text is missing"
	default:
		m.Text = "this is not valid TOML: " + fixedPart(text)
	}
	return m
}

// fixedPart cuts a message of the parser before anything that it quotes.
func fixedPart(text string) string {
	for _, quoting := range []string{": ", " but got", " U+"} {
		text, _, _ = strings.Cut(text, quoting)
	}
	return text
}
