package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"go.yaml.in/yaml/v4"
)

// The official contract is Swagger 2.0 and not shipped. Where it is at hand,
// every answer of the sandbox to the tests of this package is held against it.
const contractURL = "https://api.cc.email/v3/swagger.yaml"

func contractPath() string {
	if path := os.Getenv("CCSYNC_OPENAPI"); path != "" {
		return path
	}
	return "../../../shared/constant-contact/openapi-3.0.178.yml"
}

// contract finds the operation of a request; nil where there is no contract.
var contract = sync.OnceValues(func() (routers.Router, error) {
	text, err := os.ReadFile(contractPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseContract(text)
})

func parseContract(text []byte) (routers.Router, error) {
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	var old openapi2.T
	if err := json.Unmarshal(asJSON, &old); err != nil {
		return nil, err
	}
	doc, err := openapi2conv.ToV3(&old)
	if err != nil {
		return nil, err
	}
	doc.Servers = openapi3.Servers{{URL: "/v3"}}
	// One example of the official document does not fit its own schema.
	if err := doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, err
	}
	openapi3.DefineStringFormatValidator("uuid", openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForUUIDOfRFC4122))
	for _, schema := range doc.Components.Schemas {
		closeSchema(schema)
	}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for _, response := range op.Responses.Map() {
				for _, media := range response.Value.Content {
					closeSchema(media.Schema)
				}
			}
		}
	}
	return gorillamux.NewRouter(doc)
}

// closeSchema forbids members that the contract does not name, so that a
// misspelt one is found.
func closeSchema(ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil || ref.Value.AdditionalProperties.Has != nil {
		return
	}
	schema := ref.Value
	if len(schema.Properties) > 0 {
		forbidden := false
		schema.AdditionalProperties.Has = &forbidden
	}
	closeSchema(schema.Items)
	for _, property := range schema.Properties {
		closeSchema(property)
	}
}

func TestTheContractIsAtHand(t *testing.T) {
	t.Parallel()
	router, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	if router == nil {
		t.Skipf("answers are not held against the official contract: get it from %s and name the file in CCSYNC_OPENAPI", contractURL)
	}
}

func init() { validate = (*client).againstContract }

// againstContract holds an answer of the API against the contract.
func (c *client) againstContract(req *http.Request, got reply) {
	c.t.Helper()
	router, err := contract()
	if err != nil || router == nil || c.broken || !strings.HasPrefix(req.URL.Path, "/v3/") {
		return
	}
	if got.status >= http.StatusBadRequest {
		c.validateError(req, got)
		return
	}
	route, params, err := router.FindRoute(req)
	if err != nil {
		c.t.Errorf("%s %s is not in the contract: %v", req.Method, req.URL.Path, err)
		return
	}
	options := &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true}
	options.WithCustomSchemaErrorFunc(func(err *openapi3.SchemaError) string {
		return strings.Join(err.JSONPointer(), "/") + ": " + err.Reason
	})
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 got.status,
		Header:                 got.header,
		Body:                   io.NopCloser(bytes.NewBufferString(got.body)),
		Options:                options,
	}
	if err := openapi3filter.ValidateResponse(context.Background(), in); err != nil {
		c.t.Errorf("%s %s: %d is not as the contract says: %v\n%s", req.Method, req.URL, got.status, err, got.body)
	}
}

// validateError: the contract has no schema for errors. They are an array of
// key and message, or such an object bare.
func (c *client) validateError(req *http.Request, got reply) {
	c.t.Helper()
	var list []errorView
	var bare errorView
	if json.Unmarshal([]byte(got.body), &list) == nil && len(list) == 1 && list[0].Key != "" && list[0].Message != "" {
		return
	}
	if json.Unmarshal([]byte(got.body), &bare) != nil || bare.Key == "" || bare.Message == "" {
		c.t.Errorf("%s %s: %d with %q, want an error with key and message", req.Method, req.URL.Path, got.status, got.body)
	}
}
