package state

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// Kinds of a Binding.
const (
	CustomField = "custom_field"
	List        = "list"
)

// Binding ties a name in the configuration to a custom field or list of the account, by id.
type Binding struct {
	Kind   string // CustomField or List
	Wanted string // the name in the configuration, lower-cased
	ID     string
	Name   string // as the account has it
	Label  string // of a custom field
	Type   string // of a custom field
	// Choices of a custom field of a select type, in JSON.
	Choices string
}

// Bindings returns every binding.
func (db facts) Bindings(ctx context.Context) ([]Binding, error) {
	var all []Binding
	err := db.write.SelectContext(ctx, &all, "SELECT kind, wanted, id, name, label, type, choices FROM bindings ORDER BY kind, wanted")
	if err != nil {
		return nil, fmt.Errorf("read bindings: %w", err)
	}
	return all, nil
}

// SetBindings replaces all bindings.
func (db facts) SetBindings(ctx context.Context, all []Binding) error {
	return db.change(ctx, "write bindings", func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM bindings"); err != nil {
			return err
		}
		for _, b := range all {
			if _, err := tx.NamedExecContext(ctx, `INSERT INTO bindings (kind, wanted, id, name, label, type, choices)
				VALUES (:kind, :wanted, :id, :name, :label, :type, :choices)`, b); err != nil {
				return err
			}
		}
		return nil
	})
}
