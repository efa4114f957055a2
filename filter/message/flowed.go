package message

import (
	"bytes"
	"strings"

	"golang.org/x/text/transform"
)

// flowed joins the lines of format=flowed text (RFC 3676) to the paragraphs that a reader sees: a line that
// ends in a blank goes on in the next one of the same quote depth. With delsp that blank was only put in.
type flowed struct {
	delsp bool

	quotes int  // quote marks of the line at hand
	depth  int  // those of the line before
	soft   bool // the line before goes on: its line break is held back
	held   bool // a blank is held back: it may be the last of its line
	state  flowedState
	prefix int // quote marks still to be written
}

type flowedState uint8

const (
	flowedQuotes  flowedState = iota // at the quote marks of a line
	flowedStuffed                    // behind them
	flowedContent                    // in the text of a line
	flowedPlain                      // in a line that does not go on: the mark of a signature
)

// signatureMark begins a signature; although it ends in a blank it never goes on (RFC 3676 section 4.3).
const signatureMark = "-- "

// Reset makes it ready for another text.
func (f *flowed) Reset() { *f = flowed{delsp: f.delsp} }

// Transform implements transform.Transformer.
func (f *flowed) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) || f.prefix > 0 {
		if len(dst)-nDst < 4 {
			return nDst, nSrc, transform.ErrShortDst
		}
		rest := src[nSrc:]
		switch {
		case f.prefix > 0:
			dst[nDst] = '>'
			nDst++
			if f.prefix--; f.prefix == 0 {
				dst[nDst] = ' '
				nDst++
			}
		case f.state == flowedQuotes && rest[0] == '>':
			f.quotes++
			nSrc++
		case f.state == flowedQuotes:
			f.state = flowedStuffed
			if rest[0] == ' ' { // space-stuffing (section 4.4)
				nSrc++
			}
		case f.state == flowedStuffed:
			if len(rest) < len(signatureMark)+2 && !atEOF {
				return nDst, nSrc, transform.ErrShortSrc
			}
			nDst += f.begin(dst[nDst:], rest)
		default:
			n, m, short := f.content(dst[nDst:], rest, atEOF)
			nDst, nSrc = nDst+n, nSrc+m
			if short {
				return nDst, nSrc, transform.ErrShortSrc
			}
		}
	}
	if atEOF && f.held {
		if nDst == len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		dst[nDst] = ' '
		nDst++
		f.held = false
	}
	return nDst, nSrc, nil
}

// begin starts the text of a line: it goes on in the line before, or that ends and the quote marks follow.
func (f *flowed) begin(dst, rest []byte) int {
	mark := bytes.HasPrefix(rest, []byte(signatureMark)) && (len(rest) == len(signatureMark) || rest[3] == '\r' || rest[3] == '\n')
	joins := f.soft && f.quotes == f.depth && !mark
	n := 0
	if f.soft && !joins {
		n = copy(dst, "\r\n")
	}
	if !joins {
		f.prefix = f.quotes
	}
	f.depth, f.quotes, f.soft = f.quotes, 0, false
	f.state = flowedContent
	if mark {
		f.state = flowedPlain
	}
	return n
}

// content takes text up to the next blank or line break, or that; short asks for more of the source.
func (f *flowed) content(dst, rest []byte, atEOF bool) (nDst, nSrc int, short bool) {
	end := bytes.IndexAny(rest, " \r\n")
	if f.held && end != 0 || f.held && rest[0] == ' ' { // it was not the last
		dst[0] = ' '
		nDst, f.held = 1, false
	}
	switch {
	case end != 0:
		if end < 0 {
			end = len(rest)
		}
		n := copy(dst[nDst:], rest[:end])
		return nDst + n, n, false
	case rest[0] == ' ':
		f.held = true
		return nDst, 1, false
	}
	brk := 1
	if rest[0] == '\r' {
		if len(rest) == 1 && !atEOF {
			return nDst, 0, true
		}
		if brk = 2; len(rest) == 1 || rest[1] != '\n' { // a CR alone ends no line
			if f.held {
				dst[nDst] = ' '
				nDst, f.held = nDst+1, false
			}
			dst[nDst] = '\r'
			return nDst + 1, 1, false
		}
	}
	f.soft = f.held && f.state == flowedContent
	if f.held && !(f.soft && f.delsp) {
		dst[nDst] = ' '
		nDst++
	}
	if f.held = false; !f.soft {
		nDst += copy(dst[nDst:], rest[:brk])
	}
	f.state = flowedQuotes
	return nDst, brk, false
}

// paragraphs gives what joins the lines of the part's text, nil when it is not format=flowed.
func (p *Part) paragraphs() transform.Transformer {
	if p.MediaType != "text/plain" || !strings.EqualFold(p.Params["format"], "flowed") {
		return nil
	}
	return &flowed{delsp: strings.EqualFold(p.Params["delsp"], "yes")}
}
