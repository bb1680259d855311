package sync

import (
	"testing"

	"ccsyncd/sync/state"
)

func TestWhatAnImportSaidNamesNoAddressAndNoValue(t *testing.T) {
	t.Parallel()
	row := &state.BatchRow{Norm: "ann@example.com", Address: "Ann@example.com", Key: "7", Wanted: "K7Q2M9" + state.Separator + "An", Old: "M9X4P1" + state.Separator}
	for text, want := range map[string]string{
		"Line 2: K7Q2M9 ann@example.com":      "Line 2: •• key:7",
		"Ann@example.com has M9X4P1 already":  "key:7 has •• already",
		"Answer: the file could not be read.": "Answer: the file could not be read.",
	} {
		if got := withoutUser(text, row); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
	if got := withoutUser("K7 ben@example.com", &state.BatchRow{Norm: "ben@example.com"}); got != "K7 ••" {
		t.Errorf("without key and address: %q", got)
	}
}
