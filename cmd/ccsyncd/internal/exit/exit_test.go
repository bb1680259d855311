package exit

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ccsyncd/ccapi"
	"ccsyncd/cmd/ccsyncd/internal/config"
	"ccsyncd/oauthdev"
	"ccsyncd/source"
	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

func TestEveryErrorHasTheExitCodeThatIsDocumented(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want int
	}{
		"none":                               {nil, 0},
		"any other":                          {errors.New("broken"), 1},
		"a command line":                     {&UsageError{"ccsyncd", errors.New("what?")}, 64},
		"a configuration file":               {&config.Error{}, 78},
		"a field that the account lacks":     {&ccsync.SetupError{Code: "field_missing"}, 78},
		"a table that is not there":          {&ccsync.SourceError{Err: fmt.Errorf("no table: %w", source.ErrConfig)}, 78},
		"a state file that others can read":  {state.ErrExposed, 78},
		"a wrong state key":                  {state.ErrKey, 78},
		"a state file of a newer version":    {state.ErrNewer, 1},
		"a damaged state file":               {state.ErrDamaged, 1},
		"no login":                           {&oauthdev.LoginError{Reason: "nobody is logged in"}, 4},
		"a token that is refused":            {fmt.Errorf("read contacts: %w", ccapi.ErrUnauthorized), 4},
		"a login that was declined":          {oauthdev.ErrDenied, 4},
		"a code that expired":                {oauthdev.ErrExpired, 4},
		"a login without a refresh token":    {oauthdev.ErrNoRefreshToken, 4},
		"the quota, by our count":            {&state.QuotaError{}, 6},
		"the quota, by the server's word":    {&ccapi.QuotaError{}, 6},
		"a lock that is held":                {fmt.Errorf("in use: %w", &state.HeldError{Name: "run", PID: 1}), 7},
		"pending changes":                    {With(Pending), 2},
		"what the output has told":           {With(5), 5},
		"what the output has told, and more": {errors.Join(errors.New("x"), With(3)), 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := Of(tt.err); got != tt.want {
				t.Errorf("Of(%v) = %d, want %d", tt.err, got, tt.want)
			}
		})
	}
}

func TestEveryOutcomeHasTheExitCodeThatIsDocumented(t *testing.T) {
	t.Parallel()
	verified, waiting := ccsync.UserState{State: "verified"}, ccsync.UserState{State: "pending"}
	tests := map[string]struct {
		report ccsync.Report
		want   int
	}{
		"planned":                               {ccsync.Report{Outcome: ccsync.Planned, DryRun: true}, 0},
		"planned for some users":                {ccsync.Report{Outcome: ccsync.Planned, DryRun: true, Users: []ccsync.UserState{waiting}}, 0},
		"synced":                                {ccsync.Report{Outcome: ccsync.Synced}, 0},
		"partial":                               {ccsync.Report{Outcome: ccsync.Partial}, 3},
		"refused":                               {ccsync.Report{Outcome: ccsync.Refused}, 5},
		"deferred":                              {ccsync.Report{Outcome: ccsync.Deferred}, 6},
		"unauthorized":                          {ccsync.Report{Outcome: ccsync.Unauthorized}, 4},
		"failed":                                {ccsync.Report{Outcome: ccsync.Failed}, 1},
		"an outcome of a later version":         {ccsync.Report{Outcome: "sideways"}, 1},
		"all users verified":                    {ccsync.Report{Outcome: ccsync.Synced, Users: []ccsync.UserState{verified, verified}}, 0},
		"one of the users not verified":         {ccsync.Report{Outcome: ccsync.Synced, Users: []ccsync.UserState{verified, waiting}}, 3},
		"deferred, with a user that is waiting": {ccsync.Report{Outcome: ccsync.Deferred, Users: []ccsync.UserState{waiting}}, 3},
		"refused, with a user that is waiting":  {ccsync.Report{Outcome: ccsync.Refused, Users: []ccsync.UserState{waiting}}, 5},
		"unauthorized, with a user that is waiting": {ccsync.Report{Outcome: ccsync.Unauthorized, Users: []ccsync.UserState{waiting}}, 4},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := OfReport(&tt.report); got != tt.want {
				t.Errorf("OfReport = %d, want %d", got, tt.want)
			}
		})
	}
}

// An error names what went wrong, its hint what a person can do. Where the message already says
// that, there is no hint.
func TestEveryErrorSaysWhatAPersonCanDo(t *testing.T) {
	t.Parallel()
	const login, asUser = "run `ccsyncd auth login`", "sudo -u app ccsyncd"
	asService := func(dir string) string { // root can run as a service does, in its folder
		if os.Geteuid() != 0 {
			return asUser
		}
		return "--property=User=app --property=StateDirectory=" + dir + " "
	}
	tests := map[string]struct {
		err  error
		want string // part of the hint; "" for none
	}{
		"none":                              {nil, ""},
		"any other":                         {errors.New("broken"), ""},
		"a command line":                    {&UsageError{"ccsyncd push", errors.New("what?")}, "`ccsyncd push --help` shows the usage"},
		"no configuration":                  {&config.Error{}, "`ccsyncd init` writes a configuration"},
		"a configuration with mistakes":     {&config.Error{Path: "ccsync.toml"}, "ccsync.example.toml has every key"},
		"a configuration of somebody else":  {&config.Error{Path: "ccsync.toml", Denied: "/no/such/file"}, "this process runs as "},
		"a variable that is not set":        {&config.Error{Path: "ccsync.toml", Unset: "APP_DSN"}, "`export APP_DSN=...`"},
		"a configuration that does not fit": {&ConfigError{Message: "no", Hint: "do this"}, "do this"},
		"a field that the account lacks":    {&ccsync.SetupError{Code: "field_missing", Hint: "create it"}, "create it"},
		"a table that does not exist":       {fmt.Errorf("no table: %w", source.ErrConfig), "correct [source]"},
		"a state file that others can read": {state.ErrExposed, ""},
		"a wrong state key":                 {state.ErrKey, "restart a daemon that runs without it"},
		"a full disk for temporary files":   {&os.PathError{Op: "write", Path: "/tmp/x", Err: syscall.ENOSPC}, "free disk space"},
		"a link in place of a lock":         {state.ErrLink, "remove it"},
		"no login":                          {&oauthdev.LoginError{}, login},
		"a token that is refused":           {ccapi.ErrUnauthorized, login},
		"a login in doubt":                  {fmt.Errorf("%w: %w", ccapi.ErrTokenInDoubt, &oauthdev.DoubtError{}), "retries automatically"},
		"a login that was declined":         {oauthdev.ErrDenied, login + " again and approve"},
		"a code that expired":               {oauthdev.ErrExpired, login + " again for a new code"},
		"a login without a refresh token":   {oauthdev.ErrNoRefreshToken, "offline_access"},
		"a lock that is held":               {&state.HeldError{}, "use `ccsyncd push`"},
		"the quota, by our count":           {&state.QuotaError{}, "after 00:00 UTC"},
		"the quota, by the server's word":   {&ccapi.QuotaError{}, "after 00:00 UTC"},
		"a state file that was replaced":    {state.ErrReplaced, "start ccsyncd again"},
		"a full disk":                       {state.ErrFull, "free disk space"},
		"a locked state file":               {state.ErrBusy, "stop the program"},
		"a state file that is read-only":    {state.ErrReadOnly, "write to the state file"},
		"rests of an older format":          {state.ErrRemnants, "if a daemon is running, do nothing"},
		"a state file of a newer version":   {state.ErrNewer, ""},
		"a damaged state file":              {state.ErrDamaged, "restore a backup if you have one"},

		"the state file of another user":        {&state.OwnerError{Path: "/srv/app/ccsync.db", Owner: "app"}, asUser},
		"the state file of a service":           {&state.OwnerError{Path: "/var/lib/ccsync/ccsync.db", Owner: "app"}, asService("ccsync")},
		"the state file of a service, in there": {&state.OwnerError{Path: "/var/lib/private/ccsync/shop/ccsync.db", Owner: "app"}, asService("ccsync/shop")},
	}
	for name, tt := range tests {
		_, hint := Of(tt.err)
		if tt.want == "" && hint != "" || !strings.Contains(hint, tt.want) {
			t.Errorf("%s: the hint is %q, want %q", name, hint, tt.want)
		}
	}
}

// A run that stopped because of the configuration ends like any command with a wrong one.
func TestARunThatTheConfigurationStoppedEndsWith78(t *testing.T) {
	t.Parallel()
	db, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "ccsync.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.SetFacts(t.Context(), map[string]string{"home_api": "https://one.example/v3"}); err != nil {
		t.Fatal(err)
	}
	const api = "https://another.example/v3"
	e := ccsync.Engine{State: db, Read: ccapi.NewReader(api, http.DefaultClient, nil), Quota: db.Quota(state.Limits{}), Home: ccsync.Home{API: api}}
	report, err := e.Run(t.Context(), ccsync.Options{Trigger: "command"})
	if err != nil || report.Outcome != ccsync.Failed || OfReport(report) != 78 {
		t.Errorf("%+v (%v) ends with %d, want 78", report, err, OfReport(report))
	}
}

// What the output has told is not told again.
func TestACommandWhoseOutputSaysItAllHasNoMoreToSay(t *testing.T) {
	t.Parallel()
	const message = "unknown flag: --what"
	for _, err := range []error{&UsageError{"ccsyncd", errors.New(message)}, &ConfigError{Message: message}} {
		if err.Error() != message || IsSaid(err) {
			t.Errorf("%T says %q", err, err)
		}
	}
	if With(Done) != nil || !IsSaid(fmt.Errorf("check: %w", With(Partial))) || IsSaid(errors.New("broken")) {
		t.Errorf("With(Done) = %v, IsSaid of what was said %v, of an error %v", With(Done), IsSaid(With(Partial)), IsSaid(errors.New("broken")))
	}
}
