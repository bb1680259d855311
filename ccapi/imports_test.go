package ccapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// decoded is an import body read back.
type decoded struct {
	Data  []map[string]string `json:"import_data"`
	Lists []string            `json:"list_ids"`
}

// decode reads a body back with the standard library.
func decode(t testing.TB, body []byte) decoded {
	t.Helper()
	var d decoded
	if err := json.Unmarshal(body, &d); err != nil {
		t.Fatalf("body is no JSON: %v", err)
	}
	if !utf8.Valid(body) {
		t.Fatal("body is no UTF-8")
	}
	return d
}

func TestABodyReadsBackAsWhatWasPutIn(t *testing.T) {
	t.Parallel()
	nasty := "quote \" backslash \\ slash / tab \t line \r\n bell \x07 del \x7f é € 😀 \u2028 <b>&"
	var b ImportBody
	for range 2 { // the second time into the buffer of the first
		b.Reset([]string{"l1", "l\"2"}, []string{"cf:short_code", `cf:a"b\é`, "first_name"})
		for _, row := range [][]string{{"ann@example.com", "K7Q2", "", "Ann"}, {`"x y"@example.com`, nasty, nasty, ""}, {"bob@example.com", "", "", ""}, {"c@example.com"}} {
			if !b.Add(row[0], row[1:]) {
				t.Fatalf("%q refused", row)
			}
		}
		want := decoded{
			Lists: []string{"l1", "l\"2"},
			Data: []map[string]string{
				{"email": "ann@example.com", "cf:short_code": "K7Q2", "first_name": "Ann"},
				{"email": `"x y"@example.com`, "cf:short_code": nasty, `cf:a"b\é`: nasty},
				{"email": "bob@example.com"},
				{"email": "c@example.com"},
			},
		}
		if diff := cmp.Diff(want, decode(t, b.Bytes())); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
		if b.Len() != 4 {
			t.Errorf("Len = %d, want 4", b.Len())
		}
	}
}

func TestEveryCharacterIsEscapedAsJSONWants(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= utf8.MaxRune; r++ {
		s := "a" + string(r) + "b"
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil || back != s {
			t.Fatalf("%U: %q, %v", r, back, err)
		}
		if r == 0x3000 { // beyond, one in a while
			r = 0xD700
		}
		if r > 0xFFFF {
			r += 1021
		}
	}
	for in, want := range map[string]string{
		"\xff": `"` + "\uFFFD" + `"`, "a\xc3": `"a` + "\uFFFD" + `"`, "\xed\xa0\x80": `"` + "\uFFFD\uFFFD\uFFFD" + `"`, "\xf0\x9f\x98x": `"` + "\uFFFD\uFFFD\uFFFD" + `x"`, "\uFFFD": `"` + "\uFFFD" + `"`,
	} {
		if got := string(appendString(nil, in)); got != want {
			t.Errorf("appendString(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestTheContactThatWouldPassTheCapOfContactsIsRefused(t *testing.T) {
	t.Parallel()
	var b ImportBody
	b.Reset([]string{"l"}, []string{"cf:c"})
	n := 0
	for b.Add("a@b.c", []string{"x"}) {
		n++
	}
	// The vendor's overview: 40,000 lines with a header.
	if n != 39_999 || b.Len() != n || b.Add("a@b.c", []string{"x"}) {
		t.Errorf("%d contacts, Len %d, want 39,999", n, b.Len())
	}
	if got := decode(t, b.Bytes()); len(got.Data) != n {
		t.Errorf("%d contacts read back, want %d", len(got.Data), n)
	}
	b.Reset([]string{"l"}, []string{"cf:c"})
	if !b.Add("a@b.c", []string{"x"}) || len(decode(t, b.Bytes()).Data) != 1 {
		t.Error("a reset body takes no contact")
	}
}

// The cap of bytes is met exactly: for rows of any length, a body ends within one row of it, and a
// row that fits to the byte is taken.
func TestTheContactThatWouldPassTheCapOfBytesIsRefused(t *testing.T) {
	t.Parallel()
	for _, size := range []int{5000, 70_001} {
		var b ImportBody
		b.Reset([]string{"l"}, []string{"cf:c"})
		value := []string{strings.Repeat("x", size)}
		for b.Add("a@b.c", value) {
		}
		before := string(b.Bytes())
		free := MaxImportBytes - len(before)
		frame := len(`,{"email":"a@b.c","cf:c":""}`)
		if free < 0 || free >= frame+size {
			t.Fatalf("rows of %d: body of %d bytes, cap %d", size, len(before), MaxImportBytes)
		}
		if free > frame {
			if b.Add("a@b.c", []string{strings.Repeat("y", free-frame+1)}) {
				t.Errorf("rows of %d: a row one byte too long was taken", size)
			}
			if string(b.Bytes()) != before {
				t.Errorf("rows of %d: a refused row changed the body", size)
			}
			if !b.Add("a@b.c", []string{strings.Repeat("y", free-frame)}) || len(b.Bytes()) != 3_999_999 {
				t.Errorf("rows of %d: a row that fits to the byte was refused", size)
			}
		}
		decode(t, b.Bytes())
	}
}

func TestAContactTooLargeForAnyBodyIsRefusedByAnEmptyOne(t *testing.T) {
	t.Parallel()
	var b ImportBody
	b.Reset([]string{"l"}, []string{"cf:c"})
	if b.Add("a@b.c", []string{strings.Repeat("x", MaxImportBytes)}) || b.Len() != 0 {
		t.Error("taken")
	}
	if !b.Add("a@b.c", []string{"x"}) || len(decode(t, b.Bytes()).Data) != 1 {
		t.Error("the body is spoiled")
	}
}

// Packing in order reaches the least number of bodies: ceil of contacts or bytes over their caps.
func TestContactsFillAsFewBodiesAsTheCapsAllow(t *testing.T) {
	t.Parallel()
	for _, pad := range []int{0, 200} {
		const total = 50_000
		var b ImportBody
		lists, fields := []string{"07936f78-662a-11eb-af0a-fa163e56c9b0"}, []string{"cf:short_code"}
		values := []string{strings.Repeat("K", 6+pad)}
		b.Reset(lists, fields)
		head := len(b.Bytes())
		bodies, contacts, rows := 1, 0, 0
		for i := range total {
			address := fmt.Sprintf("user%06d@example.com", i)
			rows += len(`{"email":"","cf:short_code":""},`) + len(address) + len(values[0])
			if !b.Add(address, values) {
				contacts += b.Len()
				b.Reset(lists, fields)
				bodies++
				if !b.Add(address, values) {
					t.Fatal("refused by an empty body")
				}
			}
		}
		contacts += b.Len()
		room := MaxImportBytes - head + 1
		least := max((total+MaxImportContacts-1)/MaxImportContacts, (rows+room-1)/room)
		if bodies != least || contacts != total {
			t.Errorf("padded by %d: %d bodies with %d contacts, want %d with %d", pad, bodies, contacts, least, total)
		}
	}
}

func TestAddingAContactAllocatesNothing(t *testing.T) {
	var b ImportBody
	lists, fields, values := []string{"l"}, []string{"cf:short_code", "first_name"}, []string{"K7Q2é\"", "Ann"}
	allocations := func(contacts int) float64 {
		return testing.AllocsPerRun(10, func() {
			b.Reset(lists, fields)
			for range contacts {
				b.Add("ann@example.com", values)
			}
			b.Bytes()
		})
	}
	many := allocations(10_000) // grows the buffer
	if one := allocations(1); allocations(10_000) != one {
		t.Errorf("10,000 contacts allocate %v times, one %v times", many, one)
	}
}

func FuzzImportBody(f *testing.F) {
	f.Add("ann@example.com", "cf:short_code", "K7Q2M9", "07936f78-662a-11eb-af0a-fa163e56c9b0")
	f.Add("\"<script>\"@example.com", "cf:\x00", "\xff\xfe\u2028\"\\\n", "")
	f.Add("", "", "", "\x7f")
	f.Fuzz(func(t *testing.T, address, field, value, list string) {
		var b ImportBody
		b.Reset([]string{list, list}, []string{"cf:a", field})
		for range 2 {
			if !b.Add(address, []string{value, value}) {
				t.Skip("too large")
			}
		}
		d := decode(t, b.Bytes())
		want := map[string]string{"email": valid(t, address)}
		if value != "" {
			want["cf:a"] = valid(t, value)
			want[valid(t, field)] = valid(t, value)
		}
		if diff := cmp.Diff(decoded{[]map[string]string{want, want}, []string{valid(t, list), valid(t, list)}}, d); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
		if b.Len() != 2 {
			t.Errorf("Len = %d, want 2", b.Len())
		}
	})
}

// valid is s as encoding/json would pass it on.
func valid(t *testing.T, s string) (out string) {
	t.Helper()
	data, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// benchRow is a contact for encoding/json.
type benchRow struct {
	Email string `json:"email"`
	Code  string `json:"cf:short_code"`
}

func BenchmarkImportBody(b *testing.B) {
	addresses := make([]string, 39_999)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("user%06d@example.com", i)
	}
	values, lists, fields := []string{"K7Q2M9"}, []string{"07936f78-662a-11eb-af0a-fa163e56c9b0"}, []string{"cf:short_code"}
	perContact := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(addresses)), "ns/contact")
	}
	b.Run("ImportBody", func(b *testing.B) {
		b.ReportAllocs()
		var body ImportBody
		for b.Loop() {
			body.Reset(lists, fields)
			for _, a := range addresses {
				body.Add(a, values)
			}
			b.SetBytes(int64(len(body.Bytes())))
		}
		perContact(b)
	})
	b.Run("encoding-json a contact", func(b *testing.B) {
		b.ReportAllocs()
		var body []byte
		for b.Loop() {
			body = body[:0]
			for _, a := range addresses {
				row, err := json.Marshal(benchRow{a, values[0]})
				if err != nil {
					b.Fatal(err)
				}
				body = append(append(body, row...), ',')
			}
			b.SetBytes(int64(len(body)))
		}
		perContact(b)
	})
}

// BenchmarkImportBodies packs n contacts into as few bodies as the caps allow.
func BenchmarkImportBodies(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			addresses := make([]string, n)
			for i := range addresses {
				addresses[i] = fmt.Sprintf("user%08d@example.com", i)
			}
			values, lists, fields := []string{"K7Q2M9XY"}, []string{"07936f78-662a-11eb-af0a-fa163e56c9b0"}, []string{"cf:short_code"}
			b.ReportAllocs()
			for b.Loop() {
				var body ImportBody
				body.Reset(lists, fields)
				bodies := 1
				for _, a := range addresses {
					if body.Add(a, values) {
						continue
					}
					bodies++
					body.Reset(lists, fields)
					body.Add(a, values)
				}
				if want := (n + MaxImportContacts - 1) / MaxImportContacts; bodies != want {
					b.Fatalf("%d bodies, want %d", bodies, want)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/contact")
		})
	}
}
