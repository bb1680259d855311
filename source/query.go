package source

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// relation is what is read: a table with a condition, or a query.
type relation struct {
	table, where, query string

	from string // the table's quoted name, once it is found
}

// relation refuses SQL that would not stay in its place.
func (cfg Config) relation(driver string) (rel relation, err error) {
	rel.table = cfg.Table
	if rel.where, err = enclosed(cfg.Where, "where", driver); err == nil {
		rel.query, err = enclosed(cfg.Query, "query", driver)
	}
	return rel, err
}

// String names the relation in errors.
func (r relation) String() string {
	switch {
	case r.query != "":
		return "query in [source]"
	case r.table == "":
		return "the list of tables"
	}
	return fmt.Sprintf("table %q", r.table)
}

// clause names the key whose SQL is the likely cause of an error.
func (r relation) clause() string {
	switch {
	case r.query != "":
		return "query"
	case r.where != "":
		return "where"
	}
	return "table"
}

// Column is a column of a table or query.
type Column struct {
	Name       string
	Type       string   // as declared; in a query, as far as the driver tells
	PrimaryKey bool     // alone or with others
	Quoted     string   // the name as Where and Query need it; of Inspect alone
	Labels     []string // of an enumeration, in its order; nil where the database tells none

	kind     kind
	position int           // among all columns
	dated    bool          // its numbers are dates
	unit     time.Duration // what they count since 1970, once judged; 0: nothing tells
	untold   bool          // no row tells it
}

// selectStatement builds SELECT expressions FROM table WHERE (condition), or FROM (query). A line
// break ends whatever comment the condition or query ends with.
func selectStatement(rel relation, expressions []string, limit int) string {
	var b strings.Builder
	b.WriteString("SELECT " + strings.Join(expressions, ", ") + "\nFROM ")
	if rel.query != "" {
		b.WriteString("(" + rel.query + "\n) AS q")
	} else {
		b.WriteString(rel.from)
	}
	if rel.where != "" {
		b.WriteString("\nWHERE (" + rel.where + "\n)")
	}
	if limit != noLimit {
		b.WriteString("\nLIMIT " + strconv.Itoa(limit))
	}
	return b.String()
}

const noLimit = -1

// quoteWith makes an identifier of any name.
func quoteWith(mark, name string) string {
	return mark + strings.ReplaceAll(name, mark, mark+mark) + mark
}

// splitTable takes schema.table apart; a name without a dot has no schema.
func splitTable(name string) (schema, table string) {
	schema, table, ok := strings.Cut(name, ".")
	if !ok {
		return "", name
	}
	return schema, table
}

// candidates are the quoted names that table may mean: schema.table, or a name with a dot in it.
func candidates(table, mark string) []string {
	names := []string{quoteWith(mark, table)}
	if schema, name := splitTable(table); schema != "" {
		names = append([]string{quoteWith(mark, schema) + "." + quoteWith(mark, name)}, names...)
	}
	return names
}

// describe gives the columns of the relation, or the error that it does not exist.
func (db *DB) describe(ctx context.Context, s *session, rel *relation) ([]Column, error) {
	all, err := db.dialect.columns(ctx, s, rel)
	if err != nil || len(all) > 0 {
		return all, err
	}
	tables, err := db.dialect.tables(ctx, s)
	if err != nil {
		return nil, err
	}
	return nil, missing("table", rel.table, db.target.identity, tables)
}

// choice is what is read of a relation: each column once, and where each value comes from.
type choice struct {
	key     string // the key column, "" for none
	columns []Column
	order   []int // of key (if there is one), email and the fields: the index into columns
}

// choose finds the columns to read. Those of the given indices in Config.Columns are to hold dates;
// a column that also stands for another value is read twice.
func (db *DB) choose(all []Column, rel relation, dates []int) (choice, error) {
	ch := choice{key: db.cfg.Key}
	if ch.key == "" {
		ch.key = primaryKey(all)
	}
	names := append([]string{db.cfg.Email}, db.cfg.Columns...)
	if ch.key != "" {
		names = append([]string{ch.key}, names...)
	}
	for i, name := range names {
		c, err := find(all, name, rel)
		if err != nil {
			return ch, err
		}
		field := i - (len(names) - len(db.cfg.Columns))
		c.dated = c.dated || c.mayHoldNumbers() && slices.Contains(dates, field)
		at := slices.IndexFunc(ch.columns, func(have Column) bool { return have.position == c.position && have.dated == c.dated })
		if at < 0 {
			at = len(ch.columns)
			ch.columns = append(ch.columns, c)
		}
		ch.order = append(ch.order, at)
	}
	return ch, nil
}

// primaryKey names the column that alone is the primary key.
func primaryKey(all []Column) string {
	name := ""
	for _, c := range all {
		switch {
		case c.PrimaryKey && name != "":
			return ""
		case c.PrimaryKey:
			name = c.Name
		}
	}
	return name
}

// find gives the column of that name. Another case will do where only one column has it so: in
// SQLite and MySQL the case of a column says nothing, and in PostgreSQL it is quoted as found.
func find(all []Column, name string, rel relation) (Column, error) {
	var exact, folded []Column
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
		if c.Name == name {
			exact = append(exact, c)
		}
		if strings.EqualFold(c.Name, name) {
			folded = append(folded, c)
		}
	}
	switch {
	case len(exact) > 1 || len(exact) == 0 && len(folded) > 1:
		return Column{}, misconfigured("give each a different name with AS", "%s has two columns named %q", rel, name)
	case len(exact) == 1:
		return exact[0], nil
	case len(folded) == 1:
		return folded[0], nil
	}
	return Column{}, missing("column", name, rel.String(), names)
}

// queryColumns describes what a query returns without running it, by what the driver says of it.
func queryColumns(ctx context.Context, s *session, rel relation, kindOf func(declared string) kind) ([]Column, error) {
	rows, err := s.tx.QueryxContext(ctx, selectStatement(rel, []string{"*"}, 0))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	all := make([]Column, len(types))
	for i, t := range types {
		declared := t.DatabaseTypeName()
		all[i] = Column{Name: t.Name(), Type: declared, kind: kindOf(declared), position: i}
	}
	rows.Next() // some drivers tell errors only now
	return all, rows.Err()
}
