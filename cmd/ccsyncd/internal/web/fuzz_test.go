package web

import (
	"strings"
	"testing"
)

// A body of POST /run of any content asks for everybody, for some users, or for nothing.
func FuzzRunRequest(f *testing.F) {
	for _, seed := range []string{"", " \n", `{}`, `{"emails":["ann@example.com"],"wait":"60s"}`, `{"emails":[]}`, `{"emails":null}`, `{"wait":"1s"}`, `{"email":"a"}`,
		`{"emails":["a"]}{"emails":["b"]}`, `[]`, `null`, `{"emails":["a"],"wait":"-1s"}`, `{"emails":["a"],"emails":null}`, `{"keys":["4711"],"emails":["a"]}`, strings.Repeat("[", 20000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		request, status, err := readRequest(strings.NewReader(body))
		switch {
		case err != nil:
			if status != 400 && status != 413 {
				t.Fatalf("%q: %v with status %d", body, err, status)
			}
		case len(request.Emails)+len(request.Keys) > mostUsers || request.Wait < 0 || request.Wait > longestWait:
			t.Fatalf("%q asks for %+v", body, request)
		case request.Emails != nil && request.All():
			t.Fatalf("%q asks for nobody", body)
		}
	})
}
