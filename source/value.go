package source

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// kind says how the values of a column are written; it follows from the column's declared type.
// The table in the package comment is its specification.
type kind uint8

const (
	asText    kind = iota // text and bytes as they are, numbers in their shortest form
	asNumber              // a decimal or floating-point number that comes as text
	asSingle              // a number of 32-bit floating-point precision
	asBoolean             // true or false
	asBit                 // true or false, which come as a byte
	asBits                // a number that comes as bytes, most significant first
	asDate
	asTimestamp
	asTime
	asUUID
	asJSON
	asBytes // as they are
)

// cell receives one column's value of the current row. Text that the driver made is kept as it is;
// everything else is written into the buffer that the cells of a row share.
type cell struct {
	kind       kind
	unit       time.Duration // what a number counts since 1970; 0: it is a number
	untold     bool          // no row of the column tells it
	buf        *[]byte
	text       string
	start, end int // of the value in buf; equal: it is in text
}

// scan takes a value from the driver. Bytes are copied: it uses them again.
func (c *cell) scan(src any) error {
	c.text, c.start = "", len(*c.buf)
	switch v := src.(type) {
	case nil:
	case string:
		if c.kind == asText && c.unit == 0 {
			c.text = v
			break
		}
		*c.buf = appendText(*c.buf, c.kind, v)
	case []byte:
		*c.buf = appendBytes(*c.buf, c.kind, v)
	case int64:
		*c.buf = appendInteger(*c.buf, c.kind, v)
	case uint64:
		*c.buf = strconv.AppendUint(*c.buf, v, 10)
	case float64:
		*c.buf = c.appendFloat(v, 64)
	case float32:
		*c.buf = c.appendFloat(float64(v), 32)
	case bool:
		*c.buf = strconv.AppendBool(*c.buf, v)
	default:
		return fmt.Errorf("the driver gave a %T", src)
	}
	if c.unit != 0 {
		c.toMoment()
	}
	c.end = len(*c.buf)
	return nil
}

// value gives the text of the last Scan; row is what the shared buffer held.
func (c *cell) value(row string) string {
	if c.start == c.end {
		return c.text
	}
	return row[c.start:c.end]
}

func (c *cell) appendFloat(v float64, bits int) []byte {
	if c.kind == asSingle {
		bits = 32
	}
	return appendFloat(*c.buf, v, bits)
}

func appendText(dst []byte, k kind, v string) []byte {
	switch k {
	case asNumber, asSingle:
		return appendNumber(dst, k, v)
	case asDate:
		return appendDate(dst, v)
	case asTimestamp:
		return appendTimestamp(dst, v)
	case asTime:
		return append(dst, trimFraction(v)...)
	case asUUID:
		return appendUUID(dst, v)
	case asJSON:
		return appendJSON(dst, v)
	default:
		return append(dst, v...)
	}
}

func appendBytes(dst []byte, k kind, v []byte) []byte {
	switch {
	case k == asText, k == asBytes:
		return append(dst, v...)
	case k == asBit && len(v) == 1 && v[0] <= 1:
		return strconv.AppendBool(dst, v[0] == 1)
	case k == asBit, k == asBits:
		return appendBits(dst, v)
	case k == asUUID && len(v) == 16 && !printable(v):
		return appendRawUUID(dst, v)
	default:
		return appendText(dst, k, string(v))
	}
}

func appendInteger(dst []byte, k kind, v int64) []byte {
	switch {
	case k == asBoolean && (v == 0 || v == 1):
		return strconv.AppendBool(dst, v == 1)
	default:
		return strconv.AppendInt(dst, v, 10)
	}
}

// appendFloat writes the shortest decimal that reads back as the same number, with an exponent only
// where JavaScript writes one too: below 1e-6 and from 1e21 on.
func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case v == 0:
		return append(dst, '0')
	case math.IsInf(v, 0):
		return append(dst, strings.TrimPrefix(strconv.FormatFloat(v, 'g', -1, bits)+"inity", "+")...)
	}
	if size := math.Abs(v); size < 1e-6 || size >= 1e21 {
		text := strconv.FormatFloat(v, 'g', -1, bits)
		return append(dst, strings.Replace(text, "e-0", "e-", 1)...)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, bits)
}

// appendNumber writes a decimal without zeros at the end of its fraction: a SQLite database keeps
// none, so 12.50 could not be told from 12.5 there.
func appendNumber(dst []byte, k kind, v string) []byte {
	if k == asSingle || strings.ContainsAny(v, "eE") {
		bits := 64
		if k == asSingle {
			bits = 32
		}
		if f, err := strconv.ParseFloat(v, bits); err == nil {
			return appendFloat(dst, f, bits)
		}
	}
	v = trimFraction(v)
	if v == "-0" {
		v = "0"
	}
	return append(dst, v...)
}

// trimFraction removes the zeros at the end of a fraction, and its point with the last of them.
func trimFraction(v string) string {
	if !strings.Contains(v, ".") {
		return v
	}
	return strings.TrimSuffix(strings.TrimRight(v, "0"), ".")
}

// appendBits writes MySQL's BIT(n) as a number.
func appendBits(dst []byte, v []byte) []byte {
	var n uint64
	for _, b := range v {
		n = n<<8 | uint64(b)
	}
	return strconv.AppendUint(dst, n, 10)
}

// printable tells whether the bytes are ASCII text. A UUID never is: RFC 9562 sets the top bit of
// its ninth byte, and the nil UUID is zeros.
func printable(v []byte) bool {
	for _, b := range v {
		if b < ' ' || b > '~' {
			return false
		}
	}
	return true
}

func appendRawUUID(dst, v []byte) []byte {
	for i, part := range [][]byte{v[:4], v[4:6], v[6:8], v[8:10], v[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

// appendUUID writes the letters of a UUID in lower case, as PostgreSQL does.
func appendUUID(dst []byte, v string) []byte {
	if len(v) == 36 {
		v = strings.ToLower(v)
	}
	return append(dst, v...)
}

// appendJSON writes a document without white space between its tokens; what is no JSON stays.
func appendJSON(dst []byte, v string) []byte {
	out := bytes.NewBuffer(dst)
	if json.Compact(out, []byte(v)) != nil {
		return append(dst, v...)
	}
	return out.Bytes()
}
