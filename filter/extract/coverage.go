package extract

import (
	"strings"

	"congthu/filter/message"
)

// Missed is something that was not looked into.
type Missed struct {
	message.NotInspected       // Part is of the message: "2/1"
	Octets               int64 // of the file; of the nearest file around it where its own size is not known
}

// Coverage tells how far the message was looked into: the octets of all files that were looked into whole, files
// inside of others too, and what was missed.
func (i *Inspection) Coverage() (octets int64, missed []Missed) {
	for _, l := range i.Leaves {
		sizes, whole := make(map[string]int64, len(l.Files)), make(map[string]bool, len(l.Files))
		for _, f := range l.Files {
			sizes[f.Path], whole[f.Path] = f.Size, true
		}
		for _, n := range l.NotInspected {
			delete(whole, n.Part)
			missed = append(missed, Missed{message.NotInspected{Part: l.Part.ID + n.Part, Reason: n.Reason}, nearest(sizes, n.Part)})
		}
		for path := range whole {
			octets += sizes[path]
		}
	}
	return octets, missed
}

func nearest(sizes map[string]int64, path string) int64 {
	for path != "" {
		if n, ok := sizes[path]; ok {
			return n
		}
		path = path[:max(0, strings.LastIndexByte(path, '/'))]
	}
	return sizes[""]
}
