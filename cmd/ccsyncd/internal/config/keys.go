package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"ccsyncd/internal/kit"
)

const fieldSection = "field"

// keys are the keys of one section and what each of them takes.
type keys map[string]setter

// sections lists every key that the file may hold. Setters write into c; those of [[field]] into f.
func sections(c *Config, f *Field) map[string]keys {
	return map[string]keys{
		"source": {
			"dsn":     secret(&c.Source.DSN, filled),
			"driver":  word(&c.Source.Driver, "sqlite", "postgres", "mysql"),
			"table":   text(&c.Source.Table, filled),
			"where":   text(&c.Source.Where, anything),
			"query":   text(&c.Source.Query, filled),
			"email":   text(&c.Source.Email, filled),
			"key":     text(&c.Source.Key, anything),
			"timeout": duration(&c.Source.Timeout, 1),
		},
		fieldSection: {
			"column":       text(&f.Column, filled),
			"custom_field": text(&f.CustomField, label),
			"property":     word(&f.Property, Properties()...),
			"create":       boolean(&f.Create),
			"unique":       boolean(&f.Unique),
			"required":     boolean(&f.Required),
			"on_empty":     word(&f.OnEmpty, Keep, Clear),
		},
		"contacts": {
			"lists":        texts(&c.Contacts.Lists, filled),
			"create":       boolean(&c.Contacts.Create),
			"unsubscribed": word(&c.Contacts.Unsubscribed, Skip, Update),
			"orphans":      word(&c.Contacts.Orphans, Keep, Clear),
		},
		"guard": {
			"max_change_percent": integer(&c.Guard.MaxChangePercent, 0, 100),
			"exempt_below":       integer(&c.Guard.ExemptBelow, 0, noLimit),
			"max_clears":         integer(&c.Guard.MaxClears, 0, noLimit),
			"max_creates":        integer(&c.Guard.MaxCreates, 0, noLimit),
			"max_joins":          integer(&c.Guard.MaxJoins, 0, noLimit),
			"min_source_rows":    integer(&c.Guard.MinSourceRows, 0, noLimit),
			"max_shrink_percent": integer(&c.Guard.MaxShrinkPercent, 0, 100),
			"canary":             integer(&c.Guard.Canary, 0, 1000),
		},
		"schedule": {
			"cron":         text(&c.Schedule.Cron.Spec, anything),
			"timezone":     zone(&c.Schedule.Timezone),
			"full":         text(&c.Schedule.Full.Spec, anything),
			"drift":        duration(&c.Schedule.Drift, 0),
			"run_on_start": boolean(&c.Schedule.RunOnStart),
		},
		"limits": {
			"per_second":       integer(&c.Limits.PerSecond, 1, 1000),
			"per_day":          integer(&c.Limits.PerDay, 1, noLimit),
			"reserve":          integer(&c.Limits.Reserve, 0, noLimit),
			"activity_timeout": duration(&c.Limits.ActivityTimeout, 1),
		},
		"auth": {
			"client_id": text(&c.Auth.ClientID, oneWord),
			"scopes":    texts(&c.Auth.Scopes, oneWord),
		},
		"endpoints": {
			"api":  base(&c.Endpoints.API),
			"auth": base(&c.Endpoints.Auth),
		},
		"state": {
			"path": text(&c.State.Path, filled),
			"key":  secret(&c.State.Key, stateKey),
			"keep": duration(&c.State.Keep, 1),
		},
		"http": {
			"listen": text(&c.HTTP.Listen, listenAddress),
			"token":  secret(&c.HTTP.Token, oneWord),
			"hosts":  texts(&c.HTTP.Hosts, hostName),
		},
		"notify": {
			"webhook":   secret(&c.Notify.Webhook, webAddress),
			"format":    word(&c.Notify.Format, FormatJSON, FormatSlack),
			"heartbeat": secret(&c.Notify.Heartbeat, webAddress),
		},
		"log": {
			"level":  level(&c.Log.Level),
			"format": word(&c.Log.Format, FormatAuto, FormatText, FormatJSON),
		},
	}
}

// known holds the names alone: every section with its keys, sorted.
var known = func() map[string][]string {
	names := map[string][]string{}
	for section, keys := range sections(&Config{}, &Field{}) {
		names[section] = slices.Sorted(maps.Keys(keys))
	}
	return names
}()

func isSection(name string) bool { return known[name] != nil }

// unknownKey words the mistake: what is unknown, and what was most likely meant.
func unknownKey(s setting) Mistake {
	m := Mistake{Line: s.line, Key: joinKey(s.section, s.key)}
	switch {
	case s.section == "" && s.value.kind == unstable.Table:
		m.Text = unknownText(s.key, "", slices.Sorted(maps.Keys(known)), "")
	case s.section == "":
		m.Text = unknownText(s.key, "", nil, elsewhere(s.key, ""))
	case !isSection(s.section):
		m.Text = unknownText(s.section, "", slices.Sorted(maps.Keys(known)), "")
	case s.key == "":
		m.Text = bracket(s.section) + " is a section, so it has no value; put its keys below it"
	default:
		m.Text = unknownText(s.key, " in "+bracket(s.section), known[s.section], elsewhere(s.key, s.section))
	}
	return m
}

// unknownText prefers a near name of the same section, then the section that has this very key,
// then the whole list.
func unknownText(name, where string, candidates []string, other string) string {
	text := "unknown key " + quote(name) + where
	switch near := kit.Nearest(name, candidates); {
	case near != "" && (other == "" || kit.SameLetters(near, name)):
		return text + ": did you mean " + quote(near) + "?"
	case other != "":
		return text + ": did you mean " + other + "?"
	case len(candidates) > 0:
		return text + "; known keys are " + strings.Join(candidates, ", ")
	default:
		return text + "; every key belongs in a section, such as [source]"
	}
}

// elsewhere finds the sections, other than here, that have the key; of a key without a section also
// a near one.
func elsewhere(key, here string) string {
	var found []string
	for _, section := range slices.Sorted(maps.Keys(known)) {
		if section != here && slices.Contains(known[section], key) {
			found = append(found, quote(key)+" in "+bracket(section))
		}
	}
	if len(found) > 0 || here != "" {
		return strings.Join(found, " or ")
	}
	return nearAnywhere(key)
}

func nearAnywhere(key string) string {
	var all []string
	home := map[string]string{}
	for _, section := range slices.Sorted(maps.Keys(known)) {
		for _, k := range known[section] {
			all, home[k] = append(all, k), section
		}
	}
	near := kit.Nearest(key, append(all, slices.Sorted(maps.Keys(known))...))
	switch {
	case near == "":
		return ""
	case home[near] == "":
		return bracket(near)
	default:
		return quote(near) + " in " + bracket(home[near])
	}
}

// bracket writes a section as it stands in the file.
func bracket(section string) string {
	if section == fieldSection {
		return "[[field]]"
	}
	return "[" + section + "]"
}

func joinKey(section, key string) string {
	return strings.Trim(section+"."+key, ".")
}
