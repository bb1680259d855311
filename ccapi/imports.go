package ccapi

// Caps of one import. Of a body over 4 MB the server drops the rest without an error, and the
// vendor's overview gives 40,000 lines with a header, so one contact less.
const (
	MaxImportBytes    = 3_999_999
	MaxImportContacts = 39_999

	// maxImportLists is the most lists that an import can name.
	maxImportLists = 50
)

// importTail closes a body.
const importTail = "]}"

// ImportBody is the body of POST /activities/contacts_json_import. It is built row by row in one
// buffer, which it keeps for the next body. Its size is exact: a contact that would exceed a cap is
// refused, and nothing is cut. Call Reset before the first Add. It is not safe for concurrent use.
type ImportBody struct {
	buf   []byte   // the head and the contacts so far, without the tail
	keys  [][]byte // one a field: ,"cf:short_code":
	lists int
	n     int
}

// Reset starts a new body. lists are the ids of 1 to 50 lists that every contact of the body joins.
// fields are the JSON members for the values of Add, in their order: "cf:" and the name of a custom
// field, or a property such as "first_name".
func (b *ImportBody) Reset(lists, fields []string) {
	b.n, b.lists = 0, len(lists)
	b.buf = append(b.buf[:0], `{"list_ids":[`...)
	for i, id := range lists {
		if i > 0 {
			b.buf = append(b.buf, ',')
		}
		b.buf = appendString(b.buf, id)
	}
	b.buf = append(b.buf, `],"import_data":[`...)
	b.keys = b.keys[:0]
	for _, f := range fields {
		b.keys = append(b.keys, append(appendString([]byte{','}, f), ':'))
	}
}

// Add adds a contact: its address and one value for each field. "" omits a field. If the contact
// would exceed a cap, Add returns false and changes nothing. A contact that an empty body refuses
// fits into no body.
func (b *ImportBody) Add(address string, values []string) bool {
	if b.n == MaxImportContacts {
		return false
	}
	buf := b.buf
	if b.n > 0 {
		buf = append(buf, ',')
	}
	buf = appendString(append(buf, `{"email":`...), address)
	for i, v := range values {
		if v != "" {
			buf = appendString(append(buf, b.keys[i]...), v)
		}
	}
	buf = append(buf, '}')
	if len(buf)+len(importTail) > MaxImportBytes {
		return false
	}
	b.buf = buf
	b.n++
	return true
}

// Len returns the number of contacts.
func (b *ImportBody) Len() int { return b.n }

// Bytes returns the whole body as JSON. It is valid until the next Add or Reset.
func (b *ImportBody) Bytes() []byte {
	whole := append(b.buf, importTail...)
	b.buf = whole[:len(b.buf)]
	return whole
}
