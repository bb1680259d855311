package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode"
)

//go:embed templates assets
var files embed.FS

// frame is what every page has around it.
type frame struct {
	Title   string
	Version string
	Account string    // "" when it is not known
	Who     string    // what was searched for
	Now     time.Time // the server's time
	Trusted bool      // the request carried the token: the button works, and addresses are shown
	Follow  bool      // the page loads itself again while a run is under way
	Running *running  // nil when no run is under way
}

func (s *site) frame(r *http.Request, title string) frame {
	f := frame{Title: title, Version: s.Version, Now: s.State.Now(), Trusted: s.hasToken(r), Running: runningOf(s.Progress())}
	f.Follow = f.Running != nil && r.URL.Query().Has("follow")
	if auth, err := s.Authorization(r.Context()); err == nil {
		f.Account = auth.Account
	}
	return f
}

// parse reads the templates, with the functions that they call.
func (s *site) parse() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"asset": assetPath, "count": count, "plural": plural, "percent": percent, "share": share, "span": span, "seconds": seconds,
		"when": when, "stamp": stamp, "mask": s.Mask, "maskAddress": s.MaskAddress, "words": words, "tone": tone, "plain": plain,
		"hint": hint, "upper": upper, "moment": moment,
	}).ParseFS(files, "templates/*.html")
}

// show renders a page whole before any of it is sent.
func (s *site) show(w http.ResponseWriter, name string, view any) {
	var page bytes.Buffer
	if err := s.pages.ExecuteTemplate(&page, name, view); err != nil {
		s.broken(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(bytes.Map(visible, page.Bytes())) // a client that left needs no page
}

// visible leaves out what data could do mischief with where the escaping of HTML does not reach: control characters, which
// a terminal obeys, and marks that turn the direction of writing (Unicode UAX 9, 2.).
func visible(r rune) rune {
	switch {
	case r == '\n', r == '\t':
		return r
	case unicode.IsControl(r), r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u200e', r == '\u200f', r == '\u061c':
		return -1
	}
	return r
}

// broken tells that a page could not be made. Why stands in the log alone.
func (s *site) broken(w http.ResponseWriter, err error) {
	s.Log.Error("status page", "error", err)
	http.Error(w, "this page could not be made; the log says why", http.StatusInternalServerError)
}

// assets are the files under /static, by a name that changes with their content.
var assets, assetNames = hashAssets()

func hashAssets() (content map[string][]byte, names map[string]string) {
	content, names = make(map[string][]byte), make(map[string]string)
	found, err := fs.ReadDir(files, "assets")
	if err != nil { // they are part of the program
		panic(err)
	}
	for _, f := range found {
		text, err := files.ReadFile("assets/" + f.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(text)
		ext := path.Ext(f.Name())
		hashed := strings.TrimSuffix(f.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		content[hashed], names[f.Name()] = text, "/static/"+hashed
	}
	return content, names
}

func assetPath(name string) string { return assetNames[name] }

// static serves the style sheet and the icon. They may be kept for ever, since another content has another name.
func (s *site) static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	text, ok := assets[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	_, _ = w.Write(text) // a client that left needs no style
}
