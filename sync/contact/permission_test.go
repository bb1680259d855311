package contact

import (
	"testing"

	"ccsyncd/ccapi"
)

func TestAPermissionIsReadWhateverItsCase(t *testing.T) {
	t.Parallel()
	for word, optedOut := range map[string]bool{"implicit": false, "Explicit": false, " not_set ": false, "TEMP_HOLD": false, "pending_confirmation": false,
		"unsubscribed": true, "Unsubscribed": true, "opted out": true, "unsubscribed_by_admin": true, "": true} {
		c := (&Mapping{}).Contact(&ccapi.Contact{ID: "1", Address: "ann@example.com", Permission: word})
		if OptedOut(c.Permission) != optedOut {
			t.Errorf("%q: opted out %t, want %t", word, !optedOut, optedOut)
		}
	}
}
