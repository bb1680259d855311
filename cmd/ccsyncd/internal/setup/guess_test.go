package setup

import (
	"testing"

	"ccsyncd/source"
)

func table(name string, columns ...string) source.Table {
	t := source.Table{Name: name}
	for _, c := range columns {
		t.Columns = append(t.Columns, source.Column{Name: c})
	}
	return t
}

func TestInitGuessesTheTableWithTheUsers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		tables []source.Table
		want   string
	}{
		"by its name":                       {[]source.Table{table("orders", "email"), table("users", "email")}, "users"},
		"in a schema, as an ORM spells it":  {[]source.Table{table("app.Orders", "email"), table("app.User", "Email")}, "app.User"},
		"a name that has user in it":        {[]source.Table{table("orders", "email"), table("store_users", "email")}, "store_users"},
		"the only one with an address":      {[]source.Table{table("orders", "total"), table("subscribers_2", "e_mail")}, "subscribers_2"},
		"not one of users without address":  {[]source.Table{table("users", "id"), table("logins", "email")}, "logins"},
		"none where several would do":       {[]source.Table{table("a", "email"), table("b", "email")}, ""},
		"none where no table has addresses": {[]source.Table{table("users", "id")}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := guessTable(tt.tables); got != tt.want {
				t.Errorf("guessTable = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestInitGuessesColumns(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		columns            []string
		email, code, where string
	}{
		"with plain names":           {[]string{"id", "email", "short_code", "deleted_at"}, "email", "short_code", "deleted_at IS NULL"},
		"as Prisma spells them":      {[]string{"id", "emailAddress", "shortCode", "deletedAt"}, "emailAddress", "shortCode", `"deletedAt" IS NULL`},
		"by a word that one has":     {[]string{"id", "login_mail", "ios_code"}, "login_mail", "ios_code", ""},
		"not where two would do":     {[]string{"mail_1", "mail_2", "a_code", "b_code"}, "", "", ""},
		"the telling one of several": {[]string{"zip_code", "short_code", "email", "backup_email"}, "email", "short_code", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			email, code, where := guessEmail(tt.columns), guessCode(tt.columns), guessWhere(tt.columns)
			if email != tt.email || code != tt.code || where != tt.where {
				t.Errorf("guessed %q, %q, %q, want %q, %q, %q", email, code, where, tt.email, tt.code, tt.where)
			}
		})
	}
}
