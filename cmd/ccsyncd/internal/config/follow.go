package config

import (
	"errors"
	"fmt"
	"strings"
)

// What a string starts with when its value stands elsewhere.
const (
	envPrefix  = "env:"
	filePrefix = "secret:"
)

// Follow returns the meaning of a text. For "env:NAME" that is the value of the variable. For
// "secret:/path" it is the contents of the file without one line ending at its end. Any other text
// means itself. A relative path starts at dir. An error continues a sentence that begins with the
// name of the setting. It never has the contents.
func Follow(text, dir string, getenv func(string) string) (string, error) {
	if name, ok := strings.CutPrefix(text, envPrefix); ok {
		return fromEnv(name, getenv)
	}
	if path, ok := strings.CutPrefix(text, filePrefix); ok {
		return fromFile(path, dir)
	}
	return text, nil
}

func fromEnv(name string, getenv func(string) string) (string, error) {
	if name == "" {
		return "", errors.New(`names no variable; write "env:NAME"`)
	}
	got := getenv(name)
	if got == "" {
		return "", &UnsetError{Name: name}
	}
	return got, nil
}

// UnsetError means that a variable that the configuration names is not set, or is empty.
type UnsetError struct{ Name string }

func (e *UnsetError) Error() string {
	return fmt.Sprintf("uses the environment variable %s, which is empty or not set", e.Name)
}

// Hint explains how to set it.
func (e *UnsetError) Hint() string { return unsetHint(e.Name) }

// appEnv is where an app keeps its variables.
const appEnv = ".env"

// unsetHint says how to set a variable, or that the app's own file has it.
func unsetHint(name string) string {
	if vars, err := ReadEnvFile(appEnv); err == nil && vars[name] != "" {
		return fmt.Sprintf("the file %s has it; add `--env-file %s`", appEnv, appEnv)
	}
	return fmt.Sprintf("`export %s=...`, or `--env-file FILE` with a file that has a line %s=...", name, name)
}

func fromFile(path, dir string) (string, error) {
	if path == "" {
		return "", errors.New(`names no file; write "secret:/path"`)
	}
	data, err := readFile(inDir(dir, path))
	if err != nil {
		return "", fmt.Errorf("uses the file %s, which cannot be read: %w", path, err)
	}
	got, ended := strings.CutSuffix(string(data), "\n")
	if ended {
		got = strings.TrimSuffix(got, "\r")
	}
	if got == "" {
		return "", fmt.Errorf("uses the file %s, which is empty", path)
	}
	return got, nil
}
