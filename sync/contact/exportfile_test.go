package contact

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ccsyncd/sync/state"
)

// Pages are read then: a file that stays empty would else fail every run.
func TestAnExportWithoutAHeadingIsUnfit(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"", "\n\n"} {
		for c, err := range ReadExport(&Mapping{}, strings.NewReader(file), nil) {
			if !errors.Is(err, ErrUnfit) {
				t.Errorf("%q: %+v, %v", file, c, err)
			}
		}
	}
}

// lineOf is what a line of an export is read as.
func lineOf(c state.Contact) string {
	return fmt.Sprintf("%s %s %s %v %q %s", c.Norm, c.Address, c.Permission, c.Lists, strings.Split(c.Fields, state.Separator), c.UpdatedAt.Format(time.RFC3339))
}

// What is not understood has no permission: nobody is taken for subscribed by mistake.
func TestALineOfAnExportIsAContactOrIsNotUnderstood(t *testing.T) {
	t.Parallel()
	m := &Mapping{Targets: []Target{
		{Field: Field{Column: "code", CustomField: "Short code"}, ID: "1", Name: "short_code", Label: "Short code", Kind: KindText},
		{Field: Field{Column: "size", CustomField: "size"}, ID: "2", Name: "size", Label: "Shoe size", Kind: kindNumber},
		{Field: Field{Column: "first", Property: "first_name"}, Kind: KindText},
		{Field: Field{Column: "company", Property: "company_name"}, Kind: KindText},
		{Field: Field{Column: "new", CustomField: "To be made"}, Kind: KindText},
	}}
	const heading = "\ufeffEMAIL address, Email status ,Email permission status,Email Lists,Updated At,Short code,size,First name,Company\n"
	const at = ",2026-01-02 03:04:05 -0500,"
	lists := map[string]string{"App users": "l1", "News": "l2"}
	for line, want := range map[string]string{
		`Ann@Example.com,Active,Implicit,"App users, News"` + at + `K1,8.50, Ann ,Co`: `ann@example.com Ann@Example.com implicit [l1 l2] ["K1" "8.5" "Ann" "Co" ""] 2026-01-02T08:04:05Z`,
		`ann@example.com,Active,Express,` + at + `,,,`:                                `ann@example.com ann@example.com explicit [] [""] 2026-01-02T08:04:05Z`,
		`ann@example.com,Unsubscribed,Implicit,` + at + `,,,`:                         `ann@example.com ann@example.com unsubscribed [] [""] 2026-01-02T08:04:05Z`,
		`ann@example.com,temp_hold,,` + at + `,,,`:                                    `ann@example.com ann@example.com temp_hold [] [""] 2026-01-02T08:04:05Z`,
		`ann@example.com,Awaiting Confirmation,,` + at + `,,,`:                        `ann@example.com ann@example.com pending_confirmation [] [""] 2026-01-02T08:04:05Z`,
		`ann@example.com,Not set,No permissions set,` + at + `,,,`:                    `ann@example.com ann@example.com not_set [] [""] 2026-01-02T08:04:05Z`,
		`ann@example.com,Elsewhere,Implicit,` + at + `K1,,,`:                          `ann@example.com ann@example.com  [] ["K1" "" "" "" ""] 2026-01-02T08:04:05Z`,
		`ann@example.com,Active,Elsewhere,` + at + `K1,,,`:                            `ann@example.com ann@example.com  [] ["K1" "" "" "" ""] 2026-01-02T08:04:05Z`,
		`ann@example.com,Active,Implicit,"App users, Other"` + at + `K1,,,`:           `ann@example.com ann@example.com  [l1] [""] 0001-01-01T00:00:00Z`,
		`ann@example.com,Active,Implicit,,yesterday,K1,,,`:                            `ann@example.com ann@example.com  [] [""] 0001-01-01T00:00:00Z`,
		`,Active,Implicit,` + at + `K1,,,`:                                            `   [] [""] 0001-01-01T00:00:00Z`,
	} {
		read := 0
		for c, err := range ReadExport(m, strings.NewReader(heading+line+"\n"), lists) {
			if read++; err != nil || lineOf(c) != want {
				t.Errorf("%s: %s (%v), want %s", line, lineOf(c), err, want)
			}
		}
		if read != 1 {
			t.Errorf("%s: %d contacts", line, read)
		}
	}
	for name, heading := range map[string]string{
		"no address":    "Email status,Email permission status,Email Lists,Updated At,Short code,size,First name,Company",
		"no field":      "Email address,Email status,Email permission status,Email Lists,Updated At,size,First name,Company",
		"a field twice": "Email address,Email status,Email permission status,Email Lists,Updated At,Short code,size,First name,Company,short CODE",
		"thrice":        "Email address,Email status,Email permission status,Email Lists,Updated At,Short code,size,First name,Company,short CODE,Short code",
		"no company":    "Email address,Email status,Email permission status,Email Lists,Updated At,Short code,size,First name",
	} {
		for c, err := range ReadExport(m, strings.NewReader(heading+"\n"), lists) {
			if !errors.Is(err, ErrUnfit) {
				t.Errorf("%s: %s, %v", name, lineOf(c), err)
			}
		}
	}
}

// A quote that is never closed would take in the whole file.
func TestALineOfAnExportThatDoesNotEndIsUnfit(t *testing.T) {
	t.Parallel()
	const heading = "Email address,Email status,Email permission status,Email Lists,Updated At\n"
	for size, fits := range map[int]bool{maxLine / 2: true, 2 * maxLine: false} {
		line := `ann@example.com,Active,Implicit,"` + strings.Repeat("x", size) + `",2026-01-02 03:04:05 -0500` + "\n"
		var last error
		for _, err := range ReadExport(&Mapping{}, strings.NewReader(heading+line), nil) {
			last = err
		}
		if errors.Is(last, ErrUnfit) == fits {
			t.Errorf("a line of %d bytes: %v", size, last)
		}
	}
}
