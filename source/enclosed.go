package source

import (
	"regexp"
	"strings"
)

// lexemes are the texts, quoted names and comments of a database, its words where they tell what
// a quote means, and any other character.
var lexemes = map[string]*regexp.Regexp{
	SQLite:   regexp.MustCompile("'[^']*'|\"[^\"]*\"|`[^`]*`" + `|\[[^\]]*\]|--[^\n]*|/\*(?s:.*?)\*/|(?s:.)`),
	Postgres: regexp.MustCompile(`[eE]'(?:[^'\\]|\\(?s:.)|'')*'|[A-Za-z_[:^ascii:]][A-Za-z0-9_$[:^ascii:]]*|'[^']*'|"[^"]*"|--[^\r\n]*|/\*(?s:.*?)\*/|(?s:.)`),
	MySQL:    regexp.MustCompile(`'(?:[^'\\]|\\(?s:.))*'|"(?:[^"\\]|\\(?s:.))*"|` + "`[^`]*`" + `|--(?:[\x00-\x09\x0b-\x20][^\n]*|\n|\z)|#[^\n]*|/\*(?s:.*?)\*/|(?s:.)`),
}

// unclear are lexemes, by their beginning, that a server may read otherwise than they are read
// here.
var unclear = map[string]*regexp.Regexp{
	SQLite:   regexp.MustCompile("^(['\"`\\[]|/\\*|\x00)$"),
	Postgres: regexp.MustCompile(`^(['"\x00]$|/\*(?s:$|.+/\*))`), // comments nest
	MySQL:    regexp.MustCompile("^(['\"`\x00]$|" + `/\*(?:$|!|M!)|"(?s:.*)\\)`),
}

// enclosed gives SQL of the owner, named key in [source], as it may stand between parentheses: a
// semicolon at its end is cut off. What is not one expression, or one query, by itself is refused:
// it could end the statement that it stands in and begin another.
func enclosed(sql, key, driver string) (string, error) {
	refuse := func(hint, what string) (string, error) {
		return "", misconfigured(hint, "%s in [source] %s", key, what)
	}
	depth, end := 0, -1
	for _, at := range lexemes[driver].FindAllStringIndex(sql, -1) {
		text := sql[at[0]:at[1]]
		comment := strings.HasPrefix(text, "--") || strings.HasPrefix(text, "/*") && len(text) > 2 || driver == MySQL && text[0] == '#'
		switch opened := sql[at[0]:min(at[1]+1, len(sql))]; {
		case unclear[driver].MatchString(text), opened == "/*":
			return refuse("close it; use single quotes for texts, and do not nest comments", "has an unclosed or ambiguous quote or comment")
		case driver == Postgres && text == "$" && dollarQuote.MatchString(sql[at[0]:]):
			return refuse("use single quotes for texts", "has a text in dollar quotes")
		case text == ";" && end < 0:
			end = at[0]
		case end >= 0 && !comment && text != ";" && strings.TrimSpace(text) != "":
			return refuse("remove what follows the semicolon", "contains more than one statement")
		case text == "(":
			depth++
		case text == ")":
			depth--
		}
		if depth < 0 {
			return refuse("correct the parentheses", "closes a parenthesis that is not open")
		}
	}
	if depth > 0 {
		return refuse("correct the parentheses", "leaves a parenthesis open")
	}
	if end >= 0 {
		sql = sql[:end]
	}
	return sql, nil
}

var dollarQuote = regexp.MustCompile(`^\$(?:\$|[A-Za-z_[:^ascii:]])`)
