package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"ccsyncd/cmd/ccsyncd/internal/config"
)

// Bits of a file's mode.
const (
	othersRead  fs.FileMode = 0o004
	othersWrite fs.FileMode = 0o002
)

// fileFault is a file that other users of the machine can read or write, and should not.
type fileFault struct {
	text, hint string
	writable   bool // by anybody
}

// fileFaults looks at the configuration and the files with secrets that it names. A configuration that all can read is right as long
// as no secret stands in it: a service that has no fixed user must read it.
func fileFaults(cfg *config.Config) (all []fileFault) {
	if runtime.GOOS == "windows" { // modes say nothing there
		return nil
	}
	for i, path := range append([]string{cfg.Path}, cfg.SecretFiles...) {
		info, err := os.Stat(path)
		if err != nil {
			continue // it was read a moment ago
		}
		what, clear := "a secret", true
		if i == 0 {
			what, clear = strings.Join(cfg.ClearSecrets, ", "), len(cfg.ClearSecrets) > 0
		}
		if owner, told := ownerOf(info); told && owner != 0 && owner != os.Geteuid() {
			all = append(all, fileFault{text: fmt.Sprintf("%s belongs to %s, who can change it at any time, and this process runs as %s", path, userName(owner), userName(os.Geteuid())),
				hint: "give it to root or to the user of this program (chown)"})
		}
		if dir, err := os.Stat(filepath.Dir(path)); err == nil && dir.Mode().Perm()&othersWrite != 0 && dir.Mode()&fs.ModeSticky == 0 {
			all = append(all, fileFault{text: fmt.Sprintf("any user of this machine can replace %s: they can write to its folder (mode %04o)", path, dir.Mode().Perm()),
				hint: "chmod o-w " + filepath.Dir(path)})
		}
		switch mode := info.Mode().Perm(); {
		case mode&othersWrite != 0:
			all = append(all, fileFault{writable: true, text: fmt.Sprintf("any user of this machine can write to %s (mode %04o)", path, mode),
				hint: "chmod o-w " + path + ", and look whether somebody has changed it"})
		case mode&othersRead != 0 && clear:
			all = append(all, fileFault{text: fmt.Sprintf("any user of this machine can read %s (mode %04o), and %s stands in it", path, mode, what),
				hint: "chmod o-r " + path + readableHint(i == 0)})
		}
	}
	return all
}

func readableHint(isConfig bool) string {
	if isConfig {
		return `, or move the secret out of it: "env:NAME" or "secret:/path"`
	}
	return ""
}

// files tells what others can read or write: the files of the configuration, and the folder of the state database.
func (ch *chain) files(cfg *config.Config) {
	const name = "files"
	for _, fault := range fileFaults(cfg) {
		if ch.flags.strict {
			ch.fail(name, &configError{message: fault.text, hint: fault.hint}, "")
		} else {
			ch.note(name, fault.text, fault.hint)
		}
	}
	dir := filepath.Dir(cfg.State.Path)
	if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&othersWrite != 0 && runtime.GOOS != "windows" {
		ch.note(name, fmt.Sprintf("any user of this machine can write to the folder of the state database, %s (mode %04o)", dir, info.Mode().Perm()),
			"give the state database a folder of its own that only its user can write to: [state] path")
	}
}

// deniedHint names who may read a file, and who tried.
func deniedHint(path string) string {
	runs := userName(os.Geteuid())
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Sprintf("this process runs as %s, which may not enter a folder above %s", runs, path)
	}
	if err != nil {
		return "this process runs as " + runs
	}
	text := fmt.Sprintf("this process runs as %s, and %s has mode %04o", runs, path, info.Mode().Perm())
	if owner, told := ownerOf(info); told {
		text += " and belongs to " + userName(owner)
	}
	return text + ": give it to that user (chown), or run as one who can read it"
}

func userName(id int) string {
	if found, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return found.Username
	}
	return "user " + strconv.Itoa(id)
}
