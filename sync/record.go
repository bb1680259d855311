package sync

import (
	"bytes"
	"encoding/binary"
)

// A record is a row of the source on its way through a spool, under the key of its normalised address.
type record struct {
	kind    recordKind
	key     []byte
	address []byte // of a row: left out where it is the norm
	reason  []byte // of a skipped one
	detail  []byte
	fields  []byte // canonical values joined by state.Separator
}

type recordKind byte

const (
	usable    recordKind = 'u'
	unusable  recordKind = 's' // reason and detail say why
	duplicate recordKind = 'd' // a mark: a unique value of this address stands in another row too
	orphaned  recordKind = 'o' // a contact that no row stands for
	newcomer  recordKind = 'n' // a usable row whose user is to be created
)

// append writes the record behind buf: the fields come last and as they are, so that comparing them needs no
// decoding.
func (r *record) append(buf []byte) []byte {
	buf = append(buf, byte(r.kind))
	for _, part := range [...][]byte{r.key, r.address, r.reason, r.detail} {
		buf = binary.AppendUvarint(buf, uint64(len(part)))
		buf = append(buf, part...)
	}
	return append(buf, r.fields...)
}

// parse reads what append wrote. The record refers to buf.
func (r *record) parse(buf []byte) {
	r.kind = recordKind(buf[0])
	buf = buf[1:]
	for _, part := range [...]*[]byte{&r.key, &r.address, &r.reason, &r.detail} {
		n, width := binary.Uvarint(buf)
		*part = buf[width : width+int(n)]
		buf = buf[width+int(n):]
	}
	r.fields = buf
}

// addressed gives a record its address where that was left out, being the norm.
func (r *record) addressed(norm []byte) {
	if len(r.address) == 0 {
		r.address = norm
	}
}

// alike tells whether two rows come to the same: the values of both, or what is wrong with both.
func (r *record) alike(other *record) bool {
	return r.kind == other.kind && bytes.Equal(r.fields, other.fields) && bytes.Equal(r.reason, other.reason) && bytes.Equal(r.detail, other.detail)
}
