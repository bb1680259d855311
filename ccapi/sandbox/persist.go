package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// store is where the state is kept between two lives of a sandbox.
type store struct {
	// guarded by Server.mu
	path  string
	saved uint64    // Server.changed at the last save
	next  time.Time // no save before that
	err   error     // of the last save

	// file guards the file: one save at a time.
	file sync.Mutex
}

// Saves are never closer than this, nor do they take more than a twentieth of
// the time.
const (
	saveSpacing = time.Second
	saveShare   = 20
)

// Persist keeps the state in a file from now on: the account, tokens, switches,
// use of the limits, and the clock. If the file exists its state is taken over
// first. Changes are written within a second or so, by the request that made
// them or a later one; [Server.Flush] writes the rest.
func (s *Server) Persist(path string) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the state of the sandbox: %w", err)
	}
	var in saved
	if err == nil {
		if in, err = decodeSaved(text); err != nil {
			return fmt.Errorf("read the state of the sandbox from %s: %w", path, err)
		}
	}
	s.mu.Lock()
	if in.Account != nil {
		s.resume(in)
	}
	s.store.path, s.store.saved = path, 0
	s.changed++
	s.mu.Unlock()
	return s.Flush()
}

// resume takes over a state that was read. s.mu must be held.
func (s *Server) resume(in saved) {
	s.adopt(in.Account)
	s.offset = in.Offset
	s.rng = rand.New(rand.NewPCG(s.opts.Seed, in.Draws))
	if in.Switches != nil {
		s.switches = *in.Switches
	}
	if in.Usage != nil {
		s.usage.day, s.usage.used, s.usage.exhausted = in.Usage.Day, in.Usage.Used, in.Usage.Exhausted
	}
	if in.Grants != nil {
		s.grants = in.Grants.whole()
	}
}

// whole is grants without a nil map or entry.
func (g *grants) whole() grants {
	out := newGrants()
	maps.Copy(out.Devices, g.Devices)
	maps.Copy(out.Access, g.Access)
	maps.Copy(out.Refresh, g.Refresh)
	maps.Copy(out.Spends, g.Spends)
	maps.DeleteFunc(out.Devices, func(_ string, d *device) bool { return d == nil })
	maps.DeleteFunc(out.Access, func(_ string, t *accessToken) bool { return t == nil })
	maps.DeleteFunc(out.Refresh, func(_ string, t *refreshToken) bool { return t == nil })
	return out
}

// Flush writes what has changed since the last save. Without a file it does
// nothing.
func (s *Server) Flush() error {
	s.save(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store.err
}

// save writes the state if it has changed and the time has come.
func (s *Server) save(now bool) {
	s.store.file.Lock()
	defer s.store.file.Unlock()
	path, text, due := s.toSave(now)
	if !due {
		return
	}
	begun := time.Now()
	err := writeFile(path, text)
	took := time.Since(begun)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store.err = err
	s.store.next = time.Now().Add(max(saveSpacing, saveShare*took))
}

func (s *Server) toSave(now bool) (path string, text []byte, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store.path == "" || s.store.saved == s.changed || !now && time.Now().Before(s.store.next) {
		return "", nil, false
	}
	s.store.saved = s.changed
	u := s.usage
	return s.store.path, encode(saved{
		Version: savedVersion, Account: s.acc, Grants: &s.grants, Switches: &s.switches,
		Usage: &savedUsage{u.day, u.used, u.exhausted}, Offset: s.offset, Draws: s.rng.Uint64(),
	}), true
}

// writeFile replaces a file whole, readable by its owner only: it holds tokens.
func writeFile(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("save the state of the sandbox: %w", err)
	}
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // it is of no use
		return fmt.Errorf("save the state of the sandbox: %w", err)
	}
	return nil
}
