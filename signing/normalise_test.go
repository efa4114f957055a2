package signing

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func unhex(s string) []byte { return must(hex.DecodeString(s)) }

func TestNormalise(t *testing.T) {
	for _, c := range []struct{ name, ber, der string }{
		{"short length", "0401ff", "0401ff"},
		{"long length that could be short", "048101ff", "0401ff"},
		{"length with zeros in front", "0485000000000 1ff", "0401ff"},
		{"sequence of indefinite length", "30800201050000", "3003020105"},
		{"nested", "308030800201050000020106" + "0000", "30083003020105020106"},
		{"octet string in segments", "2480040161040162" + "0000", "04026162"},
		{"segments of definite length", "2406040161040162", "04026162"},
		{"segments in segments", "248024800401610000040162" + "0000", "04026162"},
		{"empty segments", "24800000", "0400"},
		{"bit string in segments", "2380030200ff0302 04f00000", "030304fff0"},
		{"bit string without segments", "23800000", "030100"},
		{"character string in segments", "2c80040161040162" + "0000", "0c026162"},
		{"context tag stays constructed", "a0800401610000", "a003040161"},
		{"long tag", "bf8f0080" + "0201050000", "bf8f0003020105"},
		{"boolean stays as it is", "010101", "010101"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Normalise(unhex(noSpaces(c.ber)), Limits{})
			if err != nil || hex.EncodeToString(got) != noSpaces(c.der) {
				t.Errorf("%x, %v, want %s", got, err, c.der)
			}
		})
	}
}

func noSpaces(s string) string { return string(bytes.ReplaceAll([]byte(s), []byte(" "), nil)) }

// What is no BER, or too much of it, has its reason.
func TestNormaliseDefects(t *testing.T) {
	for _, c := range []struct {
		name string
		ber  []byte
		want Reason
	}{
		{"nothing", nil, Damaged},
		{"a tag alone", unhex("30"), Damaged},
		{"long tag for a short one", unhex("1f1e00"), Damaged},
		{"long tag that begins with zero", unhex("1f808000"), Damaged},
		{"long tag that does not end", unhex("1fffffffffff00"), Damaged},
		{"reserved length", unhex("04ff00"), Damaged},
		{"length without octets", unhex("308401"), Damaged},
		{"length of 2^55", unhex("04880080000000000000"), TooBig},
		{"length beyond the end", unhex("0402ff"), Damaged},
		{"length beyond the sequence", unhex("30030402ff"), Damaged},
		{"indefinite length of a primitive", unhex("04800000"), Damaged},
		{"end of contents in definite length", unhex("30020000"), Damaged},
		{"end of contents alone", unhex("0000"), Damaged},
		{"end of contents with a length", unhex("3080000101"), Damaged},
		{"end of contents missing", unhex("3080020105"), Damaged},
		{"end of contents behind the sequence around", unhex("300430800201" + "050000"), Damaged},
		{"integer in segments", unhex("22800201050000"), Damaged},
		{"integer in an octet string", unhex("24800201050000"), Damaged},
		{"unused bits in the middle", unhex("2380030204f0030200ff0000"), Damaged},
		{"eight unused bits", unhex("2380030208ff0000"), Damaged},
		{"unused bits of nothing", unhex("23800301010000"), Damaged},
		{"something behind", unhex("040161040161"), TrailingData},
		{"40 levels and one", append(bytes.Repeat([]byte{0x30, 0x80}, 41), make([]byte, 82)...), TooDeep},
		{"8 MB of levels", bytes.Repeat([]byte{0x30, 0x80}, 4<<20), TooDeep},
		{"too many elements", append(append([]byte{0x30, 0x80}, bytes.Repeat([]byte{5, 0}, 100_000)...), 0, 0), TooManyElements},
		{"too big", tlv(0x04, make([]byte, 1<<20+1)), TooBig},
	} {
		t.Run(c.name, func(t *testing.T) {
			if der, err := Normalise(c.ber, Limits{}); reasonOf(err) != c.want {
				t.Errorf("%d octets, %v, want %q", len(der), err, c.want)
			}
		})
	}
	if _, err := Normalise(append(bytes.Repeat([]byte{0x30, 0x80}, 40), make([]byte, 80)...), Limits{}); err != nil {
		t.Errorf("40 levels: %v", err)
	}
}

// DER comes out as it went in, and loosened DER as what it was.
func TestNormaliseDER(t *testing.T) {
	p := newPKI(t)
	cert := p.person(p.p256, emailAddress(author)).cert.Raw
	for _, ber := range [][]byte{cert, loosen(cert, 3), loosen(cert, 1000)} {
		if got, err := Normalise(ber, Limits{}); err != nil || !bytes.Equal(got, cert) {
			t.Errorf("another certificate came out: %v", err)
		}
	}
}
