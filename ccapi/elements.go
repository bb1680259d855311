package ccapi

import (
	"errors"
	"fmt"
)

const (
	// maxElements bounds the elements of all arrays in one answer: 500 contacts with 50 custom
	// fields and 50 lists each have 50,500, and a failed import may have an error a row.
	maxElements = 200_000
	// maxDepth bounds how deep an answer nests; the API's go down to six.
	maxDepth = 64
)

var errNested = errors.New("the answer is nested too deep")

// checkElements refuses an answer whose arrays would take far more memory than its text, before
// anything is decoded: an empty object of two bytes becomes a contact of 300. perPage is the most
// elements of an array at the answer's top, as in {"contacts":[...]}; 0 leaves that to maxElements.
// JSON that is not valid is not its concern.
func checkElements(data []byte, perPage int) error {
	if perPage == 0 {
		perPage = maxElements
	}
	var arrays [maxDepth]bool // whether the containers around the present byte are arrays
	var counts [maxDepth]int  // their commas
	depth, all := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = endOfString(data, i)
		case '[', '{':
			if depth == maxDepth {
				return errNested
			}
			arrays[depth], counts[depth] = data[i] == '[', 0
			depth++
		case ']', '}':
			depth = max(depth-1, 0)
		case ',':
			if depth == 0 || !arrays[depth-1] {
				continue
			}
			all++
			counts[depth-1]++
			if depth <= 2 && counts[depth-1] >= perPage {
				return fmt.Errorf("the answer has more than %d elements", perPage)
			}
			if all >= maxElements {
				return fmt.Errorf("the answer has more than %d elements", maxElements)
			}
		}
	}
	return nil
}

// endOfString is the index of the quote that ends the string which begins at start.
func endOfString(data []byte, start int) int {
	for i := start + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(data)
}
