package setup

import (
	"slices"
	"strings"

	"ccsyncd/source"
)

// Names that tables and columns with a meaning go by, the most telling first. Case and underscores are left out.
var (
	userTables   = []string{"users", "user", "appusers", "accounts", "account", "customers", "customer", "members", "member", "profiles", "people", "subscribers", "contacts"}
	emailColumns = []string{"email", "emailaddress", "mail", "useremail", "primaryemail", "contactemail"}
	codeColumns  = []string{"shortcode", "code", "appcode", "accesscode", "invitecode", "referralcode", "deeplinkcode", "opencode", "usercode"}
	goneColumns  = []string{"deletedat"}
)

func fold(name string) string {
	if _, table, ok := strings.Cut(name, "."); ok {
		name = table
	}
	return strings.ReplaceAll(strings.ToLower(name), "_", "")
}

// guessName finds the name that is most like what is looked for: one of the known ones, else the only one that has a
// word of it. "" when there is none or when there are several.
func guessName(names, known []string, word string) string {
	for _, k := range known {
		for _, name := range names {
			if fold(name) == k {
				return name
			}
		}
	}
	like := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return word == "" || !strings.Contains(fold(name), word) })
	if len(like) == 1 {
		return like[0]
	}
	return ""
}

func guessEmail(columns []string) string { return guessName(columns, emailColumns, "mail") }

func guessCode(columns []string) string { return guessName(columns, codeColumns, "code") }

// guessWhere leaves out the rows that the app counts as deleted.
func guessWhere(columns []string) string {
	if gone := guessName(columns, goneColumns, ""); gone == "deleted_at" || gone == "deletedat" {
		return gone + " IS NULL"
	} else if gone != "" {
		return `"` + gone + `" IS NULL`
	}
	return ""
}

// guessTable takes the table that is named like one of users and has a column for an address, else the only one
// that has such a column.
func guessTable(tables []source.Table) string {
	var with []string
	for _, t := range tables {
		if guessEmail(columnNames(t)) != "" {
			with = append(with, t.Name)
		}
	}
	if found := guessName(with, userTables, "user"); found != "" || len(with) != 1 {
		return found
	}
	return with[0]
}

func tableNames(tables []source.Table) []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.Name
	}
	return names
}

func columnNames(t source.Table) []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}
