package sandbox

import (
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// newID makes a UUID. s.mu must be held, as for all that draws.
func (s *Server) newID() string {
	hi, lo := s.rng.Uint64(), s.rng.Uint64()
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(0xc<<60) | 0x8<<60
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&0xffffffffffff)
}

var idForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func isID(text string) bool { return idForm.MatchString(text) }

// randomText is n random bytes in base64url.
func (s *Server) randomText(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.rng.Uint32())
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// newUserCode is eight capitals, without vowels so that no word comes out.
func (s *Server) newUserCode() string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	code := make([]byte, 8)
	for i := range code {
		code[i] = letters[s.rng.IntN(len(letters))]
	}
	return string(code)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
