package sandbox

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"strings"
)

// postFileImport imports a CSV file from a multipart form.
func (s *Server) postFileImport(c *call) answer {
	rec := &importRecord{bytes: len(c.body)}
	s.imports = append(s.imports, rec)
	form, name, problem, good := c.multipart()
	if !good {
		return problem
	}
	in, err := parseCSV(form["file"])
	rec.rows, c.note.Contacts = in, len(in)
	if err != nil {
		return invalid("file is not a CSV file with a column email or sms_number")
	}
	for part := range strings.SplitSeq(string(form["list_ids"]), ",") {
		if part = strings.Trim(part, " []\""); part != "" {
			rec.lists = append(rec.lists, part)
		}
	}
	sms := string(form["sms_permission_to_send"])
	if sms != "" && sms != Explicit && sms != NotSet {
		return invalid("sms_permission_to_send does not have a valid value")
	}
	if messages := s.listProblems(rec.lists, maxLists); len(messages) > 0 {
		return invalid(messages...)
	}
	return s.queueFileImport(c, name, rec, &importJob{Rows: in, Lists: rec.lists, SMSPermission: sms})
}

func (s *Server) queueFileImport(c *call, name string, rec *importRecord, in *importJob) answer {
	out := s.queueImport(c, kindFileImport, rec, in)
	if rec.activity == "" {
		return out
	}
	a := s.acc.Activities[len(s.acc.Activities)-1]
	a.FileName = name
	return s.accepted(c, a)
}

// multipart reads the parts of a form by name, and the name of the file.
func (c *call) multipart() (parts map[string][]byte, file string, problem answer, good bool) {
	kind, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, "", unsupportedMedia("The payload must be multipart/form-data with a boundary."), false
	}
	parts = map[string][]byte{}
	reader := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, "", invalid("The form is malformed."), false
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, "", invalid("The form is malformed."), false
		}
		name := part.FormName()
		if name == "file" {
			file = part.FileName()
		}
		if old, twice := parts[name]; twice && name == "list_ids" {
			text = slices.Concat(old, []byte(","), text)
		}
		parts[name] = text
	}
	if file != "" && !strings.HasSuffix(strings.ToLower(file), ".csv") {
		return nil, "", unsupportedMedia("Wrong file format, the uploaded file must be of type .csv."), false
	}
	return parts, file, answer{}, true
}

// errNoColumn is a file without a column to know contacts by.
var errNoColumn = errors.New("no column email or sms_number")

// parseCSV reads the contacts of a file: what is beyond 4 MB or 40,000 lines is
// dropped without a word.
func parseCSV(file []byte) ([]row, error) {
	if len(file) > maxImportBytes {
		file = file[:bytes.LastIndexByte(file[:maxImportBytes], '\n')+1]
	}
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte("\ufeff"))))
	reader.FieldsPerRecord, reader.LazyQuotes = -1, true
	header, err := reader.Read()
	if err != nil {
		return nil, err
	}
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
		if !strings.HasPrefix(header[i], "cf:") {
			header[i] = strings.ToLower(header[i])
		}
	}
	if !slices.Contains(header, "email") && !slices.Contains(header, "sms_number") {
		return nil, errNoColumn
	}
	var rows []row
	for len(rows) < maxImportRows {
		line, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, csvRow(header, line))
	}
	return rows, nil
}

func csvRow(header, line []string) row {
	var r row
	for i, value := range line[:min(len(line), len(header))] {
		value = strings.TrimSpace(value)
		if header[i] == "email" {
			r.Address = value
		} else if header[i] != "" {
			r.Members = append(r.Members, member{header[i], value})
		}
	}
	return r
}
