package sandbox

import (
	"fmt"
	"net/http"
)

// What stands in front of the API: CloudFront, API Gateway, and the
// authorization server's own front. Each has a form of error of its own.
const (
	bodyMessage   = "message" // {"message": ...}, of API Gateway
	bodyMessageUp = "Message" // {"Message": ...}, of its authorizers
	// {"errorCode": ..., "errorSummary": ...}, of the authorization server
	bodyErrorCode = "errorCode"
	bodyHTML      = "html" // a page, of CloudFront
)

// GatewayBodies are the forms in which [FaultGateway] and [FaultGatewayAfter] answer.
func GatewayBodies() []string {
	return []string{bodyMessage, bodyMessageUp, bodyErrorCode, bodyHTML}
}

// gatewayAnswer is what the gateway says in place of the API.
func gatewayAnswer(status int, body string) answer {
	text := gatewayText(status)
	switch body {
	case bodyHTML:
		return htmlAnswer(status)
	case bodyMessageUp:
		return jsonAnswer(status, map[string]string{"Message": text})
	case bodyErrorCode:
		code := map[int]string{http.StatusForbidden: "E0000006", http.StatusTooManyRequests: "E0000047"}[status]
		return jsonAnswer(status, map[string]any{
			"errorCode": orDefault(code, "E0000009"), "errorSummary": text, "errorLink": orDefault(code, "E0000009"),
			"errorId": "oaeSandbox", "errorCauses": []string{},
		})
	}
	return jsonAnswer(status, map[string]string{"message": text})
}

// gatewayText is the gateway's word for a status.
func gatewayText(status int) string {
	switch status {
	case http.StatusForbidden:
		return "Forbidden"
	case http.StatusRequestEntityTooLarge:
		return "Request Too Long"
	case http.StatusTooManyRequests:
		return "Too Many Requests"
	case http.StatusBadGateway:
		return "Internal server error"
	case http.StatusGatewayTimeout:
		return "Endpoint request timed out"
	}
	return http.StatusText(status)
}

// trace are the headers by which support finds a request; they come with every
// answer of the API, whoever gave it.
func (r *Request) trace() map[string]string {
	if !r.API() {
		return nil
	}
	id := fmt.Sprintf("5a4dbc00-0000-4000-8000-%012d", r.Number)
	return map[string]string{"X-Amzn-Requestid": id, "X-Eig-Tracking-Id": id, "X-Amz-Apigw-Id": fmt.Sprintf("SANDBOX%09d=", r.Number),
		"Via": "1.1 sandbox.cloudfront.net (CloudFront)"}
}
