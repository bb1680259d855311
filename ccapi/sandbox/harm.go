package sandbox

import "slices"

// lostShare is one of how many rows an import loses that loses rows.
const lostShare = 10

// lose marks the rows that an import loses where the switches say that it does.
// s.mu must be held.
func (s *Server) lose(rows []row) {
	first := !slices.ContainsFunc(s.imports, func(rec *importRecord) bool { return rec.activity != "" })
	if first && s.switches.FirstImportLosesRow {
		rows[0].Fate = fateLost
	}
	if !s.switches.ImportsLoseRows {
		return
	}
	for i := range rows {
		if s.faults.stream().IntN(lostShare) == 0 {
			rows[i].Fate = fateLost
		}
	}
}

// harm does to a contact of an import what no import should do. s.mu must be held.
func (s *Server) harm(c *contact, in *importJob, r *row, existed bool, now stamp) {
	optedOut := existed && c.Permission == Unsubscribed
	if s.switches.ImportSetsPermission && existed && !optedOut || s.switches.ImportResubscribes && optedOut {
		c.Permission = Explicit
		c.Email.OptIn, c.Email.Updated = now, now
	}
	if s.switches.ImportAddsList {
		further := first(s.acc.Lists, func(l *list) bool {
			return l.Deleted == 0 && !slices.Contains(in.Lists, l.ID) && !slices.Contains(c.Lists, l.ID)
		})
		if further != nil {
			s.joinList(c, further.ID, now)
		}
	}
	if s.switches.ImportClearsField {
		unnamed := slices.IndexFunc(c.Fields, func(v fieldValue) bool {
			f := s.acc.field(v.Field)
			return f != nil && r.value("cf:"+f.Name) == ""
		})
		if unnamed >= 0 {
			c.setValue(c.Fields[unnamed].Field, "")
		}
	}
}
