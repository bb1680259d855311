package source

import (
	"regexp"
	"strings"
)

// timeless tells whether SQL gives the same rows as long as the tables stay the same. Time, chance
// and the session come in through functions and a few words, so only the functions listed here
// pass; what is not understood does not.
func timeless(sql string) bool {
	rest := tokenPattern.ReplaceAllStringFunc(sql, func(token string) string {
		name, call := strings.CutSuffix(token, "(")
		name = strings.ToLower(strings.TrimSpace(name))
		literal := strings.Trim(name, "'")
		switch {
		case strings.HasPrefix(name, "'"):
			if momentLiterals[strings.TrimSpace(literal)] || strings.Contains(name, `\`) {
				return "'"
			}
		case strings.HasSuffix(name, "'"), momentWords[name], call && !pure[name]:
			return "'"
		}
		return " "
	})
	// open quotes, dollar quotes, variables, subscripts, escapes
	return !strings.ContainsAny(rest, "'\"`$@[\\")
}

// tokenPattern finds the prefix of a text, such as E', texts, comments, and names with the bracket
// that makes calls of them.
var tokenPattern = regexp.MustCompile(`[\pL\pN_]*[\pL&]'|'(?:[^']|'')*'|--[^\n]*|/\*(?s:.*?)\*/|(?:"[^"]*"|` + "`[^`]*`" + `|[\pL_][\pL\pN_]*)(?:\s*\()?`)

var (
	momentWords = wordSet(`current_date current_time current_timestamp localtime localtimestamp`)
	// PostgreSQL reads these texts as moments of today
	momentLiterals = wordSet(`now today tomorrow yesterday allballs`)
	// keywords that may stand before a bracket, types, and functions of their arguments alone
	pure = wordSet(`
		all and any as between by case cast create distinct else except exists filter from having
		in intersect is join like ilike limit not on or order over partition select some then union
		using values view when where with
		abs avg btrim ceil ceiling char_length coalesce concat concat_ws count floor group_concat
		ifnull iif instr json_extract left length lower ltrim max min nullif octet_length position
		replace right round rtrim string_agg substr substring sum total trim upper
		bigint char character decimal int integer numeric text varchar`)
)

func wordSet(text string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(text) {
		set[word] = true
	}
	return set
}
