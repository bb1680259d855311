package contact

import (
	"encoding/json"
	"slices"
	"strings"

	"ccsyncd/ccapi"
)

func selects(kind string) bool { return kind == kindSelect || kind == kindMulti }

// Unproven tells whether nobody has seen yet how Constant Contact takes values of custom fields of
// this type: whether an import names choices by their labels or by their ids.
func Unproven(kind string) bool { return selects(kind) }

// canonicalChoice writes a choice as the account does, whatever its case.
func canonicalChoice(choices []ccapi.Choice, value string) (form, fault string) {
	if len(choices) == 0 {
		return value, ""
	}
	if i := indexChoice(choices, value); i >= 0 {
		return choices[i].Label, ""
	}
	return "", "not one of the choices: " + labels(choices)
}

// canonicalChoices writes several choices in the order in which the account has them, or in that of
// the alphabet where it names none, so that their order is no change.
func canonicalChoices(choices []ccapi.Choice, value string) (form, fault string) {
	chosen := splitChoices(value)
	if len(choices) == 0 {
		form = inAlphabet(chosen)
		if inAlphabet(splitChoices(form)) != form { // brackets that do not match, say
			return "", "not a list of choices (want a,b)"
		}
		return form, ""
	}
	if i := indexChoice(choices, value); i >= 0 { // one choice with a comma in it
		return choices[i].Label, ""
	}
	places := make([]int, len(chosen))
	for n, label := range chosen {
		if places[n] = indexChoice(choices, label); places[n] < 0 {
			return "", "not among the choices: " + labels(choices)
		}
	}
	slices.Sort(places)
	places = slices.Compact(places)
	names := make([]string, len(places))
	for n, i := range places {
		names[n] = choices[i].Label
	}
	return strings.Join(names, ","), ""
}

// inAlphabet joins choices in the order of the alphabet, each once.
func inAlphabet(chosen []string) string {
	slices.Sort(chosen)
	return strings.Join(slices.Compact(chosen), ",")
}

// splitChoices reads a,b or a JSON array or PostgreSQL's {a,b}.
func splitChoices(value string) []string {
	var chosen []string
	if json.Unmarshal([]byte(value), &chosen) != nil {
		if strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") {
			value = value[1 : len(value)-1]
		}
		chosen = strings.Split(value, ",")
	}
	for i, c := range chosen {
		chosen[i] = strings.Trim(strings.TrimSpace(c), `"`)
	}
	return slices.DeleteFunc(chosen, func(c string) bool { return c == "" })
}

func indexChoice(choices []ccapi.Choice, label string) int {
	exact := func(c ccapi.Choice) bool { return c.Label == label }
	folded := func(c ccapi.Choice) bool { return strings.EqualFold(strings.TrimSpace(c.Label), label) }
	if i := slices.IndexFunc(choices, exact); i >= 0 {
		return i
	}
	return slices.IndexFunc(choices, folded)
}

// labels lists the first choices for people.
func labels(choices []ccapi.Choice) string {
	const most = 5
	var names []string
	for _, c := range choices[:min(most, len(choices))] {
		names = append(names, c.Label)
	}
	if len(choices) > most {
		names = append(names, "...")
	}
	return strings.Join(names, ", ")
}

// chosen is the value of a contact in a select field that names its choices by id alone. Ids are
// numbers here and there, and texts with zeros in front elsewhere (CustomFieldChoice,
// ContactCustomField).
func (t *Target) chosen(ids []string) string {
	var names []string
	for _, c := range t.choices {
		if slices.ContainsFunc(ids, func(id string) bool { return strings.TrimLeft(id, "0") == strings.TrimLeft(c.ID, "0") }) {
			names = append(names, c.Label)
		}
	}
	return strings.Join(names, ",")
}
