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
	// Mailed says of skipped users that a newsletter may still reach them, without the right code.
	Mailed bool
}

// problemMeanings are those of codes that were sent and did not arrive.
var problemMeanings = map[string]meaning{
	ccsync.Rejected: {Title: "Rejected by Constant Contact", Text: "Constant Contact reported an error for this contact and changed nothing.",
		Todo: "Check the address and the code in your app. ccsyncd sends a corrected code at the next run, and an unchanged one every 48 hours."},
	ccsync.Lost: {Title: "Sent, but did not arrive", Text: "Constant Contact reported no error, but the contact does not have the code.",
		Todo: "Nothing to do: ccsyncd sends it again."},
	ccsync.Altered: {Title: "Changed by somebody else", Text: "The contact has a different code from the one that ccsyncd sent.",
		Todo: "Find out whether a person or another program changes this field in Constant Contact."},
	ccsync.Overstepped: {Title: "Changed more than intended", Text: "The contact has another permission after an import or a clear, another contact has the address, or the person opted out in the seconds before the import.",
		Todo: "Open the contact in Constant Contact and correct its permission and lists. If the person opted out and is still unsubscribed, there is nothing to do."},
	ccsync.ActivityFailed: {Title: "The import failed", Text: "Constant Contact stopped the whole import with an error.",
		Todo: "Nothing to do: ccsyncd sends it again."},
	ccsync.ActivityTimeout: {Title: "The import took too long", Text: "Constant Contact did not finish the import in time.",
		Todo: "Nothing to do: ccsyncd sends it again."},
}

// skipMeanings are those of users who are not sent.
var skipMeanings = map[string]meaning{
	"invalid_email":   {Title: "The address is not valid", Text: "No email can reach it.", Todo: "Correct the address in your app."},
	"duplicate_email": {Title: "One address, different codes", Text: "Several users have the same address and different codes.", Todo: "Remove the wrong users from your app.", Mailed: true},
	"duplicate_value": {Title: "Two users with one code", Text: "A code must belong to one user only.", Todo: "Give each user a separate code in your app.", Mailed: true},
	"missing_value":   {Title: "No code yet", Text: "The user has no code in your app.", Todo: "Wait for the code, or enter it in your app.", Mailed: true},
	"value_too_long":  {Title: "The value is too long", Text: "It does not fit into its field in Constant Contact.", Todo: "Shorten the value in your app.", Mailed: true},
	"invalid_value":   {Title: "The value has the wrong type", Text: "Its field in Constant Contact takes another type.", Todo: "Correct the value in your app.", Mailed: true},
	"not_a_contact":   {Title: "Not a contact", Text: "These users are not in Constant Contact and get no newsletter.", Todo: "Add them in Constant Contact if they should get it."},
	"moved":           {Title: "The address changed", Text: "The contact still has the user’s old address.", Todo: "Change the address of the contact in Constant Contact."},
	"unsubscribed":    {Title: "Unsubscribed", Text: "They opted out and get no newsletter.", Todo: "Nothing to do: only they can opt in again."},
	"deleted":         {Title: "Deleted in Constant Contact", Text: "Somebody deleted the contact. It gets no newsletter.", Todo: "Nothing to do, unless that was a mistake."},
	"no_list":         {Title: "On no list", Text: "A newsletter that is sent to lists does not reach the contact.", Todo: "Put the contact on a list in Constant Contact."},
	"clearing_off":    {Title: "Not cleared", Text: "Clearing a field has changed a contact’s permission. ccsyncd clears nothing for 30 days.", Todo: "Clear the field in Constant Contact.", Mailed: true},
	"quarantined":     {Title: "Waiting for the next try", Text: "The code was sent and did not arrive.", Todo: "Nothing to do: ccsyncd sends it again.", Mailed: true},
}

// meaningOf finds the meaning of a reason. An unknown reason is its own title.
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

// skipGroups are the reasons for skipping, except one. Reasons with which a newsletter arrives
// without the right code come first, then the most frequent.
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

// unusable counts the skipped users that a newsletter may reach without the right code.
func unusable(skips map[string]int) (n int) {
	for reason := range maps.Keys(skips) {
		if reason != quarantined && skipMeanings[reason].Mailed {
			n += skips[reason]
		}
	}
	return n
}
