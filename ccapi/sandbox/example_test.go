package sandbox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"ccsyncd/ccapi/sandbox"
)

// A test of a Go program: the sandbox is an http.Handler.
func Example() {
	box := sandbox.New(sandbox.Options{Unlimited: true})
	list := box.AddList("App users")
	box.Seed(sandbox.Contact{Address: "ann@example.com", Fields: map[string]string{"Short code": "OLD"}})
	server := httptest.NewServer(box)
	defer server.Close()
	token, _ := box.Authorize()

	// What the program under test would do.
	body := `{"import_data":[{"email":"ann@example.com","cf:short_code":"K7Q2M9"}],"list_ids":["` + list + `"]}`
	req, err := http.NewRequest("POST", server.URL+"/v3/activities/contacts_json_import", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	answer.Body.Close()

	box.Advance(time.Minute) // the import is over
	ann, _ := box.Contact("ann@example.com")
	fmt.Println(answer.Status, ann.Fields["short_code"], ann.Lists)
	// Output: 201 Created K7Q2M9 [App users]
}
