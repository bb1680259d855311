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

// Names under which the state file keeps how snapshots fare.
const (
	// the mapping that a snapshot under way was begun with; "" where it is not to be resumed
	factLoading = "loading_mapping"
	factDoubt   = "snapshot_doubt" // why the last snapshot may lack somebody
	// how many in a row stayed incomplete, and when the next may begin
	factIncomplete = "snapshot_incomplete"
)

// pager takes a snapshot page by page.
type pager struct{ *base }

// Doubtful tells whether the last snapshot may lack somebody: the account counts more contacts than
// its pages show. Nobody may be created then who was not looked up by address.
func (m *Mirror) Doubtful(ctx context.Context) (bool, error) {
	doubt, err := m.db.Fact(ctx, factDoubt)
	return doubt != "", err
}

// Doubt says why the last snapshot may lack somebody; "" where it does not.
func Doubt(ctx context.Context, db *state.DB) (string, error) { return db.Fact(ctx, factDoubt) }

// snapshot reads all pages, until as many contacts were seen as the account counts, or until two
// passes in a row showed the same contacts while the count stood still: then that is the account.
// errLarge when the first page tells that an export is worth trying.
func (p *pager) snapshot(ctx context.Context) error {
	if err := p.begin(ctx); err != nil {
		return err
	}
	var before passed
	for n := range maxPasses {
		is, err := p.passOrAnew(ctx)
		if errors.Is(err, ccapi.ErrEndlessPages) {
			return p.stayedIncomplete(ctx, err)
		}
		if err != nil {
			return fmt.Errorf("take a snapshot: %w", err)
		}
		if is.count < 0 {
			is.count = p.statistics(ctx)
		}
		seen, err := p.db.SeenIn(ctx, p.at.Loading)
		if err != nil {
			return err
		}
		if p.doubt = ""; is.count >= 0 && seen >= is.count {
			return nil
		}
		if is.whole && is == before && is.plausible(seen) {
			p.doubt = p.disagreement(ctx, seen, is.count)
			p.Note(p.doubt)
			p.Log.WarnContext(ctx, "the account's count disagrees with its pages", "seen", seen, "count", is.count)
			return nil
		}
		before, p.at.Next = is, ""
		p.Note(fmt.Sprintf("reading all contacts, pass %d showed %d of %s", n+1, seen, counted(is.count)))
		p.Log.WarnContext(ctx, "pages skipped contacts, reading all pages again", "pass", n+1, "seen", seen, "expected", is.count)
	}
	return p.stayedIncomplete(ctx, fmt.Errorf("after %d passes some contacts were still on no page", maxPasses))
}

// statistics is how many contacts the account's own statistics count; -1 where they do not tell. It
// stands for a count that no page told.
func (p *pager) statistics(ctx context.Context) int {
	counts, err := p.Read.Counts(ctx)
	if err != nil {
		p.Log.WarnContext(ctx, "the account does not report how many contacts it has", "error", err)
		return -1
	}
	return counts.Total
}

// disagreement says how a count differs from what the pages show, beside what the account's own
// statistics say.
func (p *pager) disagreement(ctx context.Context, seen, count int) string {
	text := fmt.Sprintf("the account counts %s contacts, but its pages showed %d, twice in a row; before creating a contact, ccsyncd looks up its address", counted(count), seen)
	if total := p.statistics(ctx); total >= 0 {
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

// mayBegin keeps a snapshot that stayed incomplete from being taken again at once: it costs every
// page of the account.
func (p *pager) mayBegin(ctx context.Context) error {
	_, until, err := p.incomplete(ctx)
	if err != nil || p.Full || !p.State.Now().Before(until) {
		return err
	}
	return fmt.Errorf("%w; the next attempt is due at %s", ErrIncomplete, until.Format(time.RFC3339))
}

func (p *pager) incomplete(ctx context.Context) (times int, until time.Time, err error) {
	text, err := p.db.Fact(ctx, factIncomplete)
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

// stayedIncomplete records that a snapshot failed, and when the next may begin. Nobody resumes it.
func (p *pager) stayedIncomplete(ctx context.Context, why error) error {
	times, _, err := p.incomplete(ctx)
	if err != nil {
		return err
	}
	pause := min(firstPause<<min(times, 10), lastPause)
	text := fmt.Sprintf("%d %s", times+1, p.State.Now().Add(pause).Format(time.RFC3339))
	if err := p.db.SetFacts(ctx, map[string]string{factIncomplete: text, factLoading: ""}); err != nil {
		return err
	}
	return fmt.Errorf("%w: %w", ErrIncomplete, why)
}

func (p *pager) begin(ctx context.Context) (err error) {
	with, err := p.db.Fact(ctx, factLoading)
	if err != nil {
		return err
	}
	resume := p.at.Loading > 0 && p.at.Next != "" && with == p.mapping.Key() && p.State.Now().Sub(p.at.LoadingAt) < resumable
	if resume && p.wanted == "" { // else a page read before may have shown who was forgotten since
		p.Log.InfoContext(ctx, "resuming the interrupted snapshot")
		return nil
	}
	return p.beginAnew(ctx)
}

func (p *pager) beginAnew(ctx context.Context) (err error) {
	if err := p.db.SetFacts(ctx, map[string]string{factLoading: p.mapping.Key()}); err != nil {
		return err
	}
	p.at, err = p.db.BeginSnapshot(ctx, p.mapping.Key())
	return err
}

// passed is what one reading of the pages came to.
type passed struct {
	count int               // of contacts, as the account says; -1 where no page said it
	ids   [sha256.Size]byte // of the contacts shown, in any order
	whole bool              // it began at the first page
}

// plausible tells whether pages that showed so many contacts, twice alike, can be the account. Of
// one that does not tell how many it has nothing is known, and one that counts twice as many as it
// shows, and more than a handful, is not itself.
func (p *passed) plausible(seen int) bool {
	const handful = 10
	return p.count >= 0 && p.count-seen <= max(p.count/2, handful)
}

// passOrAnew is pass; a snapshot that was interrupted starts again when it cannot be resumed where
// it stopped.
func (p *pager) passOrAnew(ctx context.Context) (passed, error) {
	is, err := p.pass(ctx)
	if !errors.Is(err, errDeadLink) {
		return is, err
	}
	p.Log.InfoContext(ctx, "cannot resume the interrupted snapshot, starting again", "error", err)
	if err := p.beginAnew(ctx); err != nil {
		return is, err
	}
	return p.pass(ctx)
}

// errDeadLink says that the link at which a snapshot was to go on leads nowhere.
var errDeadLink = errors.New("the link to the next page is dead")

// leadsNowhere tells whether an answer is about the link that was followed: a login, the day's
// requests and the server's own troubles would meet any other request too.
func leadsNowhere(err error) bool {
	const tooMany = 429
	e, ok := errors.AsType[*ccapi.Error](err)
	return ok && e.Status/100 == 4 && e.Status != tooMany && !errors.Is(err, ccapi.ErrUnauthorized) || errors.Is(err, ccapi.ErrForeignHost)
}

// pass reads the pages once, from where the snapshot goes on. errDeadLink when it does not go on
// there.
func (p *pager) pass(ctx context.Context) (is passed, err error) {
	is.count, is.whole = -1, p.at.Next == ""
	ids := spool.New(p.Scratch)
	defer ids.Close()
	read, first := 0, is.whole
	for page, err := range p.Read.Contacts(ctx, ccapi.ContactsQuery{Limit: p.Page, Next: p.at.Next}) {
		if err != nil && read == 0 && !is.whole && leadsNowhere(err) {
			return is, fmt.Errorf("%w: %w", errDeadLink, err)
		}
		if err != nil {
			return is, err
		}
		if p.at.LoadingAt.IsZero() {
			p.at.LoadingAt = p.served(page)
		}
		if err := p.put(ctx, p.at, p.page(page), page.Next); err != nil {
			return is, err
		}
		if first {
			if err := p.exportPays(ctx, page.Count); err != nil {
				return is, err
			}
			first = false
		}
		for i := range page.Contacts {
			if err := ids.Add([]byte(page.Contacts[i].ID), nil); err != nil {
				return is, err
			}
		}
		is.count = max(is.count, page.Count)
		read += len(page.Contacts)
		p.Step("snapshot", read, max(page.Count, 0))
	}
	is.ids, err = digestOf(ids)
	return is, err
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
