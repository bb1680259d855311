package config

import (
	"fmt"
	"strings"
)

// ReadEnvFile reads the variables of an env file, such as an app's .env. An error names the file
// and shows none of its contents.
func ReadEnvFile(path string) (map[string]string, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("the env file %s cannot be read: %w", path, err)
	}
	return parseEnv(string(data)), nil
}

// parseEnv reads lines NAME=value as Node does, so that the app and this program see the same:
// export before a name and blanks around both are left out, a # begins a comment unless it stands
// in quotes, a value in quotes may have several lines, and \n is a line break in double quotes.
// Nothing is expanded. What is no such line is left out.
func parseEnv(text string) map[string]string {
	vars := make(map[string]string)
	rest := trimEnv(strings.ReplaceAll(text, "\r", ""))
	for rest != "" {
		if rest[0] == '\n' || rest[0] == '#' {
			_, rest, _ = strings.Cut(rest, "\n")
			continue
		}
		at := strings.IndexAny(rest, "=\n")
		if at < 0 {
			break
		}
		name, after := trimEnv(rest[:at]), rest[at+1:]
		if rest[at] == '\n' {
			rest = trimEnv(after)
			continue
		}
		name = trimEnv(strings.TrimPrefix(name, "export "))
		var value string
		value, rest = envValue(after)
		if name != "" {
			vars[name] = value
		}
	}
	return vars
}

// envValue is the value that a text begins with, and what comes after its line.
func envValue(text string) (value, rest string) {
	text = strings.TrimLeft(text, " \t")
	if text == "" || text[0] == '\n' {
		return "", strings.TrimPrefix(text, "\n")
	}
	if quote := text[0]; strings.IndexByte("\"'`", quote) >= 0 {
		if quoted, after, ok := strings.Cut(text[1:], string(quote)); ok {
			_, rest, _ = strings.Cut(after, "\n")
			if quote == '"' {
				quoted = strings.ReplaceAll(quoted, `\n`, "\n")
			}
			return quoted, rest
		}
		value, rest, _ = strings.Cut(text, "\n") // with its one quote
		return value, rest
	}
	line, rest, _ := strings.Cut(text, "\n")
	value, _, _ = strings.Cut(line, "#")
	return trimEnv(value), rest
}

func trimEnv(text string) string { return strings.Trim(text, " \t\n") }
