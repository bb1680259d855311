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
		columns     []string
		email, code string
	}{
		"with plain names":              {[]string{"id", "email", "short_code", "deleted_at"}, "email", "short_code"},
		"as Prisma spells them":         {[]string{"id", "emailAddress", "shortCode", "deletedAt"}, "emailAddress", "shortCode"},
		"by a word that one has":        {[]string{"id", "login_mail", "ios_code"}, "login_mail", "ios_code"},
		"not where two would do":        {[]string{"mail_1", "mail_2", "a_code", "b_code"}, "", ""},
		"the telling one of several":    {[]string{"zip_code", "short_code", "email", "backup_email"}, "email", "short_code"},
		"no code that is somebody else": {[]string{"email", "zipCode", "countryCode", "resetCode", "iosCode"}, "email", "iosCode"},
		"none of these alone":           {[]string{"email", "verification_code"}, "email", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if email, code := guessEmail(tt.columns), guessCode(tt.columns); email != tt.email || code != tt.code {
				t.Errorf("guessed %q, %q, want %q, %q", email, code, tt.email, tt.code)
			}
		})
	}
}

func TestInitGuessesAKeyWhereThePrimaryKeyIsNone(t *testing.T) {
	t.Parallel()
	view := table("mailable", "uuid", "email")
	if got := guessKey(view); got != "uuid" {
		t.Errorf("guessKey of a view = %q", got)
	}
	view.Columns[0].PrimaryKey = true
	if got := guessKey(view); got != "" {
		t.Errorf("guessKey of a table with a primary key = %q", got)
	}
}
