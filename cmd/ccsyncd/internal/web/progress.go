package web

// running is the current run, for the page.
type running struct {
	Progress
	Known bool // Total is known
}

func runningOf(p Progress) *running {
	if p.Run == 0 {
		return nil
	}
	return &running{Progress: p, Known: p.Total > 0}
}

// steps are the engine's steps in words for everyone.
var steps = map[string]string{
	"snapshot": "reading all contacts",
	"refresh":  "reading the contacts that changed",
	"source":   "reading your users",
	"plan":     "comparing",
	"recheck":  "reading the contacts concerned again",
	"push":     "sending",
	"import":   "waiting for the import in Constant Contact",
	"verify":   "checking that the codes arrived",
}

// Doing says what the run does.
func (r *running) Doing() string {
	if text, ok := steps[r.Step]; ok {
		return text
	}
	return "starting"
}
