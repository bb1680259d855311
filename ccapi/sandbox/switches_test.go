package sandbox_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"ccsyncd/ccapi/sandbox"
)

func TestTheTableOfSwitchesIsWhole(t *testing.T) {
	t.Parallel()
	table := sandbox.SwitchTable()
	if got, want := len(table), reflect.TypeFor[sandbox.Switches]().NumField(); got != want {
		t.Errorf("got %d switches, want %d", got, want)
	}
	seen := map[sandbox.Switches]string{{}: "none"}
	for _, sw := range table {
		var s sandbox.Switches
		sw.Set(&s, true)
		if other, twice := seen[s]; twice || !sw.Get(s) {
			t.Errorf("%s sets the same as %s", sw.Name, other)
		}
		seen[s] = sw.Name
		var fromJSON sandbox.Switches
		if err := json.Unmarshal([]byte(`{"`+sw.Name+`":true}`), &fromJSON); err != nil || fromJSON != s {
			t.Errorf("%s: JSON sets %+v, the table %+v", sw.Name, fromJSON, s)
		}
		if sw.Off == "" || sw.On == "" {
			t.Errorf("%s: a position is not told", sw.Name)
		}
	}
}
