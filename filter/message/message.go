// Package message turns the bytes of a mail into one immutable tree: ordered header fields with
// their raw bytes, parts with byte ranges, decoded readers made on demand. It never repairs and
// never writes. What two readers could read differently is an Anomaly and is read both ways.
package message

// Range is a half-open range of octets of the whole message.
type Range struct{ Start, End int64 }

// Len is the number of octets.
func (r Range) Len() int64 { return r.End - r.Start }

// Field is one header field as it came.
type Field struct {
	Name  string // as written, without the colon; "" for a line that is no field
	Raw   []byte // the whole field with its folds and line ends
	Range Range  // where it stands in the message

	text string // Raw again, so that values need no copy; "" for a field made by hand
}

// Header is an ordered header block. Names compare without case.
type Header struct {
	Fields []Field
	Cut    bool // the block is over HeaderBytes or HeaderFields: there are fields that are not here
}

// Message is the parsed message. All of it may be used by several goroutines at once.
type Message struct {
	Header       *Header // the root's
	Root         *Part
	Size         int64 // octets as received
	Anomalies    []Anomaly
	NotInspected []NotInspected

	headers []*Header // the readings of the root's header, Header first; nil when it reads one way
	shared  once
}

// Part is one part of one reading of the message.
type Part struct {
	// ID is the part's number as IMAP counts (RFC 3501 section 6.4.5): "" is the whole message when it
	// is a multipart, "1" its body when it is not; "2.1" the first part of the second. A second reading of
	// the same bytes has the same ID. Text outside boundaries is "2.preamble" or "2.epilogue".
	ID     string
	Parent *Part
	// Children of a multipart are its parts, of a message/rfc822 the one root of the nested message, of a
	// plain text the uuencoded and yEnc files in it ("1.file1"), which mail programs show as attachments.
	Children []*Part
	// Readings are other ways to read the same bytes, for what is ambiguous. They are walked like children.
	Readings []*Part
	// Outside marks text outside boundaries: a leaf of type text/plain.
	Outside bool
	// Unread marks what is over a limit: a header that was not read to its end, or octets that were not
	// divided into the parts they may hold. What the part says of itself is not all there is to say.
	Unread bool

	Header *Header // never nil
	// Ranges count octets of the message; inside of an encoded message/rfc822, of what that decodes to.
	Whole Range // header and body
	Body  Range // body, without the line break that belongs to the boundary

	MediaType   string            // lower case, "text/plain" when missing (RFC 2045 section 5.2)
	Params      map[string]string // of Content-Type, RFC 2231 decoded, names in lower case
	Disposition string            // "attachment", "inline" or "" (RFC 2183), lower case
	Encoding    Encoding
	Name        string   // file name, decoded, NFC; "" without. Never used as a path, never logged
	Names       []string // every file name that some mail client shows, Name first; nil without
	ContentID   string   // without angle brackets

	source *source // that Whole and Body are ranges of
	kind   partKind
}

// partKind says what a part is made of.
type partKind uint8

const (
	leafPart      partKind = iota
	multipartPart          // also one in which no part was found: its readings stand for it
	messagePart
)

// Encoding is a content transfer encoding (RFC 2045 section 6).
type Encoding string

// The encodings. Identity stands for 7bit, 8bit and binary.
const (
	Identity        Encoding = "identity"
	Base64          Encoding = "base64"
	QuotedPrintable Encoding = "quoted-printable"
	UUEncode        Encoding = "x-uuencode"
	YEnc            Encoding = "x-yenc"
)

// Measure is what one pass over a decoded leaf gives.
type Measure struct {
	Bytes        int64 // decoded octets; octets as they stand when the part was not decoded
	Anomalies    []Anomaly
	NotInspected Reason // why the part was not decoded; "" when it was
}
