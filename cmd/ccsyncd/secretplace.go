package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// reveal follows "env:NAME" and "secret:/path" as the configuration does, and takes any other text as it is. Relative
// paths start at dir.
func (c *cli) reveal(place, dir string) (string, error) {
	if name, ok := strings.CutPrefix(place, "env:"); ok {
		value := c.getenv(name)
		if value == "" {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
		return value, nil
	}
	path, ok := strings.CutPrefix(place, "secret:")
	if !ok {
		return place, nil
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}
