package contact

import (
	"errors"
	"strings"
	"testing"
)

// Pages are read then: a file that stays empty would else fail every run.
func TestAnExportWithoutAHeadingIsUnfit(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"", "\n\n"} {
		for c, err := range ReadExport(&Mapping{}, strings.NewReader(file), nil) {
			if !errors.Is(err, ErrUnfit) {
				t.Errorf("%q: %+v, %v", file, c, err)
			}
		}
	}
}
