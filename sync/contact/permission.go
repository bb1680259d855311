package contact

import (
	"fmt"
	"slices"
	"strings"
)

// mailable are the permissions of contacts who have not opted out (official contract,
// permission_to_send).
var mailable = []string{"explicit", "implicit", "not_set", "pending_confirmation", "temp_hold"}

// Unclear stands for the permission of a contact that an account counts at an address and does not
// show: nobody is sent there, nor created.
const Unclear = "unclear"

// OptedOut tells whether nobody with this permission is to be taken for subscribed: "unsubscribed",
// and every word that is not known.
func OptedOut(permission string) bool { return !slices.Contains(mailable, permission) }

// WhyOptedOut says why a contact with this permission is taken for one that opted out.
func WhyOptedOut(permission string) string {
	if permission == "unsubscribed" {
		return "the contact opted out"
	}
	return fmt.Sprintf("the permission %q is unknown, so ccsyncd treats the contact as opted out", permission)
}

// plainPermission is a permission as the mirror has it.
func plainPermission(word string) string { return strings.ToLower(strings.TrimSpace(word)) }
