package message

// Limits are the bounds that one message must keep. Every field is a hard limit;
// what happens beyond it is said beside it.
type Limits struct {
	WireBytes    int64 // octets of the whole message as received; beyond: Spool.Write returns ErrTooBig
	MemoryBytes  int64 // octets of a spool kept in memory; beyond: the spool moves to an anonymous memory file
	HeaderBytes  int   // octets of one header block; beyond: the rest of the block is not read (HeaderTooBig)
	HeaderFields int   // fields of one header block; beyond: the rest is not read (TooManyFields)
	HeadersBytes int   // octets of all header blocks of one message together; beyond: parts are not opened (TooMany)
	LineBytes    int   // octets of one header field or boundary line; beyond: LineTooLong
	Depth        int   // nesting of multiparts and messages; beyond: the part is a leaf, not inspected (TooDeep)
	Parts        int   // parts of one message, all readings together; beyond: the rest is one leaf, not inspected (TooMany)
}

// DefaultLimits are the limits of the embedded configuration.
func DefaultLimits() Limits {
	return Limits{
		WireBytes:    40 << 20,
		MemoryBytes:  256 << 10,
		HeaderBytes:  256 << 10,
		HeaderFields: 1000,
		HeadersBytes: 4 << 20,
		LineBytes:    64 << 10,
		Depth:        30,
		Parts:        2000,
	}
}
