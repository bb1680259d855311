package main

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

func TestTheBillNamesEveryModule(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out, again bytes.Buffer
	if err := write(&out, program); err != nil {
		t.Fatal(err)
	}
	if err := write(&again, program); err != nil || !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Errorf("a second time it is another: %v", err)
	}
	var b bom
	if err := json.Unmarshal(out.Bytes(), &b); err != nil || b.Format != "CycloneDX" || b.Components[0].Name != "std" || b.Components[0].Version == "" {
		t.Errorf("got %s, %v", &out, err)
	}
}

func TestTheBillNamesWhatIsLinkedInC(t *testing.T) {
	t.Parallel()
	program, err := os.Executable() // it has SQLite, as the command itself
	if err != nil {
		t.Fatal(err)
	}
	found, err := linkedC(program)
	if err != nil || len(found) == 0 || found[0].Name != "sqlite" || found[0].Version == "" || found[0].Properties[0].Value == "" {
		t.Errorf("found %+v (%v)", found, err)
	}
}
