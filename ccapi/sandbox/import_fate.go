package sandbox

import "strings"

// fate is what a fault does to one row of an import.
type fate string

const (
	fateLost    fate = "lost"
	fateRefused fate = "refused"
	fateAltered fate = "altered"
)

// doom marks the rows that faults befall.
func (s *Server) doom(rows []row, faults []*Fault) {
	for _, f := range faults {
		switch f.Kind {
		case FaultLostRows:
			s.mark(rows, f, fateLost)
		case FaultRefused:
			s.mark(rows, f, fateRefused)
		case FaultAltered:
			s.mark(rows, f, fateAltered)
		case FaultPoisoned:
			s.poison(rows, f.Match)
		}
	}
}

// mark chooses rows by address, by number or by share; drawn from the seed, so
// that the same run loses the same rows.
func (s *Server) mark(rows []row, f *Fault, to fate) {
	var chosen []int
	for i := range rows {
		if f.Match == "" || strings.Contains(foldAddress(rows[i].Address), foldAddress(f.Match)) {
			chosen = append(chosen, i)
		}
	}
	n := len(chosen)
	switch {
	case f.Rows > 0:
		n = min(n, f.Rows)
	case f.Share > 0:
		n = int(f.Share * float64(n))
	}
	s.faults.stream().Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	for _, i := range chosen[:n] {
		rows[i].Fate = to
	}
}

// poison loses all rows if one of them matches.
func (s *Server) poison(rows []row, match string) {
	for i := range rows {
		if strings.Contains(foldAddress(rows[i].Address), foldAddress(match)) {
			s.mark(rows, &Fault{}, fateLost)
			return
		}
	}
}
