package users

import (
	"bytes"
	"fmt"
	"iter"

	"ccsyncd/sync/contact"
)

// User is what the rows of one normalised address come to.
type User struct {
	Norm   []byte
	First  Record         // of the first row; its slices are valid until the next user
	Skip   contact.Reason // "" for a usable one
	Detail string
	rest   []Record // further rows of the address, when skip applies to each; at most MaxListed
	More   int      // such rows beyond
	buf    []byte
}

// Each yields the users ascending by normalised address. A user is valid until the next one.
func (u *Users) Each() iter.Seq2[*User, error] {
	return func(yield func(*User, error) bool) {
		current := &User{}
		for norm, value := range u.rows.Sorted() {
			if current.Norm != nil && bytes.Equal(norm, current.Norm) {
				current.join(value)
				continue
			}
			if current.Norm != nil && !yield(current, nil) {
				return
			}
			current.begin(norm, value)
		}
		if err := u.rows.Err(); err != nil {
			yield(nil, fmt.Errorf("sort the users: %w", err))
			return
		}
		if current.Norm != nil {
			yield(current, nil)
		}
	}
}

func (u *User) begin(norm, value []byte) {
	u.Norm = append(u.Norm[:0], norm...)
	u.buf = append(u.buf[:0], value...)
	u.Skip, u.Detail, u.rest, u.More = "", "", u.rest[:0], 0
	u.First.Parse(u.buf)
	u.First.addressed(u.Norm)
	if u.First.Kind == Unusable {
		u.Skip, u.Detail = contact.Reason(u.First.reason), string(u.First.Detail)
	}
}

// join takes a further record of the same address: a second row, or a mark.
func (u *User) join(value []byte) {
	var next Record
	next.Parse(value)
	if next.Kind == duplicate {
		if u.Skip == "" {
			u.Skip, u.Detail = contact.DuplicateValue, string(next.Detail)
		}
		return
	}
	if len(u.rest) == MaxListed {
		u.More++
	} else {
		var kept Record
		kept.Parse(bytes.Clone(value))
		kept.addressed(u.Norm)
		u.rest = append(u.rest, kept)
	}
	if !next.alike(&u.First) {
		u.Skip, u.Detail = contact.DuplicateEmail, "another row has this address with different values"
	}
}

// Skipped gives a skip for each row of a user that is not sent, but for those in More.
func (u *User) Skipped(yield func(Skipped)) {
	yield(Skipped{Key: string(u.First.Key), Email: string(u.First.Address), Reason: u.Skip, Detail: u.Detail})
	for _, r := range u.rest {
		yield(Skipped{Key: string(r.Key), Email: string(r.Address), Reason: u.Skip, Detail: u.Detail})
	}
}

// Fields gives the values of each row of a user, but for those in More.
func (u *User) Fields(yield func(fields []byte)) {
	yield(u.First.Fields)
	for i := range u.rest {
		yield(u.rest[i].Fields)
	}
}
