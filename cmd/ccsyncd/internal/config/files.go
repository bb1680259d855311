package config

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
)

// Bits of a mode of a file that say what other users of the machine may do.
const (
	othersRead  fs.FileMode = 0o004
	OthersWrite fs.FileMode = 0o002
)

// FileFault is a file that other users of the machine can read or write, but should not.
type FileFault struct {
	Text, Hint string
	Writable   bool // by anybody
}

// FileFaults tests the configuration and the secret files that it names. All users may read a
// configuration without secrets, because a service without a fixed user must read it.
func (cfg *Config) FileFaults() (all []FileFault) {
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
			all = append(all, FileFault{Text: fmt.Sprintf("%s belongs to %s, who can change it at any time; this process runs as %s", path, UserName(owner), UserName(os.Geteuid())),
				Hint: "change its owner to root or to this user (chown)"})
		}
		if dir, err := os.Stat(filepath.Dir(path)); err == nil && dir.Mode().Perm()&OthersWrite != 0 && dir.Mode()&fs.ModeSticky == 0 {
			all = append(all, FileFault{Text: fmt.Sprintf("any user of this machine can replace %s, because its folder is writable for all (mode %04o)", path, dir.Mode().Perm()),
				Hint: "chmod o-w " + filepath.Dir(path)})
		}
		switch mode := info.Mode().Perm(); {
		case mode&OthersWrite != 0:
			all = append(all, FileFault{Writable: true, Text: fmt.Sprintf("any user of this machine can write to %s (mode %04o)", path, mode),
				Hint: "chmod o-w " + path + "; make sure that nobody has changed it"})
		case mode&othersRead != 0 && clear:
			all = append(all, FileFault{Text: fmt.Sprintf("any user of this machine can read %s (mode %04o), which contains %s", path, mode, what),
				Hint: "chmod o-r " + path + readableHint(i == 0)})
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

// DeniedHint names the users who may read a file, and the user who tried.
func DeniedHint(path string) string {
	runs := UserName(os.Geteuid())
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Sprintf("this process runs as %s, who cannot enter a folder above %s", runs, path)
	}
	if err != nil {
		return "this process runs as " + runs
	}
	text := fmt.Sprintf("this process runs as %s, and %s has mode %04o", runs, path, info.Mode().Perm())
	if owner, told := ownerOf(info); told {
		text += " and belongs to " + UserName(owner)
	}
	return text + "; change its owner (chown), or run ccsyncd as a user who can read it"
}

// UserName returns the name of a user of this machine. If the user has no name, it returns the
// number.
func UserName(id int) string {
	if found, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return found.Username
	}
	return "user " + strconv.Itoa(id)
}
