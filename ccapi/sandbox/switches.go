package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Switches decide what is not known of the real service. Each zero value is the
// position that the sandbox takes by default; a program is right only if it is
// right in every position ([SwitchTable] lists them). The last ones are harm
// that no honest service does ([HarmTable]): a program has to notice it.
//
// Beside being set for good, a switch can be thrown for single requests and
// what comes of them: see [FaultSwitch].
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
	ExportProductWords        bool `json:"export_product_words"`
	OptOutLeavesLists         bool `json:"opt_out_leaves_lists"`
	BusyAddressesRefused      bool `json:"busy_addresses_refused"`
	AuthorizationCounts       bool `json:"authorization_counts"`
	RefreshTokenAbsent        bool `json:"refresh_token_absent"`
	PutWithoutAddress         bool `json:"put_without_address"`
	PutLowersPermission       bool `json:"put_lowers_permission"`
	PutAnswersWhole           bool `json:"put_answers_whole"`
	WritesMoveUpdatedAt       bool `json:"writes_move_updated_at"`
	ContactsNewestFirst       bool `json:"contacts_newest_first"`
	SelectNeedsChoiceIDs      bool `json:"select_needs_choice_ids"`
	FieldNamesLast            bool `json:"field_names_last"`
	FieldValuesGoAtOnce       bool `json:"field_values_go_at_once"`
	ActivitySelfLinksRight    bool `json:"activity_self_links_right"`
	ActivitiesByOffset        bool `json:"activities_by_offset"`
	PostsAnswer200            bool `json:"posts_answer_200"`
	// ActivitiesWait is how long an activity is initialized before it begins.
	ActivitiesWait Duration `json:"activities_wait"`
	// ContactsCountHigh is by how much contacts_count is above what the pages show.
	ContactsCountHigh int `json:"contacts_count_high"`
	// CountsHigh is by how much contacts/counts is above what pages and exports show.
	CountsHigh int `json:"counts_high"`
	// ActivityStatusLate leaves "status" out of young activities.
	ActivityStatusLate bool `json:"activity_status_late"`
	// PutSetsPermission is what a PUT without permission_to_send sets: explicit,
	// implicit or not_set; empty keeps it.
	PutSetsPermission string `json:"put_sets_permission"`

	// Harm.
	ImportsLoseRows      bool `json:"imports_lose_rows"`
	FirstImportLosesRow  bool `json:"first_import_loses_row"`
	ImportSetsPermission bool `json:"import_sets_permission"`
	ImportResubscribes   bool `json:"import_resubscribes"`
	ImportAddsList       bool `json:"import_adds_list"`
	ImportClearsField    bool `json:"import_clears_field"`
	NextLinksInternal    bool `json:"next_links_internal"`
	NextLinksRepeat      bool `json:"next_links_repeat"`
}

// Duration is a [time.Duration] that is written as text, such as "10m".
type Duration time.Duration

// MarshalText writes "10m0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads "10m"; an empty text is no time at all.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := parseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// check tells what is wrong with the positions of switches.
func (w *Switches) check() error {
	var wrong error
	if w.ContactsCountHigh < 0 || w.CountsHigh < 0 || w.ActivitiesWait < 0 {
		wrong = errors.New("contacts_count_high, counts_high and activities_wait cannot be negative")
	}
	if p := w.PutSetsPermission; p != "" && !slices.Contains(putPermissions, p) {
		wrong = errors.Join(wrong, fmt.Errorf("put_sets_permission is one of %q, or empty", putPermissions))
	}
	return wrong
}

// putPermissions are what a PUT that names no permission may set.
var putPermissions = []string{Explicit, Implicit, NotSet}

// Switch is one line of [SwitchTable] or [HarmTable].
type Switch struct {
	Name   string // as in JSON; "name=position" where several can be on
	Off    string // what happens by default
	On     string // what happens when it is set
	Source string // where the doubt comes from
	get    func(*Switches) bool
	set    func(*Switches, bool)
}

// Set puts the switch into the position on. A switch with a number that is on
// already keeps its number.
func (w Switch) Set(s *Switches, on bool) { w.set(s, on) }

// Get tells the position of the switch.
func (w Switch) Get(s Switches) bool { return w.get(&s) }

// toggle is a switch with two positions.
func toggle(name, off, on, source string, field func(*Switches) *bool) Switch {
	return Switch{name, off, on, source,
		func(s *Switches) bool { return *field(s) },
		func(s *Switches, on bool) { *field(s) = on }}
}

// amount is a switch with a number; value is the one that stands for on.
func amount[T int | Duration](name, off, on, source string, value T, field func(*Switches) *T) Switch {
	return Switch{name, off, on, source,
		func(s *Switches) bool { return *field(s) != 0 },
		func(s *Switches, on bool) {
			switch p := field(s); {
			case !on:
				*p = 0
			case *p == 0:
				*p = value
			}
		}}
}

// choice is one position of a switch that has several.
func choice(name, value, off, on, source string, field func(*Switches) *string) Switch {
	return Switch{name + "=" + value, off, on, source,
		func(s *Switches) bool { return *field(s) == value },
		func(s *Switches, on bool) {
			switch p := field(s); {
			case on:
				*p = value
			case *p == value:
				*p = ""
			}
		}}
}

// over is the positions with those of top thrown on top of them.
func (w Switches) over(top Switches) Switches {
	for _, sw := range slices.Concat(SwitchTable(), HarmTable()) {
		if sw.get(&top) {
			sw.set(&w, true)
		}
	}
	w.ContactsCountHigh = cmp.Or(top.ContactsCountHigh, w.ContactsCountHigh)
	w.CountsHigh = cmp.Or(top.CountsHigh, w.CountsHigh)
	w.ActivitiesWait = cmp.Or(top.ActivitiesWait, w.ActivitiesWait)
	return w
}
