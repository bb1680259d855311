// Command sbom writes the bill of materials of a Go program, as CycloneDX 1.5 in JSON, from what
// the program says of itself: every module that is linked in, with its checksum, and what is linked
// in C: SQLite, and the C library where it is static. The same program gives the same bytes.
//
//	go run ./scripts/sbom dist/ccsyncd >dist/ccsyncd.cdx.json
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/mattn/go-sqlite3"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sbom PROGRAM")
		os.Exit(64)
	}
	if err := write(os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// bom has the members of CycloneDX 1.5 that are used here.
type bom struct {
	Format      string      `json:"bomFormat"`
	SpecVersion string      `json:"specVersion"`
	Version     int         `json:"version"`
	Metadata    metadata    `json:"metadata"`
	Components  []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl,omitempty"`
	// "go:sum", the checksum of the module's files as in go.sum
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func write(to io.Writer, program string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	linked, err := linkedC(program)
	if err != nil {
		return err
	}
	out := json.NewEncoder(to)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	b := materials(info)
	b.Components = append(b.Components, linked...)
	return out.Encode(b)
}

func materials(info *debug.BuildInfo) bom {
	b := bom{Format: "CycloneDX", SpecVersion: "1.5", Version: 1,
		Metadata: metadata{component{Type: "application", Name: info.Main.Path, Version: revision(info)}}}
	std := strings.TrimPrefix(info.GoVersion, "go")
	b.Components = append(b.Components, component{Type: "library", Name: "std", Version: std, PURL: "pkg:golang/std@" + std})
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		b.Components = append(b.Components, component{Type: "library", Name: m.Path, Version: m.Version,
			PURL: "pkg:golang/" + m.Path + "@" + m.Version, Properties: []property{{"go:sum", m.Sum}}})
	}
	return b
}

// revision is the commit that the program was built from.
func revision(info *debug.BuildInfo) string {
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}

var (
	// sqliteSource is SQLite's check-in, which sqlite3_sourceid tells: "2026-10-01 12:34:56 0f1e…"
	// with 64 digits.
	sqliteSource = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [0-9a-f]{64}`)
	// cLibrary is how the GNU C library names itself in a static program.
	cLibrary = regexp.MustCompile(`GNU C Library \(([^)]*)\) stable release version ([0-9.]*[0-9])`)
)

// linkedC finds what is linked in C in the program's own bytes.
func linkedC(program string) ([]component, error) {
	text, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var all []component
	if source := sqliteSource.Find(text); source != nil {
		version, _, _ := sqlite3.Version() // of the same module as the program's: go.mod has one
		all = append(all, component{Type: "library", Name: "sqlite", Version: version, PURL: "pkg:generic/sqlite@" + version,
			Properties: []property{{"sqlite:source_id", string(source)}}})
	}
	if libc := cLibrary.FindSubmatch(text); libc != nil {
		all = append(all, component{Type: "library", Name: "glibc", Version: string(libc[2]), PURL: "pkg:generic/glibc@" + string(libc[2]),
			Properties: []property{{"glibc:package", string(libc[1])}}})
	}
	return all, nil
}
