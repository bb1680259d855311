package setup

import (
	"slices"
	"strings"

	"ccsyncd/source"
)

// Names that tables and columns with a meaning go by, the most telling first. Case and underscores
// are left out.
var (
	userTables   = []string{"users", "user", "appusers", "accounts", "account", "customers", "customer", "members", "member", "profiles", "people", "subscribers", "contacts"}
	emailColumns = []string{"email", "emailaddress", "mail", "useremail", "primaryemail", "contactemail"}
	codeColumns  = []string{"shortcode", "code", "appcode", "accesscode", "invitecode", "referralcode", "deeplinkcode", "opencode", "usercode"}
	keyColumns   = []string{"id", "uuid", "guid", "userid", "useruuid"}
	// A moment when the row was deleted, whether it was, and in what state it is.
	goneColumns  = []string{"deletedat", "deletedon", "removedat", "isdeleted", "deleted"}
	stateColumns = []string{"status", "state", "userstatus", "accountstatus"}
	goneLabels   = []string{"deleted", "removed"}
	// Codes that are nobody's short code, or must not go anywhere.
	otherCodes = []string{"zip", "postal", "postcode", "country", "currency", "area", "dial", "lang", "region", "state",
		"verif", "confirm", "reset", "otp", "2fa", "backup", "recovery", "auth"}
)

func fold(name string) string {
	if _, table, ok := strings.Cut(name, "."); ok {
		name = table
	}
	return strings.ReplaceAll(strings.ToLower(name), "_", "")
}

// guessName finds the name that is most like what is looked for: one of the known ones, else the
// only one that has a word of it. "" when there is none or when there are several.
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

func guessCode(columns []string) string {
	return guessName(slices.DeleteFunc(slices.Clone(columns), func(column string) bool {
		return slices.ContainsFunc(otherCodes, func(word string) bool { return strings.Contains(fold(column), word) })
	}), codeColumns, "code")
}

// guessKey names a user in reports where the table has no primary key of one column, such as a
// view.
func guessKey(table source.Table) string {
	keys := 0
	for _, c := range table.Columns {
		if c.PrimaryKey {
			keys++
		}
	}
	if keys == 1 {
		return ""
	}
	return guessName(columnNames(table), keyColumns, "")
}

// guessWhere leaves out the rows that the app counts as deleted: by a moment that is not set (Knex,
// Drizzle, deletedAt of Prisma, @DeleteDateColumn, paranoid), by a truth, or by the label of an
// enumeration.
func guessWhere(table source.Table) string {
	columns := columnNames(table)
	if at := slices.Index(columns, guessName(columns, goneColumns, "")); at >= 0 {
		return notGone(table.Columns[at])
	}
	if at := slices.Index(columns, guessName(columns, stateColumns, "")); at >= 0 {
		c := table.Columns[at]
		for _, label := range c.Labels {
			if slices.Contains(goneLabels, fold(label)) {
				return c.Quoted + " <> '" + strings.ReplaceAll(label, "'", "''") + "'"
			}
		}
	}
	return ""
}

// notGone is the condition of a row that is not deleted. What it means depends on the type: IS NOT
// TRUE is known to all three databases, but PostgreSQL takes no number for a truth.
func notGone(c source.Column) string {
	declared := strings.ToLower(c.Type)
	switch {
	case strings.Contains(declared, "bool"), declared == "tinyint(1)", declared == "bit(1)":
		return c.Quoted + " IS NOT TRUE"
	case strings.Contains(declared, "int") && !strings.HasSuffix(fold(c.Name), "at") && !strings.HasSuffix(fold(c.Name), "on"):
		return "COALESCE(" + c.Quoted + ", 0) = 0"
	}
	return c.Quoted + " IS NULL"
}

// guessTable takes the table that is named like one of users and has a column for an address, else
// the only one that has such a column.
func guessTable(tables []source.Table) string {
	var with []string
	for _, t := range tables {
		if guessEmail(columnNames(t)) != "" {
			with = append(with, t.Name)
		}
	}
	// Another schema's users, such as those of a login service, come after one's own.
	slices.SortStableFunc(with, func(a, b string) int { return strings.Count(a, ".") - strings.Count(b, ".") })
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
