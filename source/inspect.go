package source

import (
	"context"
	"database/sql/driver"
	"regexp"
	"slices"
	"time"
)

// Table is a table or view with its columns and some of its rows, from which a person chooses.
type Table struct {
	Name    string // as Config.Table wants it
	Columns []Column
	Sample  [][]string // up to three rows, a text for each column; nil where they cannot be read
}

const (
	sampleRows = 3
	// sampleTime is what a view may take for its sample.
	sampleTime = 2 * time.Second
)

// Inspect lists the tables and views of a database that this account may read. It uses only DSN,
// Driver, Dir and Timeout of cfg.
func Inspect(ctx context.Context, cfg Config) ([]Table, error) {
	t, err := parseDSN(cfg.DSN, cfg.Driver, cfg.Dir)
	if err != nil {
		return nil, err
	}
	d, err := t.dialect(cfg.Timeout)
	if err != nil {
		return nil, err
	}
	db := &DB{cfg: cfg, target: t, dialect: d}
	defer db.Close()
	var tables []Table
	err = db.within(ctx, func(ctx context.Context, s *session) error {
		names, err := d.tables(ctx, s)
		for _, name := range names {
			table := Table{Name: name}
			if table.Columns, err = d.columns(ctx, s, &relation{table: name}); err != nil {
				return err
			}
			for i, c := range table.Columns {
				table.Columns[i].Quoted = t.quoted(c.Name)
			}
			tables = append(tables, table)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range tables {
		tables[i].Sample = db.sample(ctx, tables[i].Name)
	}
	return tables, nil
}

// plainName is one that no database folds or takes for anything else. A word of SQL in lower case
// is no usual name of a column, and if it is one the database refuses it.
var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// quoted makes an identifier of a name for SQL of the owner: with quotes only where it needs them.
// In MySQL double quotes make a text.
func (t *target) quoted(name string) string {
	switch {
	case plainName.MatchString(name):
		return name
	case t.driver == MySQL:
		return quoteWith("`", name)
	}
	return quoteWith(`"`, name)
}

// sample reads a few rows, each in a transaction of its own: an error ends the transaction.
func (db *DB) sample(ctx context.Context, table string) (sample [][]string) {
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	err := db.within(ctx, func(ctx context.Context, s *session) error {
		rel := relation{table: table}
		all, err := db.dialect.columns(ctx, s, &rel)
		if err != nil {
			return err
		}
		sc := newScanner(everything(all))
		_, err = s.stream(ctx, db.dialect.statement(rel, all, sampleRows), len(all), func(values []driver.Value) (bool, error) {
			err := sc.take(values)
			sample = append(sample, slices.Clone(sc.texts()))
			return true, err
		})
		return err
	})
	if err != nil {
		return nil
	}
	return sample
}

// everything chooses all columns.
func everything(all []Column) choice {
	ch := choice{columns: all, order: make([]int, len(all))}
	for i := range all {
		ch.order[i] = i
	}
	return ch
}
