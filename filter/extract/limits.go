package extract

import "congthu/filter/message"

// Limits of what is looked into for one message. Octets are those really read out of archives and
// documents, whatever their directories claim.
type Limits struct {
	Depth       int   // of files in files
	Members     int   // files in all archives of a message
	MemberBytes int64 // octets of one file inside of another
	TotalBytes  int64 // octets of all files inside of others
	Ratio       int64 // how many times its own size a file may unpack to, beyond RatioFloor octets
	TextBytes   int64 // octets of text of one message, all readings
	XMLDepth    int   // of elements
}

// RatioFloor is how many octets a file may unpack to whatever its size.
const RatioFloor = 16 << 20

// DefaultLimits suit letters with 15 MiB of attachments.
func DefaultLimits() Limits {
	return Limits{Depth: 8, Members: 5000, MemberBytes: 64 << 20, TotalBytes: 256 << 20, Ratio: 100, TextBytes: 64 << 20, XMLDepth: 200}
}

// stop says that a limit is reached or that content cannot be read; why is what the finding says.
type stop struct{ why message.Reason }

func (s stop) Error() string { return "not inspected: " + string(s.why) }
