package extract

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"

	"congthu/filter/message"
)

// Limits of a picture.
const (
	maxPixels         = 100_000_000 // a page of A3 at 600 dots an inch has 70 million
	maxPictureChunks  = 10_000      // blocks looked at for texts
	maxPictureEntries = 500         // of EXIF
	maxPictureText    = 64 << 10    // octets of one text
)

// readPicture passes on what is written about a picture. What is written in it nobody reads yet.
func readPicture(_ context.Context, in *input, o out) error {
	config, err := pictureConfig(in)
	if err != nil {
		o.miss(NoText)
		return fmt.Errorf("reading a picture: %w", err)
	}
	if int64(config.Width)*int64(config.Height) > maxPixels {
		return stop{message.TooBig}
	}
	file, err := wholeFile(in.content)
	if err != nil {
		return err
	}
	o.miss(NoText)
	if err := pictureTexts(file, o); err != nil {
		return err
	}
	return pdfRawProperties(file, o, in.limits)
}

// pictureConfig is a picture's width and height, of the formats that have them where they are found without unpacking.
func pictureConfig(in *input) (image.Config, error) {
	r := io.NewSectionReader(in.content, 0, in.content.Size())
	o := &octets{b: in.head}
	switch {
	case bytes.HasPrefix(in.head, []byte("\x89PNG")):
		return png.DecodeConfig(r)
	case bytes.HasPrefix(in.head, []byte("\xff\xd8")):
		return jpeg.DecodeConfig(r)
	case bytes.HasPrefix(in.head, []byte("GIF8")):
		return gif.DecodeConfig(r)
	case bytes.HasPrefix(in.head, []byte("BM")):
		width, height := int32(o.u32(18)), int32(o.u32(22))
		return image.Config{Width: max(int(width), -int(width)), Height: max(int(height), -int(height))}, nil
	}
	return image.Config{}, nil
}

func pictureTexts(file []byte, o out) error {
	switch {
	case bytes.HasPrefix(file, []byte("\x89PNG")):
		return pngTexts(file, o)
	case bytes.HasPrefix(file, []byte("\xff\xd8")):
		return jpegTexts(file, o)
	case bytes.HasPrefix(file, []byte("II*\x00")), bytes.HasPrefix(file, []byte("MM\x00*")):
		return exifTexts(file, o)
	}
	return nil
}

// pictureText passes on a text.
func pictureText(name string, raw []byte, o out) error {
	return passLegacy(o, Text{Kind: Property, Name: name}, raw[:min(len(raw), maxPictureText)], "")
}

// pngTexts passes on the texts that are not compressed (PNG section 11.3.3), and EXIF (section 11.3.4.5).
func pngTexts(file []byte, o out) error {
	for at, n := 8, 0; at+12 <= len(file) && n < maxPictureChunks; n++ {
		size := int(binary.BigEndian.Uint32(file[at:]))
		if size > len(file)-at-12 {
			break
		}
		kind, data := string(file[at+4:at+8]), file[at+8:at+8+size]
		at += 12 + size
		var err error
		switch kind {
		case "tEXt":
			if name, text, ok := bytes.Cut(data, []byte{0}); ok {
				err = pictureText(string(name), text, o)
			}
		case "iTXt":
			name, rest, ok := bytes.Cut(data, []byte{0})
			if parts := bytes.SplitN(rest, []byte{0}, 5); ok && len(rest) > 2 && rest[0] == 0 && len(parts) > 1 {
				if _, text, ok := bytes.Cut(rest[2:], []byte{0}); ok {
					_, text, _ = bytes.Cut(text, []byte{0})
					err = pictureText(string(name), text, o)
				}
			}
		case "eXIf":
			err = exifTexts(data, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// jpegTexts passes on comments and EXIF (ITU-T T.81 annex B.1.1.4; Exif 2.3 section 4.5).
func jpegTexts(file []byte, o out) error {
	for at, n := 2, 0; at+4 <= len(file) && file[at] == 0xff && n < maxPictureChunks; n++ {
		marker, size := file[at+1], int(binary.BigEndian.Uint16(file[at+2:]))
		if marker == 0xda || size < 2 || at+2+size > len(file) { // the picture itself
			break
		}
		data := file[at+4 : at+2+size]
		at += 2 + size
		var err error
		switch {
		case marker == 0xfe:
			err = pictureText("Comment", data, o)
		case marker == 0xe1 && bytes.HasPrefix(data, []byte("Exif\x00\x00")):
			err = exifTexts(data[6:], o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// exifNames are the texts of EXIF that people write (Exif 2.3 section 4.6.4; the last five are Windows').
func exifNames() map[int]string {
	return map[int]string{0x010e: "ImageDescription", 0x013b: "Artist", 0x8298: "Copyright", 0x9286: "UserComment",
		0x9c9b: "XPTitle", 0x9c9c: "XPComment", 0x9c9d: "XPAuthor", 0x9c9e: "XPKeywords", 0x9c9f: "XPSubject"}
}

// exifTexts passes on the texts of a TIFF structure: of its first directory and of the one for Exif.
func exifTexts(b []byte, o out) error {
	if len(b) < 8 {
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if b[0] == 'M' {
		order = binary.BigEndian
	}
	names := exifNames()
	directories := []int{int(order.Uint32(b[4:]))}
	for i := 0; i < len(directories) && i < 3; i++ {
		at := directories[i]
		if at < 8 || at > len(b)-2 {
			continue
		}
		count := min(int(order.Uint16(b[at:])), maxPictureEntries)
		for e := at + 2; count > 0 && e+12 <= len(b); e, count = e+12, count-1 {
			tag, n := int(order.Uint16(b[e:])), int(order.Uint32(b[e+4:]))
			if tag == 0x8769 {
				directories = append(directories, int(order.Uint32(b[e+8:])))
			}
			name, ok := names[tag]
			if !ok {
				continue
			}
			data := b[e+8 : e+12]
			if n > 4 {
				from := int(order.Uint32(b[e+8:]))
				if from > len(b) || n > len(b)-from {
					continue
				}
				data = b[from : from+n]
			}
			if err := exifText(name, data, o); err != nil {
				return err
			}
		}
	}
	return nil
}

func exifText(name string, data []byte, o out) error {
	switch {
	case strings.HasPrefix(name, "XP"):
		data = []byte(strings.TrimRight(utf16Text(data[:min(len(data), maxPictureText)]), "\x00"))
	case name == "UserComment" && len(data) >= 8:
		if bytes.HasPrefix(data, []byte("UNICODE")) {
			data = []byte(utf16Text(data[8:min(len(data), maxPictureText)]))
		} else {
			data = data[8:]
		}
	}
	return pictureText(name, data, o)
}
