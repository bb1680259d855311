package web

import (
	"context"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	ccsync "ccsyncd/sync"
	"ccsyncd/sync/state"
)

// Options is all that the pages know. Every function may be called concurrently and is required,
// but where it says otherwise.
type Options struct {
	Health
	Quota    *state.Quota
	Gatherer prometheus.Gatherer // what /metrics shows, such as a *Metrics
	Log      *slog.Logger
	Version  string

	Listen string   // the address listened on: host:port, or unix: and a path
	Hosts  []string // further names that browsers may use, host or host:port
	// needed for everything but health and metrics; "" for none: then nobody can ask for a run
	Token string

	// Run asks the daemon for a run.
	Run func(context.Context, RunRequest) (RunAnswer, error)
	// Explain explains one user, named by an address or by "key:4711".
	Explain func(ctx context.Context, who string) (*ccsync.Explanation, error)
	// DryRun makes a plan and changes nothing.
	DryRun func(context.Context) (*ccsync.Report, error)
	// Mask and MaskAddress hide most of a value of a mapped field, and of an address.
	Mask, MaskAddress func(string) string
}

// Authorization is the state of the login. Times are UTC; zero when they are not known.
type Authorization struct {
	Authorized bool
	Reason     string    // why not
	Trouble    string    // why the login cannot be read, with a hint; "" for nothing
	Account    string    // the name of the account; may be ""
	LapsesAt   time.Time // the refresh token, unless it is used before
	// answers to refreshes are outstanding or were lost since; zero when none is
	DoubtSince time.Time
	// the refresh token is not sent before; zero unless two answers in a row were lost
	NextTry time.Time
}

// inDoubt says that the refresh token waits for its next try, "" when it does not.
func (a Authorization) inDoubt() string {
	if !a.Authorized || a.NextTry.IsZero() {
		return ""
	}
	return fmt.Sprintf("refresh token in doubt since %s, next try %s", a.DoubtSince.Format(time.RFC3339), a.NextTry.Format(time.RFC3339))
}

// Progress is what the daemon is at. Times are by the local clock.
type Progress struct {
	Run     int64     // the number of the run under way; 0 when there is none
	Step    string    // of that run, such as "snapshot"
	Done    int       // of Total, in Step
	Total   int       // 0 when it is not known
	MovedAt time.Time // when the run under way last got any further
	// IdleAt is when a tick last found that there was nothing to do, EndedAt when any run last
	// ended, GoodAt when a whole run or such a tick last left the daemon ready; zero when none did.
	IdleAt, EndedAt, GoodAt time.Time
	NextAt                  time.Time // when the next tick is planned; zero before the first plan
	// Trouble is why the last run could not be recorded, with a hint; "" for nothing.
	Trouble string
}

// shortestToken is how many characters a token has at least where other machines can guess.
const shortestToken = 16

// site answers requests.
type site struct {
	Options
	pages *template.Template
	// explaining holds a value while one explanation reads the source: several at once would only
	// slow down the app's database.
	explaining chan struct{}
	planner    planner
	wrong      *wrongTokens
}

// New returns the handler of all pages. The caller serves it, best with NewServer.
func New(o Options) (http.Handler, error) {
	s := &site{Options: o, explaining: make(chan struct{}, 1), wrong: &wrongTokens{log: o.Log}}
	var err error
	if s.pages, err = s.parse(); err != nil {
		return nil, err
	}
	if len(s.Token) < shortestToken && !loopbackListener(s.Listen) {
		return nil, fmt.Errorf("a listener that other machines can reach needs a token of %d characters or more", shortestToken)
	}
	open := http.NewServeMux()
	open.HandleFunc("GET /healthz", healthz)
	open.HandleFunc("GET /readyz", s.readyz)
	open.Handle("GET /metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
	}))
	open.Handle("/", s.door(s.closed()))
	return headers(open), nil
}

// closed are the pages behind the door.
func (s *site) closed() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /runs/{id}", s.run)
	mux.HandleFunc("GET /explain", s.explain)
	mux.HandleFunc("GET /problems", s.problems)
	mux.HandleFunc("GET /problems.csv", s.problemsCSV)
	mux.HandleFunc("GET /static/{file}", static)
	mux.HandleFunc("GET /plan", s.plan)
	mux.HandleFunc("GET /plan.csv", s.planCSV)
	mux.HandleFunc("POST /plan", s.postPlan)
	mux.HandleFunc("POST /run", s.postRun)
	mux.HandleFunc("POST /runs", s.postRuns)
	return mux
}
