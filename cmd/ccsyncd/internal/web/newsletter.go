package web

import (
	"fmt"

	"ccsyncd/internal/kit"
	ccsync "ccsyncd/sync"
)

// newsletter is the answer to "may the newsletter go out?".
type newsletter struct {
	Word string // such as "Yes" or "Not yet"
	Text string
}

// answer goes by the users who are contacts, since nobody else gets a newsletter. It is yes only
// while nothing is open and runs end well.
func (s *situation) answer(tone string) newsletter {
	if s.last == nil || s.last.Coverage == nil {
		return newsletter{"Not known yet", "ccsyncd has not compared your users with Constant Contact yet."}
	}
	c := s.last.Coverage
	missing := max(c.Missing, s.problems)
	open := missing + c.Pending
	known := allCarry(c)
	if open > 0 {
		known = notArrived(c.Pending, missing, max(open, c.Verified+c.Pending+c.Missing))
	}
	switch {
	case s.last.Outcome == ccsync.Refused && s.login.Authorized:
		return newsletter{"Not yet", "The changes wait for a decision. " + known}
	case tone == "bad":
		return newsletter{"Not known", known + " This was counted " + span(s.now.Sub(s.last.CoverageAt)) + " ago. Newer codes do not arrive until the problem is solved."}
	case open > 0:
		// Users who are not contacts yet get no newsletter.
		if people := c.Contacts - c.Verified + missing - c.Missing; people > 0 {
			known += " If the newsletter goes out now, " + kit.Plural(people, "person gets", "people get") + " it without a code or with an old one."
		}
		return newsletter{"Not yet", known}
	case s.oversteps > 0:
		return newsletter{"Not yet", known + " Somebody must first check " + kit.Plural(s.oversteps, "contact", "contacts") + ": the newsletter may reach people who had opted out."}
	case tone != "good":
		return newsletter{"Not yet", "Codes are on their way."}
	}
	if c.Contacts == 0 {
		return newsletter{"It reaches nobody", "None of the " + kit.Plural(c.Users, "user", "users") + " of your app is a contact in Constant Contact."}
	}
	if n := unusable(s.last.Skips); n > 0 {
		return newsletter{"Not quite", kit.Plural(n, "skipped user", "skipped users") + " may get it without a code or with an old one: see Skipped below. " +
			"All other users who are contacts have the right code."}
	}
	return newsletter{"Yes", known}
}

func allCarry(c *ccsync.Coverage) string {
	switch c.Contacts {
	case 0:
		return "None of your users is a contact."
	case 1:
		return "The one user who is a contact has the right code."
	}
	return "All " + kit.Count(c.Contacts) + " users who are contacts have the right code."
}

// notArrived says how many of all codes have not arrived, and why.
func notArrived(pending, missing, all int) string {
	open := pending + missing
	text := fmt.Sprintf("%s of the %s %s not arrived: ", kit.Count(open), kit.Plural(all, "code", "codes"), number(open, "has", "have"))
	switch {
	case open == all && all > 1:
		text = fmt.Sprintf("None of the %s codes has arrived: ", kit.Count(all))
	case open == all:
		text = "The one code has not arrived: "
	}
	const sent, waits = "sent, but Constant Contact does not show ", "to be sent or on the way"
	switch {
	case pending == 0:
		return text + number(missing, "it was "+sent+"it.", "they were "+sent+"them.")
	case missing == 0:
		return text + number(pending, "it is still "+waits+".", "they are still "+waits+".")
	}
	return text + fmt.Sprintf("%s %s still %s, and %s %s %s%s.", kit.Count(pending), number(pending, "is", "are"), waits,
		kit.Count(missing), number(missing, "was", "were"), sent, number(missing, "it", "them"))
}

// number is a word or phrase for one thing or for several.
func number(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}
