package config

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"ccsyncd/internal/kit"
)

// Most custom fields and lists that one import may carry (API operation postContactsJsonImport).
const (
	mostCustomFields = 25
	mostLists        = 50
)

// check looks at what single keys cannot tell.
func (r *reader) check() {
	r.checkSource()
	r.checkFields()
	r.checkContacts()
	r.checkSchedule()
	r.checkLimits()
	r.require("auth", "client_id", `set it to the API key of your application, such as "env:CC_CLIENT_ID"`)
	r.checkListener()
	if len(r.cfg.Auth.Scopes) == 0 && !r.wrong("auth.scopes") {
		r.blame("auth", "scopes", "[auth] scopes must name at least one scope, such as contact_data")
	}
}

func (r *reader) checkSource() {
	r.require("source", "dsn", `set it to the address of your app's database, such as "env:DATABASE_URL"`)
	r.require("source", "email", "set it to the column with the email address")
	table, query := r.has("source.table"), r.has("source.query")
	switch {
	case table && query:
		r.blame("source", "query", "[source] takes either table or query, not both")
	case !table && !query:
		r.blame("source", "table", "[source] needs table or query")
	case query && r.cfg.Source.Where != "":
		r.blame("source", "where", "[source] where works only with table; put the condition into query")
	}
}

func (r *reader) checkFields() {
	if len(r.cfg.Fields) == 0 && !r.wrong(fieldSection) {
		r.blame(fieldSection, "", "no [[field]] is set; map at least one column")
	}
	targets := map[string]int{}
	custom := 0
	for i := range r.cfg.Fields {
		r.checkField(i, targets)
		if r.cfg.Fields[i].CustomField != "" {
			custom++
		}
	}
	if custom > mostCustomFields {
		r.blame(fieldSection, "", fmt.Sprintf("%d custom fields are mapped, but a contact takes at most %d", custom,
			mostCustomFields))
	}
}

// checkField judges one field. targets holds the line of each target so far, by its name.
func (r *reader) checkField(i int, targets map[string]int) {
	f, line := r.cfg.Fields[i], r.doc.fields[i]
	say := func(key, text string) {
		r.mistakes = append(r.mistakes, Mistake{Line: line, Key: joinKey(fieldSection, key), Text: text})
	}
	custom, property := r.hasInField(i, "custom_field"), r.hasInField(i, "property")
	if !r.hasInField(i, "column") {
		say("column", "[[field]] column is missing; set it to the source column")
	}
	switch {
	case custom && property:
		say("property", "[[field]] takes either custom_field or property, not both")
	case !custom && !property:
		say("custom_field", "[[field]] needs custom_field or property as the target of the value")
	case property && f.Create:
		say("create", "[[field]] create works only with custom_field; every contact already has the properties")
	}
	for _, target := range []string{"custom field " + strings.ToLower(f.CustomField), "property " + f.Property} {
		if strings.HasSuffix(target, " ") {
			continue
		}
		if first := targets[target]; first != 0 {
			say("", fmt.Sprintf("[[field]] has the same target as the [[field]] in line %d: %s", first, target))
			continue
		}
		targets[target] = line
	}
}

func (r *reader) checkContacts() {
	c := r.cfg.Contacts
	if c.Create && len(c.Lists) == 0 && !r.wrong("contacts.lists") {
		r.blame("contacts", "create", "[contacts] create = true needs lists; a new contact must join at least one list")
	}
	if len(c.Lists) > mostLists {
		r.blame("contacts", "lists", fmt.Sprintf("[contacts] lists names %d lists, but an import takes at most %d",
			len(c.Lists), mostLists))
	}
}

func (r *reader) checkSchedule() {
	r.parseCron("schedule.cron", &r.cfg.Schedule.Cron)
	r.parseCron("schedule.full", &r.cfg.Schedule.Full)
}

func (r *reader) parseCron(id string, c *Cron) {
	if r.wrong(id) {
		return
	}
	parsed, err := ParseCron(c.Spec, r.cfg.Schedule.Timezone)
	if err != nil {
		s := r.seen[id] // the defaults parse, so that the file has the key
		r.complain(s, s.name()+" cannot be"+r.shown(s.value, " ")+": "+err.Error())
		return
	}
	*c = parsed
}

func (r *reader) checkLimits() {
	l := r.cfg.Limits
	if l.Reserve >= l.PerDay && !r.wrong("limits.reserve") && !r.wrong("limits.per_day") {
		r.blame("limits", "reserve", fmt.Sprintf("[limits] reserve = %d uses up all of per_day = %d", l.Reserve,
			l.PerDay))
	}
}

// shortestToken is how many characters [http] token has at least off loopback.
const shortestToken = 16

func (r *reader) checkListener() {
	h := r.cfg.HTTP
	host, _, err := net.SplitHostPort(h.Listen)
	switch {
	case err != nil, kit.IsLoopback(host), strings.HasPrefix(h.Listen, UnixSocket), r.wrong("http.token"):
		return
	case r.has("http.token") && len(h.Token.Reveal()) < shortestToken:
		r.blame("http", "token", fmt.Sprintf("[http] token needs at least %d characters, because other machines can reach the page "+
			"(`openssl rand -hex 16` creates one)", shortestToken))
		return
	case r.has("http.token"):
		return
	}
	r.blame("http", "listen", "[http] listen is open to other machines; set [http] token, "+
		`or listen on "127.0.0.1:8484"`)
}

// require notes a key that has no default and is missing.
func (r *reader) require(section, key, hint string) {
	if !r.has(joinKey(section, key)) {
		r.blame(section, key, fmt.Sprintf("%s %s is missing; %s", bracket(section), key, hint))
	}
}

// blame notes a mistake at the line of the key, else of its section.
func (r *reader) blame(section, key, text string) {
	line := r.doc.sections[section]
	if s, ok := r.seen[joinKey(section, key)]; ok {
		line = s.line
	}
	r.mistakes = append(r.mistakes, Mistake{Line: line, Key: joinKey(section, key), Text: text})
}

// has tells whether the file has the key, well or badly.
func (r *reader) has(id string) bool {
	_, ok := r.seen[id]
	return ok
}

func (r *reader) hasInField(i int, key string) bool {
	return slices.ContainsFunc(r.doc.settings, func(s setting) bool {
		return s.section == fieldSection && s.field == i && s.key == key
	})
}

// wrong tells whether a mistake was noted for the key, which silences what would only follow from
// it.
func (r *reader) wrong(id string) bool {
	return slices.ContainsFunc(r.mistakes, func(m Mistake) bool { return m.Key == id })
}
