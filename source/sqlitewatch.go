package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// mark is the one from before the transaction, if it still holds and nothing in the statement
// depends on more than what the file holds.
func (d *sqliteDB) mark(ctx context.Context, s *session, rel relation) (string, error) {
	text, err := d.withViews(ctx, s, rel)
	if err != nil || !timeless(text) {
		return "", err
	}
	now, err := d.current(ctx)
	if err != nil || now != s.before {
		return "", err
	}
	return now, nil
}

const sqliteViews = `
SELECT name, sql
FROM sqlite_schema
WHERE type = 'view'`

// withViews gives the SQL of the relation and of every view that it may go through.
func (d *sqliteDB) withViews(ctx context.Context, s *session, rel relation) (string, error) {
	var views []struct{ Name, SQL string }
	if err := s.tx.SelectContext(ctx, &views, sqliteViews); err != nil {
		return "", err
	}
	text := rel.query + " " + rel.where
	names := strings.ToLower(text + " " + rel.table)
	for again := true; again; {
		again = false
		for i, v := range views {
			if v.SQL != "" && strings.Contains(names, strings.ToLower(v.Name)) {
				text, names = text+" "+v.SQL, names+" "+strings.ToLower(v.SQL)
				views[i].SQL, again = "", true
			}
		}
	}
	return text, nil
}

// current joins the number of the watched file with its data_version, its size and the times when
// it was written and changed: a file copied over it can have the same version, size and time of
// writing. It takes microseconds.
func (d *sqliteDB) current(ctx context.Context) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	file, err := d.watchFile(ctx)
	if err != nil {
		return "", err
	}
	var version int64
	if err := d.watch.GetContext(ctx, &version, "PRAGMA data_version"); err != nil {
		d.unwatch()
		return "", err
	}
	return fmt.Sprintf("%d/%d/%d/%d/%s", d.watched, version, file.Size(), file.ModTime().UnixNano(), changeOf(d.path)), nil
}

// watchFile makes sure that the idle connection is one to the file now under the path.
func (d *sqliteDB) watchFile(ctx context.Context) (fs.FileInfo, error) {
	file, err := d.stat()
	if err != nil {
		return nil, err
	}
	if d.watch != nil && os.SameFile(d.file, file) {
		return file, nil
	}
	d.unwatch()
	if d.watch, err = d.pool.Connx(ctx); err != nil {
		d.watch = nil
		return nil, err
	}
	d.file, d.watched = file, d.watched+1
	if again, err := d.stat(); err != nil || !os.SameFile(file, again) {
		d.unwatch()
		return nil, errors.Join(err, fmt.Errorf("%s was replaced while ccsyncd opened it", d.path))
	}
	return file, nil
}

func (d *sqliteDB) unwatch() {
	if d.watch != nil {
		_ = d.watch.Close()
		d.watch = nil
	}
}
