package web

import (
	"log/slog"
	"net/http"
	"time"
)

// maxBody is how many bytes a request's body may have.
const maxBody = 256 << 10

const (
	maxHeaders = 16 << 10 // bytes of a request's headers
	slack      = 4 << 10  // bytes that net/http adds to its bound
)

// NewServer returns a server that cuts off slow clients: headers within 5 s, the whole request
// within 10 s, the answer within 30 s (POST /run with wait takes as long as it was asked to).
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeaders - slack,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
