package term

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Column is one column of a Table.
type Column struct {
	Title string
	Right bool // numbers
	Wrap  bool // may be made narrower than its longest value, which then takes several lines
}

// Table is rows under headings. The zero Table with its Columns set is ready to use.
type Table struct {
	Columns []Column
	rows    [][]string
}

const (
	gap       = 2 // columns between columns
	leastWrap = 8 // a column is never made narrower
)

// Add appends a row; cells are cleaned as by Printf. Cells that are missing are empty.
func (t *Table) Add(cells ...any) {
	row := make([]string, len(t.Columns))
	for i, cell := range cleanAll(cells) {
		row[i] = fmt.Sprint(cell)
	}
	t.rows = append(t.rows, row)
}

// Len returns the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// Table prints t, aligned and without lines, so that it can be cut into columns by a script. On a
// terminal it keeps within the width: columns that may wrap do, and if that is not enough each row
// becomes a block of lines.
func (s *Stream) Table(t *Table) {
	widths := t.widths()
	limit := s.columns()
	if limit > 0 && !t.shrink(widths, limit) {
		s.print(s.blocks(t))
		return
	}
	w := table.NewWriter()
	w.SetStyle(plainStyle())
	w.SetColumnConfigs(t.configs(widths))
	header := make(table.Row, len(t.Columns))
	for i, c := range t.Columns {
		header[i] = string(s.Paint(Strong, strings.ToUpper(c.Title)))
	}
	w.AppendHeader(header)
	for _, row := range t.rows {
		cells := make(table.Row, len(row))
		for i, cell := range row {
			cells[i] = cell
		}
		w.AppendRow(cells)
	}
	s.print(trimLines(w.Render()))
}

func plainStyle() table.Style {
	return table.Style{
		Name: "plain",
		Box:  table.BoxStyle{PaddingRight: strings.Repeat(" ", gap)},
	}
}

func (t *Table) configs(widths []int) []table.ColumnConfig {
	configs := make([]table.ColumnConfig, len(t.Columns))
	for i, c := range t.Columns {
		align := text.AlignLeft
		if c.Right {
			align = text.AlignRight
		}
		configs[i] = table.ColumnConfig{
			Number: i + 1, Align: align, AlignHeader: align, WidthMax: widths[i], WidthMaxEnforcer: text.WrapSoft,
		}
	}
	return configs
}

// widths returns what each column would like to have.
func (t *Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = width(c.Title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], width(row[i]))
		}
	}
	return widths
}

// shrink takes from the widest column that may wrap until all fit into limit; false when they
// cannot.
func (t *Table) shrink(widths []int, limit int) bool {
	total := gap * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for ; total > limit; total-- {
		widest := -1
		for i, c := range t.Columns {
			if c.Wrap && widths[i] > max(leastWrap, width(c.Title)) && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		widths[widest]--
	}
	return true
}

// blocks writes each row as lines of "title  value", for a terminal that is too narrow for columns.
func (s *Stream) blocks(t *Table) string {
	longest := 0
	for _, c := range t.Columns {
		longest = max(longest, width(c.Title))
	}
	var b strings.Builder
	for n, row := range t.rows {
		if n > 0 {
			b.WriteByte('\n')
		}
		for i, c := range t.Columns {
			if row[i] == "" {
				continue
			}
			title := strings.ToUpper(c.Title) + strings.Repeat(" ", longest-width(c.Title)+gap)
			b.WriteString(string(s.Paint(Strong, title)) + row[i] + "\n")
		}
	}
	return b.String()
}
