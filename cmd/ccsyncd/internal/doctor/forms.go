package doctor

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// What an account's answers look like, told without anything that is a person's: forms, words of
// the API, numbers.

func keys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

func member(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}

func textOf(v any, name string) string {
	s, _ := member(v, name).(string)
	return s
}

func intOf(v any, name string) (int, bool) {
	n, ok := member(v, name).(json.Number)
	i, err := n.Int64()
	return int(i), ok && err == nil
}

// elements are those of the pages of a collection.
func elements(pages []*seen, name string) []any {
	var all []any
	for _, p := range pages {
		some, _ := member(p.json(), name).([]any)
		all = append(all, some...)
	}
	return all
}

// under are the members of this name.
func under(all []any, name string) []any {
	var found []any
	for _, v := range all {
		if m := member(v, name); m != nil {
			found = append(found, m)
		}
	}
	return found
}

// tallied writes counts, the greatest first.
func tallied(tally map[string]int) string {
	var parts []string
	for _, name := range slices.SortedFunc(maps.Keys(tally), func(x, y string) int { return cmp.Or(cmp.Compare(tally[y], tally[x]), cmp.Compare(x, y)) }) {
		parts = append(parts, fmt.Sprintf("%d %s", tally[name], name))
	}
	return strings.Join(parts, ", ")
}

// keyWord is what a member of the API is called. Other names could be somebody's.
var keyWord = regexp.MustCompile(`^[a-z_]{1,40}$`)

// keysOf are the names of the members, each with how many elements have it where not all do.
func keysOf(all []any) string {
	tally := make(map[string]int)
	for _, v := range all {
		m, _ := v.(map[string]any)
		for name := range m {
			if !keyWord.MatchString(name) {
				name = "(another name)"
			}
			tally[name]++
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(tally)) {
		if tally[name] < len(all) {
			name += fmt.Sprintf(" (%d of %d)", tally[name], len(all))
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, ", ")
}

// words counts the values of a member that has words of the API.
func words(all []any, name string) string {
	tally := make(map[string]int)
	for _, v := range all {
		word := textOf(v, name)
		if !keyWord.MatchString(word) {
			word = "(none, or no word)"
		}
		tally[word]++
	}
	return tallied(tally)
}

func numbers(all []any) string {
	var parts []string
	for _, v := range all {
		m, _ := v.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if n, ok := intOf(v, name); ok && keyWord.MatchString(name) {
				parts = append(parts, fmt.Sprintf("%s %d", name, n))
			}
		}
	}
	return strings.Join(parts, ", ")
}

var digit = regexp.MustCompile(`[0-9]`)

// dateForms counts the forms of dates by member, the digits as 9.
func dateForms(all []any) string {
	tally := make(map[string]int)
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		m, _ := v.(map[string]any)
		for name, value := range m {
			if text, ok := value.(string); ok && strings.HasSuffix(name, "_at") && len(text) < 40 {
				tally[prefix+name+" "+digit.ReplaceAllString(text, "9")]++
			}
			if name == "email_address" {
				walk(name+".", value)
			}
		}
	}
	for _, v := range all {
		walk("", v)
	}
	return tallied(tally)
}

func privileges(bodies []any) string {
	if len(bodies) == 0 {
		return ""
	}
	all, _ := bodies[0].([]any)
	var found []string
	for _, v := range all {
		if name := textOf(v, "privilege_name"); slices.Contains([]string{"contacts:read", "contacts:write", "contacts:lists:read", "account:read"}, name) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return fmt.Sprintf("%d, among them %s", len(all), strings.Join(found, ", "))
}

func fieldTypes(bodies []any) string {
	tally := make(map[string]int)
	for _, f := range pagedElements(bodies, "custom_fields") {
		kind := textOf(f, "type")
		if v, ok := intOf(f, "version"); ok {
			kind += fmt.Sprintf(" (version %d)", v)
		}
		tally[kind]++
	}
	return cmp.Or(tallied(tally), "none")
}

// fieldNames tells how the names of fields come from their labels.
func fieldNames(bodies []any) string {
	tally := make(map[string]int)
	for _, f := range pagedElements(bodies, "custom_fields") {
		underscored := strings.ReplaceAll(textOf(f, "label"), " ", "_")
		switch name := textOf(f, "name"); {
		case name == strings.ToLower(underscored):
			tally["like the label, in lower case"]++
		case name == underscored:
			tally["like the label, with its capitals"]++
		default:
			tally["otherwise"]++
		}
	}
	return tallied(tally)
}

func pagedElements(bodies []any, name string) (all []any) {
	for _, b := range bodies {
		some, _ := member(b, name).([]any)
		all = append(all, some...)
	}
	return all
}

func listsFound(bodies []any) string {
	var ids []string
	all := pagedElements(bodies, "lists")
	for _, l := range all {
		ids = append(ids, textOf(l, "list_id"))
	}
	return fmt.Sprintf("%d, ordered by list_id: %v, members %s", len(all), slices.IsSorted(ids), keysOf(all))
}

// pagesFound tells how many contacts some pages have, beside what the account counts.
func pagesFound(pages []*seen) string {
	if len(pages) == 0 {
		return ""
	}
	var sizes []string
	ids := make(map[string]bool)
	shown := 0
	for _, p := range pages {
		all := elements([]*seen{p}, "contacts")
		sizes = append(sizes, fmt.Sprint(len(all)))
		for _, c := range all {
			ids[textOf(c, "contact_id")] = true
		}
		shown += len(all)
	}
	count := "no contacts_count"
	if n, ok := intOf(pages[0].json(), "contacts_count"); ok {
		count = fmt.Sprintf("contacts_count %d", n)
	}
	text := fmt.Sprintf("%s, pages of %s, %d different of %d shown", count, strings.Join(sizes, "+"), len(ids), shown)
	if next(pages[len(pages)-1]) != "" {
		text += ", more follow"
	}
	return text
}

func next(p *seen) string { return textOf(member(member(p.json(), "_links"), "next"), "href") }

// orderFound tells by what the contacts ascend or descend.
func orderFound(pages []*seen) string {
	all := elements(pages, "contacts")
	if len(all) < 3 {
		return "too few to tell"
	}
	var found []string
	for name, of := range map[string]func(any) string{
		"contact_id": func(c any) string { return textOf(c, "contact_id") }, "created_at": func(c any) string { return textOf(c, "created_at") },
		"updated_at": func(c any) string { return textOf(c, "updated_at") },
		"address":    func(c any) string { return strings.ToLower(textOf(member(c, "email_address"), "address")) },
	} {
		values := make([]string, len(all))
		for i := range all {
			values[i] = of(all[i])
		}
		if slices.IsSorted(values) {
			found = append(found, name+" ascends")
		} else if slices.Reverse(values); slices.IsSorted(values) {
			found = append(found, name+" descends")
		}
	}
	slices.Sort(found)
	return cmp.Or(strings.Join(found, ", "), "neither id, time nor address ascends or descends")
}

// sameAgain compares the first page with itself, read again.
func sameAgain(pages []*seen) string {
	if len(pages) < 2 {
		return ""
	}
	ids := func(p *seen) (all []string) {
		for _, c := range elements([]*seen{p}, "contacts") {
			all = append(all, textOf(c, "contact_id"))
		}
		return all
	}
	first, again := ids(pages[0]), ids(pages[len(pages)-1])
	switch {
	case slices.Equal(first, again):
		return "the same in the same order"
	case slices.Equal(slices.Sorted(slices.Values(first)), slices.Sorted(slices.Values(again))):
		return "the same in another order"
	}
	return "others"
}

// nextLinks are the forms of the links to next pages.
func nextLinks(pages []*seen) string {
	tally := make(map[string]int)
	for _, p := range pages {
		if href := next(p); href != "" {
			tally[linkForm(href)]++
		}
	}
	return cmp.Or(tallied(tally), "none")
}

var idForm = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// linkForm is a link without what is particular in it: ids, hosts, and of a cursor that is base64
// all but the names and the kind of values.
func linkForm(href string) string {
	u, err := url.Parse(href)
	if err != nil {
		return "no URL"
	}
	form := idForm.ReplaceAllString(u.Path, "ID")
	if u.Host != "" {
		form = "HOST" + form
	}
	for i, name := range slices.Sorted(maps.Keys(u.Query())) {
		value := u.Query().Get(name)
		if plain, err := base64.StdEncoding.DecodeString(value); name == "cursor" && err == nil {
			value = "base64(" + digit.ReplaceAllString(idForm.ReplaceAllString(string(plain), "ID"), "9") + ")"
			if !regexp.MustCompile(`^base64\([a-zA-Z0-9_=&,.-]*\)$`).MatchString(value) {
				value = "base64"
			}
		} else {
			value = "…"
		}
		form += map[bool]string{true: "?", false: "&"}[i == 0] + name + "=" + value
	}
	return form
}

// statusForms are the members of the activities' status, by state.
func statusForms(all []any) string {
	tally := make(map[string]int)
	for _, a := range all {
		form := "no status"
		if s := member(a, "status"); s != nil {
			form = keysOf([]any{s})
		}
		tally[textOf(a, "state")+" with "+form]++
	}
	return tallied(tally)
}

func selfLinks(all []any) string {
	tally := make(map[string]int)
	for _, a := range all {
		href := textOf(member(member(a, "_links"), "self"), "href")
		of := "of another activity"
		if strings.Contains(href, textOf(a, "activity_id")) {
			of = "of this one"
		}
		tally[linkForm(href)+" "+of]++
	}
	return tallied(tally)
}

func errorsFound(all []any) string {
	tally := make(map[string]int)
	for _, a := range all {
		some, _ := member(a, "activity_errors").([]any)
		switch {
		case member(a, "activity_errors") == nil:
			tally["without activity_errors"]++
		case len(some) == 0:
			tally["with []"]++
		default:
			tally["with errors"]++
		}
	}
	return tallied(tally)
}

// timesTaken are the times of ended activities from created to completed, by their items.
func timesTaken(all []any) string {
	var parts []string
	for _, a := range all {
		from, err1 := time.Parse(time.RFC3339, textOf(a, "created_at"))
		to, err2 := time.Parse(time.RFC3339, textOf(a, "completed_at"))
		items, ok := intOf(member(a, "status"), "items_total_count")
		if err1 == nil && err2 == nil && ok && len(parts) < 20 {
			parts = append(parts, fmt.Sprintf("%d items in %s", items, to.Sub(from)))
		}
	}
	return strings.Join(parts, ", ")
}
