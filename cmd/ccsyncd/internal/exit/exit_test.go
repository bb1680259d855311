package exit

import (
	"errors"
	"fmt"
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
		"no login":                           {&oauthdev.LoginError{Reason: "nobody has logged in yet"}, 4},
		"a token that is refused":            {fmt.Errorf("read contacts: %w", ccapi.ErrUnauthorized), 4},
		"a login that was declined":          {oauthdev.ErrDenied, 4},
		"a code that expired":                {oauthdev.ErrExpired, 4},
		"a login without a refresh token":    {oauthdev.ErrNoRefreshToken, 4},
		"the quota, by our count":            {&state.QuotaError{}, 6},
		"the quota, by the server's word":    {&ccapi.QuotaError{}, 6},
		"a lock that is held":                {fmt.Errorf("in use: %w", &state.HeldError{Name: "run", PID: 1}), 7},
		"what the output has told":           {said(5), 5},
		"what the output has told, and more": {errors.Join(errors.New("x"), said(3)), 3},
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
