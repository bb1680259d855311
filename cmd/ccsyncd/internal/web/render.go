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
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"ccsyncd/internal/kit"
)

//go:embed templates assets
var files embed.FS

// frame is what every page has around it.
type frame struct {
	Title   string
	Icon    string // the tone of the tab's icon; "" for the plain one
	Version string
	Account string    // "" when it is not known
	Who     string    // what was searched for
	Find    bool      // the search has the focus
	Now     time.Time // the server's time
	Trusted bool      // the request carried the token: the button works, and addresses are shown
	Running *running  // nil when no run is running
	Reload  int       // the page reloads after so many seconds; 0: never
	mask    func(string) string
}

func (s *site) frame(r *http.Request, title string) frame {
	f := frame{Title: title, Version: s.Version, Now: s.State.Now(), Trusted: s.hasToken(r), Running: runningOf(s.Progress()), mask: s.MaskAddress}
	if auth, err := s.Authorization(r.Context()); err == nil {
		f.Account = auth.Account
	}
	return f
}

// How often the status page reloads, in seconds.
const (
	reloadEvery    = 30
	reloadFollowed = 4 // while a person follows a run
)

// reload makes the page reload, unless the reader has stopped that. It is a header, since a browser
// then keeps its position on the page.
func (f *frame) reload(w http.ResponseWriter, r *http.Request) {
	switch q := r.URL.Query(); {
	case q.Get("reload") == "no":
		return
	case f.Running != nil && q.Has("follow"):
		f.Reload = reloadFollowed
	default:
		f.Reload = reloadEvery
	}
	w.Header().Set("Refresh", strconv.Itoa(f.Reload))
}

// Follow tells whether the reader follows the current run.
func (f frame) Follow() bool { return f.Reload == reloadFollowed }

// Addr is an address. It is shown in full only if it was typed in or the request has the token,
// since any user of the machine can open the page.
func (f frame) Addr(address string) string {
	if f.Trusted || address == "" || strings.EqualFold(address, f.Who) {
		return address
	}
	return f.mask(address)
}

// addressIn finds addresses in a text.
var addressIn = regexp.MustCompile(`[^\s<>"'` + "`" + `(),;:]+@[^\s<>"'` + "`" + `(),;:]+`)

// Text is a text with each address in it as Addr shows it.
func (f frame) Text(text string) string { return addressIn.ReplaceAllStringFunc(text, f.Addr) }

// Key is a user's key, which is an address in some tables.
func (f frame) Key(key string) string {
	if strings.Contains(key, "@") && !strings.EqualFold("key:"+key, f.Who) {
		return f.Addr(key)
	}
	return key
}

// Explain is the link to the page of one user; "" if the link would show an address that the page
// hides.
func (f frame) Explain(key, address string) string {
	who := address
	if key != "" {
		who = "key:" + key
	}
	if strings.Contains(who, "@") && !f.Trusted {
		return ""
	}
	return "/explain?" + url.Values{"who": {who}}.Encode()
}

// parse reads the templates, with the functions that they call.
func (s *site) parse() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"asset": assetPath, "icon": iconPath, "count": kit.Count[int], "plural": kit.Plural[int], "percent": percent, "share": share, "span": span, "seconds": seconds,
		"when": when, "stamp": stamp, "mask": s.Mask, "words": words, "tone": tone, "plain": plain,
		"hint": hint, "outcome": outcome, "refresh": refresh, "upper": upper, "moment": moment, "sentence": sentence,
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

// visible drops characters that data could use for harm although HTML is escaped: control
// characters, which a terminal obeys, and marks that change the direction of writing (Unicode UAX
// 9, 2.).
func visible(r rune) rune {
	switch {
	case r == '\n', r == '\t':
		return r
	case unicode.IsControl(r), r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u200e', r == '\u200f', r == '\u061c':
		return -1
	}
	return r
}

// broken reports that a page could not be created. Only the log has the reason, except for what a
// person can do about the state file.
func (s *site) broken(w http.ResponseWriter, err error) {
	s.Log.Error("status page", "error", err)
	if ofState(err) {
		http.Error(w, "this page could not be created: "+unreadable(err), http.StatusServiceUnavailable)
		return
	}
	http.Error(w, "this page could not be created; see the log", http.StatusInternalServerError)
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

// iconPath is the icon of a tone: shape and colour differ, so that a tab tells the state.
func iconPath(tone string) string {
	if name, ok := assetNames["icon-"+tone+".svg"]; ok {
		return name
	}
	return assetNames["icon.svg"]
}

// static serves the style sheet and the icon. They may be kept for ever, since another content has
// another name.
func static(w http.ResponseWriter, r *http.Request) {
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
