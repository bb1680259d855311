package mirror

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ccsyncd/ccapi"
	"ccsyncd/sync/spool"
	"ccsyncd/sync/state"
)

// Names under which the state database keeps how snapshots fare.
const (
	factLoading    = "loading_mapping"     // the mapping that a snapshot under way was begun with
	factDoubt      = "snapshot_doubt"      // why the last snapshot may lack somebody
	factIncomplete = "snapshot_incomplete" // how many in a row stayed incomplete, and when the next may begin
)

// Doubtful tells whether the last snapshot may lack somebody: the account counts more contacts than its pages show. Nobody may be
// created then who was not looked up by address.
func (m *Mirror) Doubtful(ctx context.Context) (bool, error) {
	doubt, err := m.db.Fact(ctx, factDoubt)
	return doubt != "", err
}

// Doubt says why the last snapshot may lack somebody; "" where it does not.
func Doubt(ctx context.Context, db *state.DB) (string, error) { return db.Fact(ctx, factDoubt) }

// pageSnapshot reads all pages, until as many contacts were seen as the account counts, or until two passes in a row showed the same
// contacts while the count stood still: then that is the account. errLarge when the first page tells that an export is worth
// trying.
func (m *Mirror) pageSnapshot(ctx context.Context) error {
	if err := m.beginSnapshot(ctx); err != nil {
		return err
	}
	var before passed
	for n := range maxPasses {
		p, err := m.passOrAnew(ctx)
		if err != nil {
			return fmt.Errorf("take a snapshot: %w", err)
		}
		if p.count < 0 {
			p.count = m.statistics(ctx)
		}
		seen, err := m.db.SeenIn(ctx, m.at.Loading)
		if err != nil {
			return err
		}
		if m.doubt = ""; p.count >= 0 && seen >= p.count {
			return m.endSnapshot(ctx)
		}
		if p.whole && p == before && p.plausible(seen) {
			m.doubt = m.disagreement(ctx, seen, p.count)
			m.Note(m.doubt)
			m.Log.WarnContext(ctx, "the account's count disagrees with its pages", "seen", seen, "count", p.count)
			return m.endSnapshot(ctx)
		}
		before, m.at.Next = p, ""
		m.Note(fmt.Sprintf("pass %d of the snapshot showed %d of %s contacts", n+1, seen, counted(p.count)))
		m.Log.WarnContext(ctx, "pages skipped contacts, reading them again", "pass", n+1, "seen", seen, "expected", p.count)
	}
	return m.stayedIncomplete(ctx)
}

// statistics is how many contacts the account's own statistics count; -1 where they do not tell. It stands for a count that no page
// told.
func (m *Mirror) statistics(ctx context.Context) int {
	counts, err := m.Read.Counts(ctx)
	if err != nil {
		m.Log.WarnContext(ctx, "the account does not tell how many contacts it has", "error", err)
		return -1
	}
	return counts.Total
}

// disagreement says how a count differs from what the pages show, beside what the account's own statistics say.
func (m *Mirror) disagreement(ctx context.Context, seen, count int) string {
	text := fmt.Sprintf("the account counts %s contacts and its pages show %d, twice alike; nobody is created who was not looked up by address", counted(count), seen)
	if total := m.statistics(ctx); total >= 0 {
		text += fmt.Sprintf("; its statistics count %d", total)
	}
	return text
}

func counted(n int) string {
	if n < 0 {
		return "an unknown number of"
	}
	return strconv.Itoa(n)
}

const (
	firstPause = time.Minute // after a snapshot that stayed incomplete
	lastPause  = time.Hour
)

// mayBegin keeps a snapshot that stayed incomplete from being taken again at once: it costs every page of the account.
func (m *Mirror) mayBegin(ctx context.Context) error {
	_, until, err := m.incomplete(ctx)
	if err != nil || m.Full || !m.State.Now().Before(until) {
		return err
	}
	return fmt.Errorf("%w; it is taken again after %s", ErrIncomplete, until.Format(time.RFC3339))
}

func (m *Mirror) incomplete(ctx context.Context) (times int, until time.Time, err error) {
	text, err := m.db.Fact(ctx, factIncomplete)
	if err != nil || text == "" {
		return 0, until, err
	}
	n, at, _ := strings.Cut(text, " ")
	if times, err = strconv.Atoi(n); err != nil {
		return 0, until, fmt.Errorf("read %s: %w", factIncomplete, err)
	}
	if until, err = time.Parse(time.RFC3339, at); err != nil {
		return 0, until, fmt.Errorf("read %s: %w", factIncomplete, err)
	}
	return times, until, nil
}

func (m *Mirror) stayedIncomplete(ctx context.Context) error {
	times, _, err := m.incomplete(ctx)
	if err != nil {
		return err
	}
	pause := min(firstPause<<min(times, 10), lastPause)
	text := fmt.Sprintf("%d %s", times+1, m.State.Now().Add(pause).Format(time.RFC3339))
	if err := m.db.SetFacts(ctx, map[string]string{factIncomplete: text}); err != nil {
		return err
	}
	return fmt.Errorf("%w: some contacts were on no page in %d passes", ErrIncomplete, maxPasses)
}

func (m *Mirror) beginSnapshot(ctx context.Context) (err error) {
	with, err := m.db.Fact(ctx, factLoading)
	if err != nil {
		return err
	}
	if m.at.Loading > 0 && m.at.Next != "" && with == m.mapping.Key() && m.State.Now().Sub(m.at.LoadingAt) < resumable {
		m.Log.InfoContext(ctx, "resuming the snapshot that was broken off")
		return nil
	}
	return m.beginAnew(ctx)
}

func (m *Mirror) beginAnew(ctx context.Context) (err error) {
	if err := m.db.SetFacts(ctx, map[string]string{factLoading: m.mapping.Key()}); err != nil {
		return err
	}
	m.at, err = m.db.BeginSnapshot(ctx, m.mapping.Key())
	return err
}

// passed is what one reading of the pages came to.
type passed struct {
	count int               // of contacts, as the account says; -1 where no page said it
	ids   [sha256.Size]byte // of the contacts shown, in any order
	whole bool              // it began at the first page
}

// plausible tells whether pages that showed so many contacts, twice alike, can be the account. Of one that does not tell how many it
// has nothing is known, and one that counts twice as many as it shows, and more than a handful, is not itself.
func (p *passed) plausible(seen int) bool {
	const handful = 10
	return p.count >= 0 && p.count-seen <= max(p.count/2, handful)
}

// passOrAnew is pass; a snapshot that was broken off begins anew when it cannot be resumed where it stopped.
func (m *Mirror) passOrAnew(ctx context.Context) (passed, error) {
	p, err := m.pass(ctx)
	if !errors.Is(err, errDeadLink) {
		return p, err
	}
	m.Log.InfoContext(ctx, "the snapshot that was broken off cannot be resumed, beginning anew", "error", err)
	if err := m.beginAnew(ctx); err != nil {
		return p, err
	}
	return m.pass(ctx)
}

// errDeadLink says that the link at which a snapshot was to go on leads nowhere.
var errDeadLink = errors.New("the link to the next page leads nowhere")

// leadsNowhere tells whether an answer is about the link that was followed: a login, the day's requests and the server's own
// troubles would meet any other request too.
func leadsNowhere(err error) bool {
	const tooMany = 429
	e, ok := errors.AsType[*ccapi.Error](err)
	return ok && e.Status/100 == 4 && e.Status != tooMany && !errors.Is(err, ccapi.ErrUnauthorized) || errors.Is(err, ccapi.ErrForeignHost)
}

// pass reads the pages once, from where the snapshot goes on. errDeadLink when it does not go on there.
func (m *Mirror) pass(ctx context.Context) (p passed, err error) {
	p.count, p.whole = -1, m.at.Next == ""
	ids := spool.New(m.Scratch)
	defer ids.Close()
	read, first := 0, p.whole
	for page, err := range m.Read.Contacts(ctx, ccapi.ContactsQuery{Next: m.at.Next}) {
		if err != nil && read == 0 && !p.whole && leadsNowhere(err) {
			return p, fmt.Errorf("%w: %w", errDeadLink, err)
		}
		if err != nil {
			return p, err
		}
		if m.at.LoadingAt.IsZero() {
			m.at.LoadingAt = m.served(page)
		}
		if err := m.put(ctx, m.at, m.page(page), page.Next); err != nil {
			return p, err
		}
		if first {
			if err := m.exportPays(ctx, page.Count); err != nil {
				return p, err
			}
			first = false
		}
		for i := range page.Contacts {
			if err := ids.Add([]byte(page.Contacts[i].ID), nil); err != nil {
				return p, err
			}
		}
		p.count = max(p.count, page.Count)
		read += len(page.Contacts)
		m.Step("snapshot", read, max(page.Count, 0))
	}
	p.ids, err = digestOf(ids)
	return p, err
}

// digestOf sums up ids, each once.
func digestOf(ids *spool.Spool) (sum [sha256.Size]byte, err error) {
	hash := sha256.New()
	var last []byte
	for id := range ids.Sorted() {
		if last != nil && string(id) == string(last) {
			continue
		}
		last = append(last[:0], id...)
		hash.Write(last)
		hash.Write([]byte{0})
	}
	hash.Sum(sum[:0])
	return sum, ids.Err()
}
