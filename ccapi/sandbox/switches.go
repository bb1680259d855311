package sandbox

// Switches decide what is not known of the real service. Each zero value is the
// position that the sandbox takes by default; a program is right only if it is
// right in every position ([SwitchTable] lists them).
type Switches struct {
	UnsubscribedFieldsIgnored bool `json:"unsubscribed_fields_ignored"`
	BlankClears               bool `json:"blank_clears"`
	FirstDuplicateWins        bool `json:"first_duplicate_wins"`
	DeletionMovesUpdatedAt    bool `json:"deletion_moves_updated_at"`
	ListExitMovesUpdatedAt    bool `json:"list_exit_moves_updated_at"`
	TagMovesUpdatedAt         bool `json:"tag_moves_updated_at"`
	FieldEditMovesUpdatedAt   bool `json:"field_edit_moves_updated_at"`
	ImportKeepsUpdatedAt      bool `json:"import_keeps_updated_at"`
	UpdatedAfterInclusive     bool `json:"updated_after_inclusive"`
	LowerCaseAddresses        bool `json:"lower_case_addresses"`
	FieldNamesKeepCase        bool `json:"field_names_keep_case"`
	ImportFieldNamesFold      bool `json:"import_field_names_fold"`
	ImportAddressesShort      bool `json:"import_addresses_short"`
	ImportsProgressive        bool `json:"imports_progressive"`
	ImportsReadLate           bool `json:"imports_read_late"`
	ActivityErrorLines        bool `json:"activity_error_lines"`
	ExportByName              bool `json:"export_by_name"`
	ExportWithoutFields       bool `json:"export_without_fields"`
	PutResetsPermission       bool `json:"put_resets_permission"`
	OptOutLeavesLists         bool `json:"opt_out_leaves_lists"`
	BusyAddressesRefused      bool `json:"busy_addresses_refused"`
	AuthorizationCounts       bool `json:"authorization_counts"`
	RefreshTokenAbsent        bool `json:"refresh_token_absent"`
}

// Switch is one line of [SwitchTable].
type Switch struct {
	Name  string // as in JSON
	Off   string // what happens by default
	On    string // what happens when it is set
	field func(*Switches) *bool
}

// Set puts the switch into the position on.
func (w Switch) Set(s *Switches, on bool) { *w.field(s) = on }

// Get tells the position of the switch.
func (w Switch) Get(s Switches) bool { return *w.field(&s) }

// SwitchTable lists every switch with its two positions, in a fixed order.
func SwitchTable() []Switch {
	return append(importSwitches(), accountSwitches()...)
}

func importSwitches() []Switch {
	return []Switch{
		{"unsubscribed_fields_ignored", "an import changes the fields of unsubscribed contacts", "it leaves them alone",
			func(s *Switches) *bool { return &s.UnsubscribedFieldsIgnored }},
		{"blank_clears", "a blank or null in an import is ignored", "it clears the value",
			func(s *Switches) *bool { return &s.BlankClears }},
		{"first_duplicate_wins", "of two equal addresses in an import the last wins", "the first wins",
			func(s *Switches) *bool { return &s.FirstDuplicateWins }},
		{"import_keeps_updated_at", "an import that changed a contact moves updated_at", "it does not, unless a list was joined",
			func(s *Switches) *bool { return &s.ImportKeepsUpdatedAt }},
		{"import_field_names_fold", "cf: names of another case are ignored", "they are matched",
			func(s *Switches) *bool { return &s.ImportFieldNamesFold }},
		{"import_addresses_short", "an import takes addresses of up to 80 characters", "of up to 50",
			func(s *Switches) *bool { return &s.ImportAddressesShort }},
		{"imports_progressive", "an import takes effect at its end", "row by row while it is processing",
			func(s *Switches) *bool { return &s.ImportsProgressive }},
		{"imports_read_late", "what an import changed can be read at once", "30 seconds after its end",
			func(s *Switches) *bool { return &s.ImportsReadLate }},
		{"activity_error_lines", "activity_errors stays empty", "it has a line \"Line N: ...\" for each refused contact",
			func(s *Switches) *bool { return &s.ActivityErrorLines }},
		{"busy_addresses_refused", "addresses are refused only when told so", "an address is refused for 48 hours after more than 5 changes in 24 hours",
			func(s *Switches) *bool { return &s.BusyAddressesRefused }},
	}
}

func accountSwitches() []Switch {
	return []Switch{
		{"deletion_moves_updated_at", "deleting a contact leaves updated_at alone", "it moves it",
			func(s *Switches) *bool { return &s.DeletionMovesUpdatedAt }},
		{"list_exit_moves_updated_at", "leaving a list leaves updated_at alone", "it moves it",
			func(s *Switches) *bool { return &s.ListExitMovesUpdatedAt }},
		{"tag_moves_updated_at", "a tag leaves updated_at alone", "it moves it",
			func(s *Switches) *bool { return &s.TagMovesUpdatedAt }},
		{"field_edit_moves_updated_at", "an edited custom field leaves updated_at alone", "it moves it",
			func(s *Switches) *bool { return &s.FieldEditMovesUpdatedAt }},
		{"opt_out_leaves_lists", "who opts out stays a member of his lists", "he leaves them",
			func(s *Switches) *bool { return &s.OptOutLeavesLists }},
		{"updated_after_inclusive", "updated_after leaves out its own second", "it includes it",
			func(s *Switches) *bool { return &s.UpdatedAfterInclusive }},
		{"lower_case_addresses", "addresses keep their case", "they are stored in lower case",
			func(s *Switches) *bool { return &s.LowerCaseAddresses }},
		{"field_names_keep_case", "the name of a custom field is its label in lower case", "it keeps the label's capitals",
			func(s *Switches) *bool { return &s.FieldNamesKeepCase }},
		{"put_resets_permission", "a PUT without permission_to_send keeps it", "it becomes not_set",
			func(s *Switches) *bool { return &s.PutResetsPermission }},
		{"export_by_name", "an export heads custom fields by label", "by field name",
			func(s *Switches) *bool { return &s.ExportByName }},
		{"export_without_fields", "an export has the custom fields", "only when it asks for them by name",
			func(s *Switches) *bool { return &s.ExportWithoutFields }},
		{"authorization_counts", "only API requests count against the limits", "those to the authorization server too",
			func(s *Switches) *bool { return &s.AuthorizationCounts }},
		{"refresh_token_absent", "a long-lived refresh token comes back in each answer", "it comes only once",
			func(s *Switches) *bool { return &s.RefreshTokenAbsent }},
	}
}
