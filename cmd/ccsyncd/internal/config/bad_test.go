package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what was got into the golden files")

// expected starts the lines at the end of a bad file that tell its messages.
const expected = "#! "

// marked is a secret of the bad files: no message may hold it.
const marked = "hunter2"

// TestEachMistakeSaysWhatIsWrong loads testdata/bad: one small file for each mistake, with its
// message at the end.
func TestEachMistakeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(paths) == 0 {
		t.Fatal("no files in testdata/bad", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".toml"), func(t *testing.T) {
			t.Parallel()
			_, err := Load(path, env(map[string]string{"MARKED": "every " + marked}))
			var failed *Error
			if !errors.As(err, &failed) {
				t.Fatalf("error is %T (%v), want *Error", err, err)
			}
			got := strings.ReplaceAll(err.Error(), path+", ", "")
			got = strings.ReplaceAll(got, path+": ", "")
			if strings.Contains(got, marked) {
				t.Errorf("message shows a secret: %s", got)
			}
			for _, word := range []string{"strconv", "struct", "toml:", "config."} {
				if strings.Contains(got, word) {
					t.Errorf("message is in a programmer's words (%q): %s", word, got)
				}
			}
			checkExpected(t, path, got)
		})
	}
}

func checkExpected(t *testing.T, path, got string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var body, want []string
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(line, expected); ok {
			want = append(want, strings.TrimSuffix(text, "\n"))
			continue
		}
		body = append(body, line)
	}
	if *update {
		text := strings.Join(body, "") + expected + strings.ReplaceAll(got, "\n", "\n"+expected) + "\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(got, strings.Join(want, "\n")); diff != "" {
		t.Errorf("got (-) and want (+) differ:\n%s", diff)
	}
}
