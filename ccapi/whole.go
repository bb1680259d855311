package ccapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// everything is each subresource that GET /contacts/{contact_id} can include.
const everything = "custom_fields,list_memberships,phone_numbers,street_addresses,taggings,notes"

// Whole is everything that the API returns for a contact, except times and update_source. Its keys
// are paths, such as "email_address.permission_to_send". Custom fields have the key
// "custom_fields." and their id. Lists have "list_memberships." and their id, and tags have
// "taggings." and theirs.
type Whole map[string]string

// Whole reads a contact with every subresource. If no contact has this id, the error is
// [ErrNotFound].
func (r *Reader) Whole(ctx context.Context, id string) (Contact, Whole, error) {
	doc := new(wholeDoc)
	if err := r.read(ctx, "read contact", doc, url.Values{"include": {everything}}, "contacts", id); err != nil {
		return Contact{}, nil, err
	}
	whole := make(Whole)
	for name, value := range doc.members {
		whole.add(name, value)
	}
	return doc.public(), whole, nil
}

// wholeDoc is a contact on the wire, and every member of it.
type wholeDoc struct {
	contactDoc
	members map[string]any
}

// UnmarshalJSON reads the contact twice: as what it is known to be, and as whatever it has.
func (d *wholeDoc) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &d.contactDoc); err != nil {
		return err
	}
	return json.Unmarshal(text, &d.members)
}

// add adds a member and what is below it.
func (w Whole) add(path string, value any) {
	name := path[strings.LastIndexByte(path, '.')+1:]
	if strings.HasSuffix(name, "_at") || strings.HasSuffix(name, "_date") || name == "update_source" {
		return
	}
	switch v := value.(type) {
	case nil:
	case map[string]any:
		for member, below := range v {
			w.add(path+"."+member, below)
		}
	case []any:
		for _, element := range v {
			w.addElement(path, element)
		}
	default:
		if text := fmt.Sprint(v); text != "" {
			w[path] = text
		}
	}
}

// addElement adds an element of a list. Their order says nothing.
func (w Whole) addElement(path string, element any) {
	members, ok := element.(map[string]any)
	if !ok {
		w[path+"."+fmt.Sprint(element)] = "yes"
		return
	}
	if id, ok := members["custom_field_id"].(string); ok && path == "custom_fields" {
		w[path+"."+id] = fieldText(members)
		return
	}
	members = withoutTimes(members)
	text, _ := json.Marshal(members) // of decoded JSON: no error; keys in order
	w[path+"."+string(text)] = "yes"
}

func fieldText(members map[string]any) string {
	if value, ok := members["value"]; ok && value != nil && fmt.Sprint(value) != "" {
		return fmt.Sprint(value)
	}
	choices, _ := json.Marshal(members["choice_ids"])
	return string(choices)
}

func withoutTimes(members map[string]any) map[string]any {
	kept := make(map[string]any, len(members))
	for name, value := range members {
		if !strings.HasSuffix(name, "_at") && !strings.HasSuffix(name, "_date") && name != "update_source" {
			kept[name] = value
		}
	}
	return kept
}

// Difference is one path whose value has changed. "" means that there is no value.
type Difference struct{ Path, Before, After string }

// Differences returns the paths at which two readings of a contact differ, in order.
func (w Whole) Differences(after Whole) []Difference {
	var all []Difference
	for path, before := range w {
		if now := after[path]; now != before {
			all = append(all, Difference{path, before, now})
		}
	}
	for path, now := range after {
		if _, was := w[path]; !was {
			all = append(all, Difference{Path: path, After: now})
		}
	}
	slices.SortFunc(all, func(x, y Difference) int { return strings.Compare(x.Path, y.Path) })
	return all
}
