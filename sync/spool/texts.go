package spool

import "encoding/binary"

// AppendTexts writes texts behind buf, each with its length.
func AppendTexts(buf []byte, texts ...string) []byte {
	for _, text := range texts {
		buf = binary.AppendUvarint(buf, uint64(len(text)))
		buf = append(buf, text...)
	}
	return buf
}

// ParseTexts reads what AppendTexts wrote, and returns what stands behind.
func ParseTexts(buf []byte, texts ...*string) []byte {
	for _, text := range texts {
		n, width := binary.Uvarint(buf)
		*text, buf = string(buf[width:width+int(n)]), buf[width+int(n):]
	}
	return buf
}
