package config

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones are known on machines without a zone database, too

	"github.com/pelletier/go-toml/v2/unstable"
)

// noLimit is the upper end of a number that has none; it fits an int on every platform.
const noLimit = 1<<31 - 1

// setter reads one setting into the place that it was made for, and complains to r.
type setter func(r *reader, s setting)

// rule judges a string: what it must be, to follow "must be", or "" when it is.
type rule func(string) (must string)

func text(dst *string, is rule) setter {
	return func(r *reader, s setting) {
		got, ok := r.resolve(s, s.value)
		if !ok {
			return
		}
		if must := is(got); must != "" {
			r.reject(s, s.value, must)
			return
		}
		*dst = got
	}
}

// private is text that no message repeats. keep puts it into its place.
func private(keep func(string), is rule) setter {
	return func(r *reader, s setting) {
		got, ok := r.resolve(s, s.value)
		if !ok {
			return
		}
		if must := is(got); must != "" {
			r.complain(s, s.name()+" must be "+must)
			return
		}
		keep(got)
	}
}

func secret(dst *Secret, is rule) setter {
	return func(r *reader, s setting) {
		private(func(got string) {
			*dst = NewSecret(got)
			if got != "" && (s.id() != "source.dsn" || hasPassword(got)) {
				r.noteClear(s)
			}
		}, is)(r, s)
	}
}

// password finds one in a DSN, of whatever form: in the user part of a URL or of MySQL's driver, or
// as a parameter.
var password = regexp.MustCompile(`(?i)^([a-z][a-z0-9+.-]*://)?[^/@:?]*:[^/@]+@|passw|\bpwd\s*=`)

func hasPassword(dsn string) bool { return password.MatchString(dsn) }

// noteClear notes a secret that stands in the file itself.
func (r *reader) noteClear(s setting) {
	if !strings.HasPrefix(s.value.text, envPrefix) && !strings.HasPrefix(s.value.text, filePrefix) {
		r.cfg.ClearSecrets = append(r.cfg.ClearSecrets, s.name())
	}
}

// base is an address that requests and tokens are sent to.
func base(dst *string) setter {
	return private(func(got string) { *dst = got }, endpoint)
}

func texts(dst *[]string, is rule) setter {
	return func(r *reader, s setting) {
		if s.value.kind != unstable.Array {
			r.wrongType(s, s.value, `a list of strings, such as ["a", "b"]`)
			return
		}
		var all []string
		for _, item := range s.value.items {
			if got, ok := r.item(s, item, all, is); ok {
				all = append(all, got)
			}
		}
		*dst = all
	}
}

// item returns one string of a list; false when a mistake was noted.
func (r *reader) item(s setting, v value, before []string, is rule) (string, bool) {
	got, ok := r.resolve(s, v)
	if !ok {
		return "", false
	}
	if must := is(got); must != "" {
		r.complain(s, "each of "+s.name()+" must be "+must+r.shown(v, ", not "))
		return "", false
	}
	if slices.ContainsFunc(before, func(have string) bool { return strings.EqualFold(have, got) }) {
		r.complain(s, s.name()+" has the same entry twice"+r.shown(v, ": "))
		return "", false
	}
	return got, true
}

// word is text out of a few.
func word(dst *string, words ...string) setter {
	return text(dst, func(got string) string {
		if slices.Contains(words, got) {
			return ""
		}
		return oneOf(words)
	})
}

func boolean(dst *bool) setter {
	return func(r *reader, s setting) {
		if s.value.kind != unstable.Bool {
			r.wrongType(s, s.value, "true or false")
			return
		}
		*dst = s.value.text == "true"
	}
}

func integer(dst *int, low, high int64) setter {
	must := fmt.Sprintf("a whole number from %d to %d", low, high)
	if high == noLimit {
		must = fmt.Sprintf("a whole number, %d or more", low)
	}
	return func(r *reader, s setting) {
		if s.value.kind != unstable.Integer {
			r.wrongType(s, s.value, must)
			return
		}
		n, err := strconv.ParseInt(s.value.text, 0, 64)
		if err != nil || n < low || n > high {
			r.complain(s, s.name()+" must be "+must+", not "+s.value.text)
			return
		}
		*dst = int(n)
	}
}

func duration(dst *time.Duration, least time.Duration) setter {
	must := `a duration, such as "90s", "24h" or "90d"`
	if least > 0 {
		must += ", above zero"
	}
	return func(r *reader, s setting) {
		if s.value.kind != unstable.String {
			r.wrongType(s, s.value, must+", in quotes")
			return
		}
		got, ok := r.resolve(s, s.value)
		if !ok {
			return
		}
		d, err := ParseDuration(got)
		if err != nil || d < least {
			r.reject(s, s.value, must)
			return
		}
		*dst = d
	}
}

func zone(dst **time.Location) setter {
	return func(r *reader, s setting) {
		got, ok := r.resolve(s, s.value)
		if !ok {
			return
		}
		where, err := time.LoadLocation(got)
		if err != nil || got == "" {
			r.reject(s, s.value, `a time zone by its IANA name, such as "Europe/Berlin", or "UTC"`)
			return
		}
		*dst = where
	}
}

func level(dst *slog.Level) setter {
	return func(r *reader, s setting) {
		var got string
		word(&got, "debug", "info", "warn", "error")(r, s)
		if got != "" {
			_ = dst.UnmarshalText([]byte(got)) // one of the four names, all of which slog knows
		}
	}
}

func oneOf(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

func quote(s string) string { return strconv.Quote(s) }
