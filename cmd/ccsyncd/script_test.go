package main

import (
	"bytes"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ccsyncd/ccapi/sandbox"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ccsyncd": main})
}

// Each script is a story of a user, told with the real program against the sandbox. The commands of
// ours:
//
//	exit CODE PROGRAM ARG...     runs a program and wants this exit code, and one command a "next:" line;
//	                             its output is for stdout and stderr
//	box [FLAG...]                starts a sandbox on a free port and sets $CCSYNC_ENDPOINT; --approve, --per-day N, --interval D
//	control METHOD PATH [BODY]   asks its control endpoint
//	account ID NAME              makes it another account
//	approve [unassigned]         approves the code that waits, as a user of the account or as somebody of none
//	deny                         declines it
//	sql FILE STATEMENT           changes an app database
//	start NAME PROGRAM ARG...    runs a program in the background; its output goes to NAME.out and NAME.err
//	signal NAME TERM|INT|HUP|KILL
//	ended NAME CODE              waits for its end, ten seconds at most
//	waitfor FILE REGEXP          waits until a file has a match
//	endpoint FILE                takes $CCSYNC_ENDPOINT from what a sandbox printed
//	get NAME PATH CODE           asks the status page of a daemon; the answer is in get.out
//	tokens                       wants one in a file here, whatever it is; ! tokens wants none
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			s := &story{dir: env.WorkDir, jobs: make(map[string]*job)}
			env.Values[storyKey{}] = s
			env.Defer(s.end)
			env.Setenv("CC_CLIENT_ID", "a-client-id")
			env.Setenv("NO_COLOR", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit": wantExit, "box": openBox, "control": control, "account": setAccount, "sql": runSQL,
			"approve": approve, "deny": deny, "start": start, "signal": signalJob, "ended": wantEnd, "waitfor": waitFor, "get": get, "endpoint": useEndpoint,
			"tokens": wantTokens,
		},
	})
}

// story is what a script has under way.
type story struct {
	dir  string
	box  *sandbox.Server
	http *httptest.Server

	mu   sync.Mutex // guards jobs
	jobs map[string]*job
}

type storyKey struct{}

func storyOf(ts *testscript.TestScript) *story { return ts.Value(storyKey{}).(*story) }

// job is a program in the background.
type job struct {
	cmd   *exec.Cmd
	ended chan struct{}
	code  int
}

func (s *story) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		_ = j.cmd.Process.Kill() // it may have ended
		<-j.ended
	}
	if s.http != nil {
		s.http.CloseClientConnections()
		s.http.Close()
	}
}

func wantExit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARG...")
	}
	want := number(ts, args[0])
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		got = ended.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
	storyOf(ts).keepsSecrets(ts, ts.ReadFile("stdout")+ts.ReadFile("stderr"))
	for line := range strings.Lines(ts.ReadFile("stderr")) {
		if next, ok := strings.CutPrefix(line, "next: "); ok && strings.Count(next, "ccsyncd") > 1 {
			ts.Fatalf("a line names several commands: %s", line)
		}
	}
}

// keepsSecrets looks for tokens in what was printed.
func (s *story) keepsSecrets(ts *testscript.TestScript, printed string) {
	if s.box == nil {
		return
	}
	for token := range s.box.TokenSpends() {
		if strings.Contains(printed, token) {
			ts.Fatalf("a refresh token was printed")
		}
	}
	if strings.Contains(printed, "eyJ") {
		ts.Fatalf("something like an access token was printed")
	}
}

// wantTokens looks for the tokens of the sandbox in every file.
func wantTokens(ts *testscript.TestScript, neg bool, _ []string) {
	var found []string
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for token := range storyOf(ts).box.TokenSpends() {
			if bytes.Contains(content, []byte(token)) {
				found = append(found, filepath.Base(path)+" (refresh)")
			}
		}
		if bytes.Contains(content, []byte("eyJ")) {
			found = append(found, filepath.Base(path)+" (access)")
		}
		return err
	}))
	if (len(found) == 0) != neg {
		ts.Fatalf("tokens in the clear: %q", found)
	}
}

func openBox(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	var o sandbox.Options
	var interval time.Duration
	flags := flag.NewFlagSet("box", flag.ContinueOnError)
	flags.BoolVar(&o.Approve, "approve", false, "")
	flags.BoolVar(&o.LongLived, "long-lived", false, "")
	flags.IntVar(&o.PerDay, "per-day", 0, "")
	flags.IntVar(&o.Contacts, "contacts", 0, "")
	flags.DurationVar(&interval, "interval", time.Second, "")
	ts.Check(flags.Parse(args))
	o.PerSecond, o.Tokens.Interval = 1000, interval
	o.ImportTime = func(int) time.Duration { return 100 * time.Millisecond }
	s.box = sandbox.New(o)
	if o.Contacts == 0 {
		s.box.AddList("App users")
		s.box.AddList("Newsletter")
	}
	s.http = httptest.NewServer(s.box)
	ts.Setenv("CCSYNC_ENDPOINT", s.http.URL)
}

func control(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: control METHOD PATH [BODY]")
	}
	body := ""
	if len(args) == 3 {
		body = args[2]
		if text, isFile := strings.CutPrefix(body, "@"); isFile {
			body = ts.ReadFile(text)
		}
	}
	r, err := http.NewRequest(args[0], storyOf(ts).http.URL+"/_sandbox/"+args[1], strings.NewReader(body))
	ts.Check(err)
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if ok := answer.StatusCode < 300; ok == neg {
		ts.Fatalf("%s %s: %s: %s", args[0], args[1], answer.Status, text)
	}
	ts.Check(os.WriteFile(ts.MkAbs("control.out"), text, 0o600))
}

func setAccount(ts *testscript.TestScript, _ bool, args []string) {
	storyOf(ts).box.SetAccount(args[0], args[1])
}

// waitingCode is the device code that waits for a person.
func waitingCode(ts *testscript.TestScript) string {
	waiting := storyOf(ts).box.Pending()
	if len(waiting) != 1 {
		ts.Fatalf("%d device codes wait, want 1", len(waiting))
	}
	return waiting[0].UserCode
}

func approve(ts *testscript.TestScript, _ bool, args []string) {
	box := storyOf(ts).box
	decide := box.Approve
	if len(args) > 0 {
		decide = box.ApproveUnassigned
	}
	if !decide(waitingCode(ts)) {
		ts.Fatalf("the code could not be approved")
	}
}

func deny(ts *testscript.TestScript, _ bool, _ []string) {
	if !storyOf(ts).box.Deny(waitingCode(ts)) {
		ts.Fatalf("the code could not be declined")
	}
}

func runSQL(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite3", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(strings.Join(args[1:], " "))
	ts.Check(err)
}

func start(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	path := filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], args[1])
	j := &job{cmd: exec.Command(path, args[2:]...), ended: make(chan struct{})}
	j.cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "CC_CLIENT_ID", "CCSYNC_ENDPOINT", "CCSYNC_CONFIG", "CCSYNC_STATE_KEY", "NO_COLOR"} {
		j.cmd.Env = append(j.cmd.Env, name+"="+ts.Getenv(name))
	}
	for name, to := range map[string]*io.Writer{".out": &j.cmd.Stdout, ".err": &j.cmd.Stderr} {
		file, err := os.Create(ts.MkAbs(args[0] + name))
		ts.Check(err)
		*to = file
	}
	ts.Check(j.cmd.Start())
	go func() {
		_ = j.cmd.Wait() // the code tells
		j.code = j.cmd.ProcessState.ExitCode()
		close(j.ended)
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs[args[0]] = j
}

func signalJob(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}
	ts.Check(jobOf(ts, args[0]).cmd.Process.Signal(signals[args[1]]))
}

func jobOf(ts *testscript.TestScript, name string) *job {
	s := storyOf(ts)
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[name]
	if j == nil {
		ts.Fatalf("nothing named %q was started", name)
	}
	return j
}

func wantEnd(ts *testscript.TestScript, _ bool, args []string) {
	j := jobOf(ts, args[0])
	select {
	case <-j.ended:
	case <-time.After(10 * time.Second):
		ts.Fatalf("%s has not ended within 10 s", args[0])
	}
	if want := number(ts, args[1]); j.code != want {
		ts.Fatalf("%s ended with %d, want %d", args[0], j.code, want)
	}
	storyOf(ts).keepsSecrets(ts, ts.ReadFile(args[0]+".out")+ts.ReadFile(args[0]+".err"))
}

func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	wanted := regexp.MustCompile(args[1])
	path := ts.MkAbs(args[0])
	last := eventually(func() ([]byte, bool) {
		text, err := os.ReadFile(path)
		return text, err == nil && wanted.Match(text)
	})
	if !wanted.Match(last) {
		ts.Fatalf("%s never had %s:\n%s", args[0], args[1], last)
	}
}

func useEndpoint(ts *testscript.TestScript, _ bool, args []string) {
	_, address, _ := strings.Cut(ts.ReadFile(args[0]), "CCSYNC_ENDPOINT=")
	address, _, _ = strings.Cut(address, "\n")
	ts.Setenv("CCSYNC_ENDPOINT", address)
}

func get(ts *testscript.TestScript, _ bool, args []string) {
	want := number(ts, args[2])
	base := addressOf(ts, args[0])
	got := 0
	text := eventually(func() ([]byte, bool) {
		answer, err := http.Get(base + args[1])
		if err != nil {
			return []byte(err.Error()), false
		}
		defer answer.Body.Close()
		got = answer.StatusCode
		text, _ := io.ReadAll(answer.Body)
		return text, got == want
	})
	if got != want {
		ts.Fatalf("%s answers %d, want %d: %s", args[1], got, want, text)
	}
	ts.Check(os.WriteFile(ts.MkAbs("get.out"), text, 0o600))
}

var listensAt = regexp.MustCompile(`"msg":"status page","address":"(http://[^"]+)"`)

// addressOf finds in the log of a daemon where it listens.
func addressOf(ts *testscript.TestScript, name string) string {
	waitFor(ts, false, []string{name + ".err", listensAt.String()})
	return listensAt.FindStringSubmatch(ts.ReadFile(name + ".err"))[1]
}

// eventually asks again and again until it is so, for 20 seconds.
func eventually(ask func() ([]byte, bool)) (last []byte) {
	const patience = 20 * time.Second
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(patience); ; <-look.C {
		got, done := ask()
		if done || time.Now().After(deadline) {
			return bytes.Clone(got)
		}
	}
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		ts.Fatalf("%s", fmt.Sprintf("%q is no number", text))
	}
	return n
}
