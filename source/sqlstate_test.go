package source

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// TestAPostgresServerMayLeaveTheCodeOutOfItsError: poolers and proxies do.
func TestAPostgresServerMayLeaveTheCodeOutOfItsError(t *testing.T) {
	t.Parallel()
	for code, config := range map[string]bool{"": false, "2": false, "28P01": true, "28000": true, "3D000": true, "53300": false, "2800": true} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				size := make([]byte, 4)
				if _, err := io.ReadFull(conn, size); err == nil {
					_, _ = io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(size))-4)
				}
				text := "SFATAL\x00Mgone fishing\x00"
				if code != "" {
					text += "C" + code + "\x00"
				}
				text += "\x00"
				_, _ = conn.Write(append(binary.BigEndian.AppendUint32([]byte("E"), uint32(len(text)+4)), text...))
				_ = conn.Close()
			}
		}()
		cfg := usersConfig
		cfg.DSN = "postgres://bob:x@" + l.Addr().String() + "/app?sslmode=disable"
		db, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "gone fishing") || errors.Is(err, ErrConfig) != config {
			t.Errorf("code %q: got %v, want what the server says, and config = %v", code, err, config)
		}
	}
}
