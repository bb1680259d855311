package ccapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// Writer makes the calls that change something. It shares the budget, the count and the tokens of
// its Reader, and is safe for concurrent use.
//
// If a request may have been carried out, its methods return [ErrUnknownOutcome] and do not send it
// again.
type Writer struct{ r *Reader }

// NewWriter returns a Writer that sends through r.
func NewWriter(r *Reader) *Writer { return &Writer{r} }

// CreateCustomField adds a custom field with a label of up to 50 characters. If the label is taken,
// the error is [ErrConflict]. The server derives the field's Name from the label.
func (w *Writer) CreateCustomField(ctx context.Context, label, typ string) (CustomField, error) {
	const op = "create custom field"
	body, err := json.Marshal(struct {
		Label string `json:"label"`
		Type  string `json:"type"`
	}{label, typ})
	if err != nil {
		return CustomField{}, opError(op, err)
	}
	doc := new(customFieldDoc)
	if err := w.post(ctx, &call{op: op, body: body, out: doc}, "contact_custom_fields"); err != nil {
		return CustomField{}, err
	}
	return doc.public(), nil
}

// Import queues an import of the contacts in b. Each of them joins the lists of b. The returned
// activity has only started: poll it, then read the contacts back.
func (w *Writer) Import(ctx context.Context, b *ImportBody) (Activity, error) {
	const op = "import contacts"
	if err := b.check(); err != nil {
		return Activity{}, opError(op, err)
	}
	doc := new(activityDoc)
	// net/http may still read a body after it has answered, and the caller reuses b.
	c := &call{op: op, body: bytes.Clone(b.Bytes()), out: doc, timeout: importTimeout}
	if err := w.post(ctx, c, "activities", "contacts_json_import"); err != nil {
		return Activity{}, err
	}
	return doc.public(), nil
}

// Export queues an export of all contacts with all their fields. When the activity is completed,
// [Reader.ExportFile] reads its Results.
func (w *Writer) Export(ctx context.Context) (Activity, error) {
	doc := new(activityDoc)
	c := &call{op: "export contacts", body: []byte("{}"), out: doc}
	if err := w.post(ctx, c, "activities", "contact_exports"); err != nil {
		return Activity{}, err
	}
	return doc.public(), nil
}

// post makes a call that must not be made twice.
func (w *Writer) post(ctx context.Context, c *call, segments ...string) error {
	u, err := w.r.endpoint(url.Values{}, segments...)
	if err != nil {
		return opError(c.op, err)
	}
	c.method, c.url, c.unsafe = http.MethodPost, u, true
	return w.r.do(ctx, c)
}

// check refuses bodies that the server would refuse or take only in part.
func (b *ImportBody) check() error {
	switch {
	case b.Len() == 0:
		return errors.New("no contacts to import")
	case b.lists < 1 || b.lists > maxImportLists:
		return errors.New("an import names 1 to 50 lists")
	}
	return nil
}
