package message

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// letter is what a letter of Vietnamese is made of. Base is ASCII, or one of the numbers of beyond.
type letter struct {
	base  byte // small, without its tone; 0 for what is no letter
	tone  uint8
	upper bool
}

// beyond are the letters beyond ASCII without a tone; inside of a syllable each is its place here, from 1.
const beyond = "ăâđêôơư"

// Ranges that have letters of Vietnamese beyond ASCII: Latin-1 to Latin Extended-B, and Latin Extended Additional.
const (
	latinFirst, latinEnd = 0xc0, 0x1b1
	addedFirst, addedEnd = 0x1ea0, 0x1efa
)

// letters are the letters of Vietnamese, in the two ranges. A constant table.
var letters = makeLetters()

type letterTable struct {
	latin [latinEnd - latinFirst]letter
	added [addedEnd - addedFirst]letter
}

func makeLetters() *letterTable {
	t := new(letterTable)
	put := func(r rune, l letter) {
		switch {
		case r >= latinFirst && r < latinEnd:
			t.latin[r-latinFirst] = l
		case r >= addedFirst && r < addedEnd:
			t.added[r-addedFirst] = l
		}
	}
	for row := range strings.FieldsSeq("aàảãáạ ăằẳẵắặ âầẩẫấậ đ eèẻẽéẹ êềểễếệ iìỉĩíị oòỏõóọ ôồổỗốộ ơờởỡớợ uùủũúụ ưừửữứự yỳỷỹýỵ") {
		base, tone := byte(0), uint8(0)
		for _, r := range row {
			if tone == 0 {
				base = baseOf(r)
			}
			put(r, letter{base, tone, false})
			put(unicode.ToUpper(r), letter{base, tone, true})
			tone++
		}
	}
	return t
}

// baseOf is a letter without a tone as syllables are written here.
func baseOf(r rune) byte {
	if r < utf8.RuneSelf {
		return byte(r)
	}
	return byte(utf8.RuneCountInString(beyond[:strings.IndexRune(beyond, r)]) + 1)
}

func (t *letterTable) of(r rune) letter {
	switch {
	case r >= 'a' && r <= 'z':
		return letter{base: byte(r)}
	case r >= 'A' && r <= 'Z':
		return letter{base: byte(r) | 0x20, upper: true}
	case r >= latinFirst && r < latinEnd:
		return t.latin[r-latinFirst]
	case r >= addedFirst && r < addedEnd:
		return t.added[r-addedFirst]
	}
	return letter{}
}

// toneAcute and toneDot are the tones of a syllable that ends in c, ch, p or t.
const (
	toneAcute = 4
	toneDot   = 5
)

// maxSyllable is how many letters a syllable of Vietnamese may have: "nghiêng" has seven.
const maxSyllable = 8

// nuclei are the vowels that Vietnamese has between the consonants of a syllable.
const nuclei = " a ă â e ê i o ô ơ u ư y ai ao au ay âu ây eo êu ia iu iê yê ya oa oă oe oi oo oai oao oay oeo ôi ôô ơi ua uâ ui uê uô uơ uy ưa ưi ươ ưu" +
	" iêu yêu uây uôi uao uêu uyê uya uyu uyêu ươi ươu "

// nucleusSet are the nuclei as syllables are written here. A constant table.
var nucleusSet = makeNuclei()

func makeNuclei() map[string]bool {
	set := map[string]bool{}
	for n := range strings.FieldsSeq(nuclei) {
		var b []byte
		for _, r := range n {
			b = append(b, baseOf(r))
		}
		set[string(b)] = true
	}
	return set
}

// common are syllables that most Vietnamese mail has; they decide between readings that are equally plausible.
const common = " của và các có được cho không là trong người một này đã với những để từ đến về khi như ra vào lại thì nhưng cũng nào vì đó tôi bạn ông bà anh chị" +
	" trả lời chuyển tiếp thư gửi kính báo cáo tiêu đề chủ đề họp lịch công tác văn bản phòng trưởng giám đốc ban bộ sở cục vụ tỉnh huyện xã thành phố việt nam" +
	" nguyễn trần lê phạm hoàng huỳnh võ đặng bùi đỗ hồ ngô dương thị hữu đức hội nghị quyết định thông số kế hoạch triển khai thực hiện đề nghị yêu cầu ý kiến" +
	" mật tối tuyệt bảo bí khẩu tài liệu nước nhà cộng hòa hoà xã chủ nghĩa độc lập tự hạnh phúc ngày tháng năm tuần quý giờ sáng chiều hôm trước sau" +
	" môi trường nguyên đất khí dự án phê duyệt kiểm tra hướng dẫn đăng ký hồ sơ mời dự xin chào cảm ơn trân trọng "

// commonSet are the common syllables. A constant table.
var commonSet = makeCommon()

func makeCommon() map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(common) {
		set[w] = true
	}
	return set
}

// score is how Vietnamese a text looks.
type score struct {
	words     int // that have a letter
	plausible int // syllables of Vietnamese
	junk      int // runs of signs inside of words
	accented  int // words of two letters and more with letters or signs beyond ASCII inside
	fitting   int // of those, plausible ones
	common    int // of those, common ones
}

// share is between 0 and 1; below 0 when there is more junk than words that are plausible.
func (s score) share() float64 {
	if s.words == 0 {
		return 0
	}
	return float64(s.plausible-s.junk) / float64(s.words)
}

// scoreText scores a text in NFC; html leaves tags out.
func scoreText(text string, html bool) score {
	var s score
	for len(text) > 0 {
		if html && text[0] == '<' {
			end := strings.IndexByte(text, '>')
			if end < 0 {
				break
			}
			text = text[end+1:]
			continue
		}
		n := wordEnd(text, html)
		if n == 0 {
			_, n = utf8.DecodeRuneInString(text)
		} else {
			s.word(text[:n])
		}
		text = text[n:]
	}
	return s
}

// wordEnd is the length of the word that text begins with: blanks and the signs of ASCII end one, for
// what stands between letters there is ordinary.
func wordEnd(text string, html bool) int {
	for i, r := range text {
		switch {
		case r < utf8.RuneSelf && !(r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9'), r == 0xa0, html && r == '<':
			return i
		case r >= 0x2010 && r <= 0x2027, r >= 0x2000 && r <= 0x200b, r == 0x3000: // quotation marks, dashes, dots
			return i
		}
	}
	return len(text)
}

// word scores one word.
func (s *score) word(w string) {
	letters, signs, inSigns, beyond := 0, 0, false, false
	for _, r := range w {
		beyond = beyond || r >= utf8.RuneSelf
		if unicode.IsLetter(r) && r != 'ª' && r != 'º' {
			letters++
			inSigns = false
		} else if r >= utf8.RuneSelf && !inSigns {
			inSigns = true
			signs++
		}
	}
	if letters == 0 {
		return
	}
	s.words++
	s.junk += signs
	ok := signs == 0 && isSyllable(w)
	if ok {
		s.plausible++
	}
	if beyond && letters > 1 { // one octet alone is a letter in some charset all too often
		s.accented++
		if ok {
			s.fitting++
			if commonSet[strings.ToLower(w)] {
				s.common++
			}
		}
	}
}

// isSyllable tells a word that could be a syllable of Vietnamese, in NFC, written in small letters, in
// capitals or with one capital at its beginning.
func isSyllable(w string) bool {
	var buf [maxSyllable]byte
	count, tone, upper := 0, uint8(0), 0
	for _, r := range w {
		l := letters.of(r)
		if l.base == 0 || count == maxSyllable || l.tone != 0 && tone != 0 {
			return false
		}
		if l.upper {
			if upper != count {
				return false
			}
			upper++
		}
		tone |= l.tone
		buf[count] = l.base
		count++
	}
	return (upper <= 1 || upper == count) && spelled(buf[:count], tone)
}

// dStroke is đ inside of a syllable.
const dStroke = 3

// spelled tells a syllable by its letters without the tone: consonants, vowels, consonants. What can begin in two
// ways, as "gi" does, is tried in both.
func spelled(s []byte, tone uint8) bool {
	if rimes(s, tone) {
		return true
	}
	for n := min(firstConsonants(s), len(s)); n > 0; n-- {
		if begins(s[:n]) && rimes(s[n:], tone) {
			return true
		}
	}
	return false
}

// firstConsonants is how many letters a beginning may have at most.
func firstConsonants(s []byte) int {
	if len(s) > 0 && s[0] == 'n' {
		return 3 // ngh
	}
	return 2
}

// begins tells the consonants that a syllable may begin with.
func begins(s []byte) bool {
	switch len(s) {
	case 1:
		return s[0] == dStroke || strings.IndexByte("bcdghklmnprstvx", s[0]) >= 0
	case 2:
		switch s[1] {
		case 'h':
			return strings.IndexByte("ngkptc", s[0]) >= 0
		case 'g':
			return s[0] == 'n'
		case 'i':
			return s[0] == 'g'
		case 'r':
			return s[0] == 't'
		case 'u':
			return s[0] == 'q'
		}
	case 3:
		return s[0] == 'n' && s[1] == 'g' && s[2] == 'h'
	}
	return false
}

// rimes tells vowels and the consonants after them.
func rimes(s []byte, tone uint8) bool {
	end := len(s)
	for end > 0 && strings.IndexByte("cghkmnpt", s[end-1]) >= 0 {
		end--
	}
	if end == 0 || !nucleusSet[string(s[:end])] {
		return false
	}
	switch string(s[end:]) {
	case "", "m", "n", "ng", "nh":
		return true
	case "c", "ch", "p", "t":
		return tone == toneAcute || tone == toneDot
	case "k": // Đắk Lắk
		return tone == toneAcute
	}
	return false
}
