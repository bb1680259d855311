package users

import (
	"bytes"
	"encoding/binary"
)

// A record is a row of the source on its way through a spool, under the key of its normalised
// address.
type Record struct {
	Kind    Kind
	Key     []byte
	Address []byte // of a row: left out where it is the norm
	reason  []byte // of a skipped one
	Detail  []byte
	Fields  []byte // canonical values joined by state.Separator
}

type Kind byte

const (
	Usable    Kind = 'u'
	Unusable  Kind = 's' // reason and detail say why
	duplicate Kind = 'd' // a mark: a unique value of this address stands in another row too
	Orphaned  Kind = 'o' // a contact that no row stands for
	Newcomer  Kind = 'n' // a usable row whose user is to be created
)

// Append writes the record behind buf: the fields come last and as they are, so that comparing them
// needs no decoding.
func (r *Record) Append(buf []byte) []byte {
	buf = append(buf, byte(r.Kind))
	for _, part := range [...][]byte{r.Key, r.Address, r.reason, r.Detail} {
		buf = binary.AppendUvarint(buf, uint64(len(part)))
		buf = append(buf, part...)
	}
	return append(buf, r.Fields...)
}

// Parse reads what append wrote. The record refers to buf.
func (r *Record) Parse(buf []byte) {
	r.Kind = Kind(buf[0])
	buf = buf[1:]
	for _, part := range [...]*[]byte{&r.Key, &r.Address, &r.reason, &r.Detail} {
		n, width := binary.Uvarint(buf)
		*part = buf[width : width+int(n)]
		buf = buf[width+int(n):]
	}
	r.Fields = buf
}

// addressed gives a record its address where that was left out, being the norm.
func (r *Record) addressed(norm []byte) {
	if len(r.Address) == 0 {
		r.Address = norm
	}
}

// alike tells whether two rows come to the same: the values of both, or what is wrong with both.
func (r *Record) alike(other *Record) bool {
	return r.Kind == other.Kind && bytes.Equal(r.Fields, other.Fields) && bytes.Equal(r.reason, other.reason) && bytes.Equal(r.Detail, other.Detail)
}
