package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ccsyncd"
)

// env is an environment that holds these variables alone.
func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// exampleEnv is what the example needs.
var exampleEnv = map[string]string{"DATABASE_URL": "postgres://app:pw@db/app", "CC_CLIENT_ID": "client-1"}

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ccsync.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// compare looks at schedules by what was written and at zones by their names.
var compare = cmp.Options{
	cmpopts.IgnoreUnexported(Cron{}),
	cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
}

func TestTheExampleHoldsTheDefaults(t *testing.T) {
	t.Parallel()
	path := write(t, string(ccsyncd.ExampleConfig))
	got, err := Load(path, env(exampleEnv))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Path, want.Dir = path, filepath.Dir(path)
	want.Source = Source{
		DSN: NewSecret("postgres://app:pw@db/app"), Table: "users", Where: "deleted_at IS NULL", Email: "email",
		Timeout: 5 * time.Minute,
	}
	want.Fields = []Field{
		{Column: "short_code", CustomField: "short_code", Create: true, Unique: true, Required: true, OnEmpty: Keep},
		{Column: "first_name", Property: "first_name", OnEmpty: Keep},
	}
	want.Auth.ClientID = "client-1"
	want.State.Path = filepath.Join(want.Dir, "ccsync.db")
	if diff := cmp.Diff(*got, want, compare); diff != "" {
		t.Errorf("example (-) and defaults (+) differ:\n%s", diff)
	}
}
