package term

import (
	"encoding/csv"
	"fmt"
	"strings"
)

// CSV writes records that a spreadsheet shows and does not execute. Not for concurrent use.
type CSV struct {
	w *csv.Writer
}

// CSV starts a table with these headings.
func (s *Stream) CSV(headings ...string) *CSV {
	c := &CSV{w: csv.NewWriter(s)}
	_ = c.w.Write(headings) // Close has the error
	return c
}

// Write adds a record.
func (c *CSV) Write(values ...string) {
	record := make([]string, len(values))
	for i, v := range values {
		record[i] = inert(Clean(v))
	}
	_ = c.w.Write(record) // Close has the error
}

// Close prints what is left and returns the first error of writing.
func (c *CSV) Close() error {
	c.w.Flush()
	if err := c.w.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// inert puts an apostrophe before what a spreadsheet would take for a formula (OWASP, CSV
// Injection).
func inert(cell string) string {
	start := strings.TrimLeft(cell, " \u00a0'\"")
	for _, sign := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(start, sign) {
			return "'" + cell
		}
	}
	return cell
}
