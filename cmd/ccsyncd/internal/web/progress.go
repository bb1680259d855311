package web

// running is the run under way, for the page.
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

// steps says what a step is, to a person. The names are the engine's.
var steps = map[string]string{
	"snapshot": "reading all contacts",
	"refresh":  "reading the contacts that changed",
	"source":   "reading your users",
	"plan":     "comparing",
	"recheck":  "reading the contacts concerned once more",
	"push":     "sending",
	"import":   "waiting for Constant Contact to import",
	"verify":   "reading back",
}

// Doing says what the run does.
func (r *running) Doing() string {
	if text, ok := steps[r.Step]; ok {
		return text
	}
	return "starting"
}
