package sandbox

import (
	"slices"
	"time"
)

// Where the doubts come from.
const (
	undocumented = "not documented"
	recorded     = "recorded answers"
	thirdParty   = "other people's code"
	guide        = "API guide"
	contract     = "official contract"
	support      = "support's answers"
)

// SwitchTable lists every switch with its positions, in a fixed order: what the
// documents leave open, or say in two ways. Of a switch with several positions
// each has a line. [HarmTable] lists the others.
func SwitchTable() []Switch {
	return slices.Concat(importSwitches(), activitySwitches(), contactSwitches(), accountSwitches())
}

// HarmTable lists the switches that make the service do what it must not, or
// break its word. No program can be right in these positions: it has to notice.
func HarmTable() []Switch {
	const source = "a test's invention"
	return []Switch{
		toggle("imports_lose_rows", "a completed import has imported every row that it does not count as an error", "it silently loses one row in ten", guide,
			func(s *Switches) *bool { return &s.ImportsLoseRows }),
		toggle("first_import_loses_row", "as above", "the first import silently loses its first row", source,
			func(s *Switches) *bool { return &s.FirstImportLosesRow }),
		toggle("import_sets_permission", "an import keeps the permission of existing contacts", "it makes it explicit, except after an opt-out", source,
			func(s *Switches) *bool { return &s.ImportSetsPermission }),
		toggle("import_resubscribes", "an import keeps the permission of contacts that opted out", "it makes it explicit", source,
			func(s *Switches) *bool { return &s.ImportResubscribes }),
		toggle("import_adds_list", "an import adds contacts to the lists that it names", "it also adds them to one other list of the account", source,
			func(s *Switches) *bool { return &s.ImportAddsList }),
		toggle("import_clears_field", "an import does not change what it does not name", "it clears one custom field that it does not name", source,
			func(s *Switches) *bool { return &s.ImportClearsField }),
		toggle("next_links_internal", "a next link leads to the next page", "it has an internal path that does not exist", recorded,
			func(s *Switches) *bool { return &s.NextLinksInternal }),
		toggle("next_links_repeat", "as above", "it leads to the same page again", source,
			func(s *Switches) *bool { return &s.NextLinksRepeat }),
	}
}

func importSwitches() []Switch {
	return []Switch{
		toggle("unsubscribed_fields_ignored", "an import changes the fields of unsubscribed contacts", "it does not change them", undocumented,
			func(s *Switches) *bool { return &s.UnsubscribedFieldsIgnored }),
		toggle("blank_clears", "a blank or null in an import is ignored", "it clears the value", undocumented,
			func(s *Switches) *bool { return &s.BlankClears }),
		toggle("first_duplicate_wins", "if an import has an address twice, the last row counts", "the first row counts", undocumented,
			func(s *Switches) *bool { return &s.FirstDuplicateWins }),
		toggle("import_keeps_updated_at", "an import that changes a contact changes updated_at", "it does not, unless the contact joins a list", undocumented,
			func(s *Switches) *bool { return &s.ImportKeepsUpdatedAt }),
		toggle("import_field_names_fold", "cf: names are ignored if their case differs", "their case does not matter", undocumented,
			func(s *Switches) *bool { return &s.ImportFieldNamesFold }),
		toggle("import_addresses_short", "an import accepts addresses of up to 80 characters", "of up to 50", contract,
			func(s *Switches) *bool { return &s.ImportAddressesShort }),
		toggle("imports_progressive", "an import takes effect at its end", "it takes effect row by row while it is processing", undocumented,
			func(s *Switches) *bool { return &s.ImportsProgressive }),
		toggle("imports_read_late", "the changes of an import can be read immediately", "30 seconds after its end", undocumented,
			func(s *Switches) *bool { return &s.ImportsReadLate }),
		toggle("busy_addresses_refused", "an address is refused only after an edit `refuse`", "an address is refused for 48 hours after more than 5 changes in 24 hours", support,
			func(s *Switches) *bool { return &s.BusyAddressesRefused }),
	}
}

func activitySwitches() []Switch {
	return []Switch{
		toggle("activity_error_lines", "activity_errors stays empty", "it has a line \"Line N: ...\" for each refused contact", thirdParty,
			func(s *Switches) *bool { return &s.ActivityErrorLines }),
		toggle("activity_status_late", "an activity has its status from the start", "it has none while it is initialized, and none in its first 30 seconds unless it has ended", recorded,
			func(s *Switches) *bool { return &s.ActivityStatusLate }),
		amount("activities_wait", "an activity starts immediately", "it waits in the queue for 10 minutes, or for the given time", undocumented, Duration(10*time.Minute),
			func(s *Switches) *Duration { return &s.ActivitiesWait }),
		toggle("activity_self_links_right", "self links are wrong: an internal path in the answer to the POST, the newest activity's in a list", "they lead to the activity", recorded,
			func(s *Switches) *bool { return &s.ActivitySelfLinksRight }),
		toggle("activities_by_offset", "the cursor of a list of activities names the next one", "it is an offset", recorded,
			func(s *Switches) *bool { return &s.ActivitiesByOffset }),
		toggle("posts_answer_200", "a POST that created something answers 201", "it answers 200", undocumented,
			func(s *Switches) *bool { return &s.PostsAnswer200 }),
		toggle("export_by_name", "an export names custom fields by label", "by field name", undocumented,
			func(s *Switches) *bool { return &s.ExportByName }),
		toggle("export_without_fields", "an export has the custom fields", "only when it asks for them by name", guide,
			func(s *Switches) *bool { return &s.ExportWithoutFields }),
		toggle("export_product_words", "an export has the API's words for a status", "those of the web interface: Implied, Express, Explicit, No Permissions Set, or nothing", thirdParty,
			func(s *Switches) *bool { return &s.ExportProductWords }),
	}
}

func contactSwitches() []Switch {
	table := []Switch{
		toggle("deletion_moves_updated_at", "deleting a contact does not change updated_at", "it does", undocumented,
			func(s *Switches) *bool { return &s.DeletionMovesUpdatedAt }),
		toggle("list_exit_moves_updated_at", "leaving a list does not change updated_at", "it does", undocumented,
			func(s *Switches) *bool { return &s.ListExitMovesUpdatedAt }),
		toggle("tag_moves_updated_at", "a tag does not change updated_at", "it does", undocumented,
			func(s *Switches) *bool { return &s.TagMovesUpdatedAt }),
		toggle("field_edit_moves_updated_at", "editing a custom field does not change updated_at", "it does", undocumented,
			func(s *Switches) *bool { return &s.FieldEditMovesUpdatedAt }),
		toggle("opt_out_leaves_lists", "a contact that opts out stays on its lists", "it leaves them", undocumented,
			func(s *Switches) *bool { return &s.OptOutLeavesLists }),
		toggle("updated_after_inclusive", "updated_after excludes its own second", "it includes it", undocumented,
			func(s *Switches) *bool { return &s.UpdatedAfterInclusive }),
		toggle("contacts_newest_first", "pages of contacts are in an arbitrary order", "the newest contact comes first", recorded,
			func(s *Switches) *bool { return &s.ContactsNewestFirst }),
		toggle("writes_move_updated_at", "an import or PUT that changes nothing does not change updated_at, nor does the import change update_source", "it does", undocumented,
			func(s *Switches) *bool { return &s.WritesMoveUpdatedAt }),
		toggle("put_without_address", "a PUT without email_address.address is refused", "it keeps the address", recorded,
			func(s *Switches) *bool { return &s.PutWithoutAddress }),
		toggle("put_lowers_permission", "a PUT from explicit to implicit is refused", "it is accepted", recorded,
			func(s *Switches) *bool { return &s.PutLowersPermission }),
		toggle("put_answers_whole", "a PUT answers with the contact's own properties and the subresources that were sent", "with all subresources", recorded,
			func(s *Switches) *bool { return &s.PutAnswersWhole }),
		amount("contacts_count_high", "contacts_count is what the pages show", "it is higher by 3, or by the given number", thirdParty, 3,
			func(s *Switches) *int { return &s.ContactsCountHigh }),
		amount("counts_high", "contacts/counts is what pages and exports show", "its total and implicit are higher by 3, or by the given number", undocumented, 3,
			func(s *Switches) *int { return &s.CountsHigh }),
	}
	for _, permission := range putPermissions {
		table = append(table, choice("put_sets_permission", permission,
			"a PUT without permission_to_send keeps it", "it becomes "+permission, contract,
			func(s *Switches) *string { return &s.PutSetsPermission }))
	}
	return table
}

func accountSwitches() []Switch {
	return []Switch{
		toggle("lower_case_addresses", "addresses keep their case", "they are stored in lower case", undocumented,
			func(s *Switches) *bool { return &s.LowerCaseAddresses }),
		toggle("field_names_keep_case", "the name of a custom field is its label in lower case", "it keeps the label's capitals", contract,
			func(s *Switches) *bool { return &s.FieldNamesKeepCase }),
		toggle("field_names_last", "a custom field with a new label gets a new name", "the name stays", recorded,
			func(s *Switches) *bool { return &s.FieldNamesLast }),
		toggle("field_values_go_at_once", "the values of a deleted custom field disappear 10 minutes later", "they disappear immediately", recorded,
			func(s *Switches) *bool { return &s.FieldValuesGoAtOnce }),
		toggle("select_needs_choice_ids", "imports and PUTs accept the labels of choices as values", "an import accepts their ids, a PUT choice_ids, and labels are refused", undocumented,
			func(s *Switches) *bool { return &s.SelectNeedsChoiceIDs }),
		toggle("authorization_counts", "only API requests count against the limits", "requests to the authorization server count too", undocumented,
			func(s *Switches) *bool { return &s.AuthorizationCounts }),
		toggle("refresh_token_absent", "a long-lived refresh token comes back in each answer", "it comes only once", support,
			func(s *Switches) *bool { return &s.RefreshTokenAbsent }),
	}
}
