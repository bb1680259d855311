package web

import (
	"fmt"

	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

// newsletter is the answer to "may the newsletter go out?".
type newsletter struct {
	Word string // "Yes", "Not quite", "Not yet" or "Not known"
	Text string
}

// answer goes by the users who are contacts: whoever is none gets no newsletter. It is yes only
// while nothing is open and runs come and go as they should.
func (s *situation) answer(tone string) newsletter {
	if s.last == nil || s.last.Coverage == nil {
		return newsletter{"Not known yet", "No run has compared your users with Constant Contact so far."}
	}
	c := s.last.Coverage
	missing := max(c.Missing, s.problems) + c.Pending
	known := allCarry(c)
	if missing > 0 {
		known = fmt.Sprintf("%s of the %s %s not there.", kit.Count(missing), kit.Plural(c.Contacts, "code", "codes"), is(missing))
	}
	switch {
	case s.last.Outcome == ccsync.Refused && s.login.Authorized:
		return newsletter{"Not yet", "Changes wait for a decision. " + known}
	case tone == "bad":
		return newsletter{"Not known", "What was found " + span(s.now.Sub(s.last.CoverageAt)) + " ago: " + known + " Newer codes do not arrive until this is solved."}
	case missing > 0:
		return newsletter{"Not yet", known + " If the newsletter goes out now, " + kit.Plural(missing, "person gets", "people get") + " it without a code or with an old one."}
	case tone != "good":
		return newsletter{"Not yet", "Codes are on their way."}
	}
	if c.Contacts == 0 {
		return newsletter{"It reaches nobody", "None of the " + kit.Plural(c.Users, "user", "users") + " of your app is a contact in Constant Contact."}
	}
	if n := unusable(s.last.Skips); n > 0 {
		return newsletter{"Not quite", kit.Plural(n, "user", "users") + " may get it without the right code, or with an old one, since their data cannot be used: see Skipped. " +
			"Of the others, every contact has the right code."}
	}
	return newsletter{"Yes", known}
}

func allCarry(c *ccsync.Coverage) string {
	switch c.Contacts {
	case 0:
		return "No user is a contact, so that there is no code to wait for."
	case 1:
		return "The one user who is a contact has the right code."
	}
	return "All " + kit.Count(c.Contacts) + " users who are contacts have the right code."
}

func is(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
