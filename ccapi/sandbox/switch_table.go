package sandbox

import "slices"

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

// HarmTable lists the switches that make the service break its word.
func HarmTable() []Switch { return nil }

func importSwitches() []Switch {
	return []Switch{
		toggle("unsubscribed_fields_ignored", "an import changes the fields of unsubscribed contacts", "it leaves them alone", undocumented,
			func(s *Switches) *bool { return &s.UnsubscribedFieldsIgnored }),
		toggle("blank_clears", "a blank or null in an import is ignored", "it clears the value", undocumented,
			func(s *Switches) *bool { return &s.BlankClears }),
		toggle("first_duplicate_wins", "of two equal addresses in an import the last wins", "the first wins", undocumented,
			func(s *Switches) *bool { return &s.FirstDuplicateWins }),
		toggle("import_keeps_updated_at", "an import that changed a contact moves updated_at", "it does not, unless a list was joined", undocumented,
			func(s *Switches) *bool { return &s.ImportKeepsUpdatedAt }),
		toggle("import_field_names_fold", "cf: names of another case are ignored", "they are matched", undocumented,
			func(s *Switches) *bool { return &s.ImportFieldNamesFold }),
		toggle("import_addresses_short", "an import takes addresses of up to 80 characters", "of up to 50", contract,
			func(s *Switches) *bool { return &s.ImportAddressesShort }),
		toggle("imports_progressive", "an import takes effect at its end", "row by row while it is processing", undocumented,
			func(s *Switches) *bool { return &s.ImportsProgressive }),
		toggle("imports_read_late", "what an import changed can be read at once", "30 seconds after its end", undocumented,
			func(s *Switches) *bool { return &s.ImportsReadLate }),
		toggle("busy_addresses_refused", "addresses are refused only when told so", "an address is refused for 48 hours after more than 5 changes in 24 hours", support,
			func(s *Switches) *bool { return &s.BusyAddressesRefused }),
	}
}

func activitySwitches() []Switch {
	return []Switch{
		toggle("activity_error_lines", "activity_errors stays empty", "it has a line \"Line N: ...\" for each refused contact", thirdParty,
			func(s *Switches) *bool { return &s.ActivityErrorLines }),
		toggle("activity_status_late", "an activity has its status from the start", "it has none while it is initialized, nor in its first 30 seconds unless it has ended", recorded,
			func(s *Switches) *bool { return &s.ActivityStatusLate }),
		toggle("export_by_name", "an export heads custom fields by label", "by field name", undocumented,
			func(s *Switches) *bool { return &s.ExportByName }),
		toggle("export_without_fields", "an export has the custom fields", "only when it asks for them by name", guide,
			func(s *Switches) *bool { return &s.ExportWithoutFields }),
		toggle("export_product_words", "an export has the API's words for a status", "those of the web interface: Implied, Express, Explicit, No Permissions Set, or nothing", thirdParty,
			func(s *Switches) *bool { return &s.ExportProductWords }),
	}
}

func contactSwitches() []Switch {
	table := []Switch{
		toggle("deletion_moves_updated_at", "deleting a contact leaves updated_at alone", "it moves it", undocumented,
			func(s *Switches) *bool { return &s.DeletionMovesUpdatedAt }),
		toggle("list_exit_moves_updated_at", "leaving a list leaves updated_at alone", "it moves it", undocumented,
			func(s *Switches) *bool { return &s.ListExitMovesUpdatedAt }),
		toggle("tag_moves_updated_at", "a tag leaves updated_at alone", "it moves it", undocumented,
			func(s *Switches) *bool { return &s.TagMovesUpdatedAt }),
		toggle("field_edit_moves_updated_at", "an edited custom field leaves updated_at alone", "it moves it", undocumented,
			func(s *Switches) *bool { return &s.FieldEditMovesUpdatedAt }),
		toggle("opt_out_leaves_lists", "who opts out stays a member of his lists", "he leaves them", undocumented,
			func(s *Switches) *bool { return &s.OptOutLeavesLists }),
		toggle("updated_after_inclusive", "updated_after leaves out its own second", "it includes it", undocumented,
			func(s *Switches) *bool { return &s.UpdatedAfterInclusive }),
		amount("contacts_count_high", "contacts_count is what the pages show", "it is 3 more, or the number given; contacts/counts is right", thirdParty, 3,
			func(s *Switches) *int { return &s.ContactsCountHigh }),
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
		toggle("authorization_counts", "only API requests count against the limits", "those to the authorization server too", undocumented,
			func(s *Switches) *bool { return &s.AuthorizationCounts }),
		toggle("refresh_token_absent", "a long-lived refresh token comes back in each answer", "it comes only once", support,
			func(s *Switches) *bool { return &s.RefreshTokenAbsent }),
	}
}
