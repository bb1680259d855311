package term

import (
	"testing"
	"time"
	"unicode"

	"ccsyncd/internal/kit"
)

func TestMaskShowsHalfAtMost(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"K7Q2": "K7••", "K7Q2M9": "K7••", "Ann": "A••", "ab": "a••", "x": "••", "": "", "日本語コ": "日本••", "\x1b[K7Q2": "[K••",
	} {
		if got := Mask(value); got != want {
			t.Errorf("Mask(%q) = %q, want %q", value, got, want)
		}
	}
}

func TestMaskAddressKeepsTheDomain(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"ann@example.com": "a••@example.com", "a@example.com": "••@example.com", `"x@y"@example.com`: `"••@example.com`,
		"bob@": "b••@", "@example.com": "••@example.com", "nobody": "n••", "": "", "é@x": "••@x", "éa@x": "é••@x",
	} {
		if got := MaskAddress(address); got != want {
			t.Errorf("MaskAddress(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestNumbersAreForEyes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 12500: "12,500", 1234567: "1,234,567", -1000: "-1,000", -100: "-100",
	} {
		if got := kit.Count(n); got != want {
			t.Errorf("kit.Count(%d) = %q, want %q", n, got, want)
		}
	}
	if got := kit.Plural(1, "contact", "contacts") + ", " + kit.Plural(2000, "contact", "contacts"); got != "1 contact, 2,000 contacts" {
		t.Errorf("Plural: %q", got)
	}
	for d, want := range map[time.Duration]string{
		0: "0s", 450 * time.Millisecond: "450ms", 999900 * time.Microsecond: "999ms", time.Second: "1s",
		6540 * time.Millisecond: "6.5s", 59999 * time.Millisecond: "59s", 80 * time.Second: "1m 20s", time.Hour: "1h",
		3*time.Hour + 5*time.Minute + 7*time.Second: "3h 5m", 52 * time.Hour: "2d 4h", 180 * 24 * time.Hour: "180d",
		-80 * time.Second: "-1m 20s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestAgesAreCoarseAndBelowTwoDaysInHours(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		0: "just now", 7 * time.Second: "7s ago", 80 * time.Second: "1m ago", 50 * time.Hour: "2d ago", -5 * time.Minute: "in 5m",
		1500 * time.Millisecond: "1s ago",
		24 * time.Hour:          "24h ago", -48*time.Hour + time.Minute: "in 47h", -48 * time.Hour: "in 2d", 71 * time.Hour: "2d ago",
	} {
		if got := Age(now.Add(-ago), now); got != want {
			t.Errorf("Age(%v ago) = %q, want %q", ago, got, want)
		}
	}
	if got := Age(time.Time{}, now); got != "never" {
		t.Errorf("Age(zero) = %q, want never", got)
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"plain", "\x1b[31m", "\u009b2J", "a\r\nb", "\xff\xfe", "\u202eevil", "日本\ufeff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		got := Clean(data)
		for _, r := range got {
			if unicode.IsControl(r) || kit.TurnsDirection(r) {
				t.Errorf("Clean(%q) = %q keeps %U", data, got, r)
			}
		}
		if again := Clean(got); again != got {
			t.Errorf("Clean is not idempotent: %q, then %q", got, again)
		}
	})
}
