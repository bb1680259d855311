package ccapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"ccsyncd/internal/kit"
)

// maxExport bounds an export file, in bytes: some 20 million contacts.
const maxExport = 4 << 30

// errExportTooLarge ends an export file that does not.
var errExportTooLarge = errors.New("larger than 4 GiB")

// ExportFile opens the CSV file at the Results of an export activity. The caller closes it. The
// link can exist before its file does; then the error is [ErrNotFound]. Only opening the file is
// retried. Reading ends with a wrapped io.ErrUnexpectedEOF if the file breaks off, sends nothing
// for a minute, or has more than 4 GiB.
func (r *Reader) ExportFile(ctx context.Context, href string) (io.ReadCloser, error) {
	const op = "read export file"
	u, err := r.resolve(href)
	if err != nil {
		return nil, opError(op, err)
	}
	c := &call{op: op, method: http.MethodGet, url: u}
	if err := r.do(ctx, c); err != nil {
		return nil, err
	}
	return c.file, nil
}

// file streams an answer; each read restarts its time-out.
type file struct {
	body io.ReadCloser
	w    *watch
	left int64 // bytes that may still come
}

// newFile takes over a body and the attempt that it belongs to.
func newFile(body io.ReadCloser, w *watch) *file {
	w.timer.Stop()
	return &file{body: body, w: w, left: maxExport}
}

// Read reads on.
func (f *file) Read(p []byte) (int, error) {
	f.w.restart(bodyTimeout)
	n, err := f.body.Read(p)
	f.w.timer.Stop()
	if f.left -= int64(n); f.left < 0 {
		return 0, brokenOff(errExportTooLarge)
	}
	if err == nil || err == io.EOF {
		return n, err
	}
	if cause := context.Cause(f.w.ctx); cause != nil {
		err = cause
	}
	return n, brokenOff(err)
}

// brokenOff is the error of a file that did not come to its end.
func brokenOff(cause error) error {
	if errors.Is(cause, io.ErrUnexpectedEOF) {
		return opError("read export file", kit.OfConnection(cause))
	}
	return fmt.Errorf("read export file: %w (%w)", io.ErrUnexpectedEOF, cause)
}

// Close ends the attempt.
func (f *file) Close() error {
	f.w.stop()
	return f.body.Close()
}
