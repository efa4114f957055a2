package message

// AnomalyKind names a way in which a message departs from its standards. The list is closed;
// the names stand in configuration, logs and metrics.
type AnomalyKind string

// The anomalies. Those that two readers would read differently are Ambiguous.
const (
	DuplicateContentType AnomalyKind = "duplicate-content-type"  // several Content-Type fields
	MalformedContentType AnomalyKind = "malformed-content-type"  // does not parse (RFC 2045 section 5.1)
	DuplicateParameter   AnomalyKind = "duplicate-parameter"     // boundary, charset, name or filename given twice
	DuplicateEncoding    AnomalyKind = "duplicate-encoding"      // several Content-Transfer-Encoding fields
	UnknownEncoding      AnomalyKind = "unknown-encoding"        // none of RFC 2045 section 6, or with a comment or junk
	EncodingOnComposite  AnomalyKind = "encoding-on-composite"   // base64 or quoted-printable multipart (RFC 2045 section 6.4)
	MissingBoundary      AnomalyKind = "missing-boundary"        // multipart without a usable boundary parameter
	BoundaryNeverSeen    AnomalyKind = "boundary-never-seen"     // multipart whose boundary does not occur
	AmbiguousBoundary    AnomalyKind = "ambiguous-boundary"      // a line that only some readers take for a boundary line
	UnclosedMultipart    AnomalyKind = "unclosed-multipart"      // no closing boundary
	TextOutside          AnomalyKind = "text-outside-boundaries" // preamble or epilogue with more than blank or the usual notice
	DuplicateField       AnomalyKind = "duplicate-field"         // a field that RFC 5322 section 3.6 allows once: Subject, From, Sender, Reply-To, ...
	BadHeaderLine        AnomalyKind = "bad-header-line"         // a header line that is no field
	MboxLine             AnomalyKind = "mbox-line"               // the first line is "From ...", as in files; programs agree to pass over it
	MissingBlankLine     AnomalyKind = "missing-blank-line"      // the header block ends without an empty line
	NULOctet             AnomalyKind = "nul-octet"               // NUL in a header block
	BareLineBreak        AnomalyKind = "bare-line-break"         // CR or LF alone in a header block or boundary line
	DamagedBase64        AnomalyKind = "damaged-base64"          // junk, inner padding, missing padding
	DamagedQuoted        AnomalyKind = "damaged-quoted-printable"
	NameTwice            AnomalyKind = "name-twice"         // file name in Content-Disposition differs from name in Content-Type
	MalformedName        AnomalyKind = "malformed-name"     // unquoted, raw 8-bit, broken RFC 2231 or encoded-word
	MalformedAddress     AnomalyKind = "malformed-address"  // an address field that RFC 5322 section 3.4 does not allow
	UnreadableAddress    AnomalyKind = "unreadable-address" // such a field with an @ but without an address that can be read
	TooManyAddresses     AnomalyKind = "too-many-addresses" // such a field with more addresses than are read
	HeaderTooBig         AnomalyKind = "header-too-big"
	TooManyFields        AnomalyKind = "too-many-fields"
	LineTooLong          AnomalyKind = "line-too-long"
	LongFieldName        AnomalyKind = "long-field-name"   // a field name longer than maxFieldName
	LongContentLine      AnomalyKind = "long-content-line" // a line of a Content- field longer than maxContentLine, or such a field longer than maxContentField
)

// Altered tells whether mail servers themselves change such a header, each in its own way, before it arrives:
// whatever is judged, another message may be delivered.
func (k AnomalyKind) Altered() bool {
	return k == NULOctet || k == LongFieldName || k == LongContentLine
}

// Anomaly is one departure, in one part.
type Anomaly struct {
	Part string // Part.ID; "" for the message
	Kind AnomalyKind
}

// Ambiguous tells whether two readers could read the part differently, and so whether it has
// been read more than one way.
func (k AnomalyKind) Ambiguous() bool {
	switch k {
	case DuplicateContentType, MalformedContentType, DuplicateParameter, DuplicateEncoding, UnknownEncoding,
		EncodingOnComposite, MissingBoundary, BoundaryNeverSeen, AmbiguousBoundary, UnclosedMultipart, TextOutside, DuplicateField, BadHeaderLine,
		MissingBlankLine, NULOctet, BareLineBreak, DamagedBase64, NameTwice, UnreadableAddress, TooManyAddresses, HeaderTooBig, TooManyFields, LineTooLong,
		LongFieldName, LongContentLine:
		return true
	}
	return false
}

// Reason says why something was not inspected. The list is closed.
type Reason string

// The reasons. Reading a message gives the first ones, looking into its files those below and the first ones as well.
const (
	TooDeep Reason = "too deep"
	TooMany Reason = "too many parts"
	TooBig  Reason = "too big"
	Damaged Reason = "damaged"

	PartialMessage Reason = "partial message" // a piece of a message (message/partial): no gate sees the whole
	ExternalBody   Reason = "external body"   // the content is fetched from elsewhere (message/external-body)

	Encrypted     Reason = "encrypted"         // a file, or a file inside of one
	EncryptedMail Reason = "encrypted message" // by S/MIME or OpenPGP, for its recipients
	UnknownType   Reason = "unknown type"
	NoText        Reason = "no text" // a picture, or a page without text
	WorkerFailed  Reason = "worker failed"
	NotAsked      Reason = "not asked" // an engine on another machine, for the message may bear a secrecy marking
)

// Reasons are all of these.
func Reasons() []Reason {
	return []Reason{TooDeep, TooMany, TooBig, Damaged, PartialMessage, ExternalBody, Encrypted, EncryptedMail, UnknownType, NoText, WorkerFailed, NotAsked}
}

// NotInspected is a part that could not be looked into (invariant 3).
type NotInspected struct {
	Part   string `json:"part"`
	Reason Reason `json:"reason"`
}
