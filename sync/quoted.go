package sync

import (
	"context"
	"strings"

	"ccsyncd/sync/state"
)

// withoutUsers takes out of what Constant Contact said of a batch the addresses and values of its users. The texts are
// kept in the history and shown where codes may not be: a user is named by the key instead.
func (r *run) withoutUsers(ctx context.Context, b *state.Batch) error {
	if len(b.Errors) == 0 {
		return nil
	}
	text := strings.Join(b.Errors, "\n")
	for row, err := range r.State.BatchRows(ctx, b.ID) {
		if err != nil {
			return err
		}
		text = withoutUser(text, &row)
	}
	b.Errors = strings.Split(text, "\n")
	return nil
}

// shortest is how many bytes a value has at least that can be told from the words of a message.
const shortest = 3

func withoutUser(text string, row *state.BatchRow) string {
	name := "••"
	if row.Key != "" {
		name = "key:" + row.Key
	}
	for _, address := range []string{row.Address, row.Norm} {
		if address != "" {
			text = strings.ReplaceAll(text, address, name)
		}
	}
	for _, values := range []string{row.Wanted, row.Old} {
		for value := range strings.SplitSeq(values, state.Separator) {
			if len(value) >= shortest {
				text = strings.ReplaceAll(text, value, "••")
			}
		}
	}
	return text
}
