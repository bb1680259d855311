package ccapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// maxFieldsWritten is the most custom fields that a contact may be given.
const maxFieldsWritten = 25

// Edit is a new value for one custom field or one property of a contact.
type Edit struct {
	CustomField string // id of the custom field, or "" ...
	Property    string // ... and first_name, last_name, job_title or company_name
	Value       string // "" removes what is there
}

// Replace reads the contact, asks still whether it may be changed, and writes it back with the
// edits. It writes only the contact's own properties and custom fields, so permission, lists and
// all other subresources stay as they are. If still returns an error, or the edits change nothing,
// nothing is written.
//
// A PUT may be repeated. If it fails or its answer is lost, Replace starts again with the reading
// and asks still again. If the contact is deleted, the error is [ErrDeleted], because writing would
// restore it. A contact with more than 25 custom fields is an error, because writing it would lose
// some.
//
// A contact can show values of custom fields that were just deleted, and the server refuses a PUT
// with them. Replace then leaves them out. The returned contact is the server's answer, maybe
// without subresources.
func (w *Writer) Replace(ctx context.Context, id string, edits []Edit, still func(Contact) error) (Contact, error) {
	is, err := w.replace(ctx, id, edits, still, nil)
	if !errors.Is(err, ErrBadRequest) || errors.Is(err, ErrUnknownOutcome) {
		return is, err
	}
	gone, other := w.r.goneFields(ctx, is.CustomFields)
	if other != nil || len(gone) == 0 {
		return is, err
	}
	return w.replace(ctx, id, edits, still, gone)
}

// goneFields are the ids of those custom fields that the account does not have any more.
func (r *Reader) goneFields(ctx context.Context, of []CustomFieldValue) (map[string]bool, error) {
	if len(of) == 0 {
		return nil, nil
	}
	there, err := r.CustomFields(ctx)
	if err != nil {
		return nil, err
	}
	gone := make(map[string]bool)
	for _, f := range of {
		if !slices.ContainsFunc(there, func(has CustomField) bool { return has.ID == f.ID }) {
			gone[f.ID] = true
		}
	}
	return gone, nil
}

// replace is Replace without the values of custom fields that are gone.
func (w *Writer) replace(ctx context.Context, id string, edits []Edit, still func(Contact) error, gone map[string]bool) (Contact, error) {
	const op = "replace contact"
	var result Contact
	unclear := false
	err := w.r.retry(ctx, op, func() *failure {
		put, err := w.r.prepare(ctx, id, edits, still, gone, &result)
		if err != nil || put == nil {
			return failed(err)
		}
		answer := new(contactDoc)
		put.out = answer
		f := w.r.once(ctx, put)
		if f == nil {
			result = answer.public()
			return nil
		}
		unclear = unclear || !f.clean
		return f
	})
	if err != nil && unclear {
		err = fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	return result, err
}

// prepare reads the contact into current and makes the PUT; nil where nothing is to be changed.
func (r *Reader) prepare(ctx context.Context, id string, edits []Edit, still func(Contact) error, gone map[string]bool, current *Contact) (*call, error) {
	const op = "replace contact"
	doc, err := r.contact(ctx, id)
	if err != nil {
		return nil, err
	}
	*current = doc.public()
	if err := still(*current); err != nil {
		return nil, opError(op, err)
	}
	if current.Deleted {
		return nil, opError(op, ErrDeleted)
	}
	doc.CustomFields = slices.DeleteFunc(doc.CustomFields, func(f contactFieldDoc) bool { return gone[f.ID] })
	changed, err := doc.apply(edits)
	if err != nil || !changed {
		return nil, err
	}
	body, err := json.Marshal(doc.put())
	if err != nil {
		return nil, opError(op, err)
	}
	u, err := r.endpoint(url.Values{}, "contacts", id)
	return &call{op: op, method: http.MethodPut, url: u, body: body}, err
}

// failed is the failure of what cannot be cured by trying again; nil for none.
func failed(err error) *failure {
	if err == nil {
		return nil
	}
	return &failure{err: err, clean: true}
}

// apply makes the edits and tells whether they changed anything.
func (d *contactDoc) apply(edits []Edit) (changed bool, err error) {
	for _, e := range edits {
		var did bool
		if e.CustomField != "" {
			did, err = d.setCustomField(e.CustomField, e.Value)
		} else {
			did, err = d.setProperty(e.Property, e.Value)
		}
		if err != nil {
			return false, opError("replace contact", err)
		}
		changed = changed || did
	}
	if len(d.CustomFields) > maxFieldsWritten {
		return false, fmt.Errorf("replace contact: it has %d custom fields, but only %d can be written back", len(d.CustomFields), maxFieldsWritten)
	}
	return changed, nil
}

// setProperty gives a property a value.
func (d *contactDoc) setProperty(name, value string) (changed bool, err error) {
	properties := map[string]*string{
		"first_name":   &d.FirstName,
		"last_name":    &d.LastName,
		"job_title":    &d.JobTitle,
		"company_name": &d.CompanyName,
	}
	p, ok := properties[name]
	if !ok {
		return false, fmt.Errorf("%q is not a property that can be written", name)
	}
	changed = *p != value
	*p = value
	return changed, nil
}

// setCustomField gives a custom field a value, or takes it out.
func (d *contactDoc) setCustomField(id, value string) (changed bool, err error) {
	for i, f := range d.CustomFields {
		switch {
		case f.ID != id:
			continue
		case value == "":
			d.CustomFields = append(d.CustomFields[:i], d.CustomFields[i+1:]...)
			return true, nil
		case string(f.Value) == value:
			return false, nil
		}
		d.CustomFields[i] = contactFieldDoc{ID: id, Value: text(value)}
		return true, nil
	}
	if value == "" {
		return false, nil
	}
	if d.CustomFields == nil {
		return false, errors.New("the server's answer lacks the contact's custom fields")
	}
	d.CustomFields = append(d.CustomFields, contactFieldDoc{ID: id, Value: text(value)})
	return true, nil
}
