package web

import (
	"cmp"
	"maps"
	"slices"

	ccsync "ccsyncd/sync"
)

// meaning is what a reason means, in words for everyone.
type meaning struct {
	Title string
	Text  string
	Todo  string // what a person can do; "" for nothing
	// Mailed says of a skipped user that a newsletter may reach him all the same, without the right
	// code.
	Mailed bool
}

// problemMeanings are those of values that were sent and did not arrive.
var problemMeanings = map[string]meaning{
	ccsync.Rejected: {Title: "Rejected by Constant Contact", Text: "Constant Contact counted an error for this contact and changed nothing.",
		Todo: "Look at the address and the value in your app. A corrected value is sent at once, the same one every 48 hours."},
	ccsync.Lost: {Title: "Sent, but not there", Text: "Constant Contact reported no error, but the contact does not have the value.",
		Todo: "Nothing to do: ccsyncd sends it again."},
	ccsync.Altered: {Title: "Another value is there", Text: "The contact has another value than the one that was sent.",
		Todo: "Ask whether somebody, or another program, changes this field in Constant Contact."},
	ccsync.Overstepped: {Title: "Changed while it was sent", Text: "The contact opted out, left a list or was deleted in the seconds before the import.",
		Todo: "Look at the contact in Constant Contact and correct its permission and lists."},
	ccsync.ActivityFailed: {Title: "The import failed", Text: "Constant Contact ended the whole import with an error.",
		Todo: "Nothing to do: ccsyncd sends it again."},
	ccsync.ActivityTimeout: {Title: "The import took too long", Text: "Constant Contact did not finish the import in time.",
		Todo: "Nothing to do: ccsyncd sends it again."},
}

// skipMeanings are those of users who are not sent.
var skipMeanings = map[string]meaning{
	"invalid_email":   {Title: "The address is not valid", Text: "No mail can reach it.", Todo: "Correct the address in your app."},
	"duplicate_email": {Title: "One address, different values", Text: "Several users have this address, and nobody knows whose values are right.", Todo: "Remove the users that are wrong from your app.", Mailed: true},
	"duplicate_value": {Title: "Two users with one code", Text: "A code must belong to one user alone.", Todo: "Give each user a code of its own in your app.", Mailed: true},
	"missing_value":   {Title: "No code yet", Text: "The user has no value in your app.", Todo: "Wait for it, or fill it in.", Mailed: true},
	"value_too_long":  {Title: "The value is too long", Text: "It does not fit into its field in Constant Contact.", Todo: "Shorten it in your app.", Mailed: true},
	"invalid_value":   {Title: "The value does not fit", Text: "It is not of the type of its field in Constant Contact.", Todo: "Correct it in your app.", Mailed: true},
	"not_a_contact":   {Title: "Not a contact", Text: "Constant Contact does not know these users, so that they get no newsletter.", Todo: "Add them in Constant Contact if they are to get it."},
	"moved":           {Title: "The address changed", Text: "The contact still has the user’s former address.", Todo: "Change the address of the contact in Constant Contact."},
	"unsubscribed":    {Title: "Unsubscribed", Text: "They opted out and get no newsletter.", Todo: "Nothing to do: only they can opt in again."},
	"deleted":         {Title: "Deleted in Constant Contact", Text: "Somebody deleted the contact, so that it gets no newsletter.", Todo: "Nothing to do, unless that was a mistake."},
	"no_list":         {Title: "On no list", Text: "The contact is on no list, so that it gets no newsletter sent to a list.", Todo: "Put it on a list in Constant Contact."},
	"reverted":        {Title: "Put back by hand", Text: "Somebody put the former value back.", Todo: "Nothing to do: the next new value is sent.", Mailed: true},
	"clearing_off":    {Title: "Not emptied", Text: "Emptying a field has changed a permission before, so that it is switched off.", Todo: "Empty the field in Constant Contact.", Mailed: true},
	"quarantined":     {Title: "Waits for its next try", Text: "It was sent and did not arrive.", Todo: "Nothing to do: ccsyncd sends it again.", Mailed: true},
}

// meaningOf finds the meaning of a reason; one that is not known speaks for itself.
func meaningOf(reason string, known map[string]meaning) meaning {
	if m, ok := known[reason]; ok {
		return m
	}
	return meaning{Title: upper(words(reason))}
}

// skipGroup is how many users were skipped for one reason.
type skipGroup struct {
	meaning
	Reason string
	N      int
}

// quarantined is the reason of skipped users who count as missing in the coverage.
const quarantined = "quarantined"

// skipGroups are the reasons for skipping but one: those first in which a newsletter arrives
// without the right code, then the most frequent.
func skipGroups(skips map[string]int, but string) []skipGroup {
	var all []skipGroup
	for reason, n := range skips {
		if reason != but && n > 0 {
			all = append(all, skipGroup{meaningOf(reason, skipMeanings), reason, n})
		}
	}
	slices.SortFunc(all, func(a, b skipGroup) int {
		return cmp.Or(-cmp.Compare(oneIf(a.Mailed), oneIf(b.Mailed)), b.N-a.N, cmp.Compare(a.Reason, b.Reason))
	})
	return all
}

// unusable counts the skipped users whom a newsletter may reach without the right code.
func unusable(skips map[string]int) (n int) {
	for reason := range maps.Keys(skips) {
		if reason != quarantined && skipMeanings[reason].Mailed {
			n += skips[reason]
		}
	}
	return n
}
