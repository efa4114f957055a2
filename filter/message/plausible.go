package message

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// vietnameseLetter is what a letter of Vietnamese is made of.
type vietnameseLetter struct {
	base rune // small, without its tone
	tone uint8
}

// vietnameseLetters are the letters beyond ASCII, small ones. A constant table.
var vietnameseLetters = makeVietnameseLetters()

func makeVietnameseLetters() map[rune]vietnameseLetter {
	t := map[rune]vietnameseLetter{'đ': {base: 'đ'}}
	for row := range strings.FieldsSeq("aàảãáạ ăằẳẵắặ âầẩẫấậ eèẻẽéẹ êềểễếệ iìỉĩíị oòỏõóọ ôồổỗốộ ơờởỡớợ uùủũúụ ưừửữứự yỳỷỹýỵ") {
		base, tone := rune(0), uint8(0)
		for _, r := range row {
			if tone == 0 {
				base = r
			}
			if r >= utf8.RuneSelf {
				t[r] = vietnameseLetter{base, tone}
			}
			tone++
		}
	}
	return t
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

// common are syllables that most Vietnamese mail has; they decide between readings that are equally plausible.
const common = " của và các có được cho không là trong người một này đã với những để từ đến về khi như ra vào lại thì nhưng cũng nào vì đó tôi bạn ông bà anh chị" +
	" trả lời chuyển tiếp thư gửi kính báo cáo tiêu đề chủ đề họp lịch công tác văn bản phòng trưởng giám đốc ban bộ sở cục vụ tỉnh huyện xã thành phố việt nam" +
	" nguyễn trần lê phạm hoàng huỳnh võ đặng bùi đỗ hồ ngô dương thị hữu đức hội nghị quyết định thông số kế hoạch triển khai thực hiện đề nghị yêu cầu ý kiến" +
	" mật tối tuyệt bảo bí khẩu tài liệu nước nhà cộng hòa hoà xã chủ nghĩa độc lập tự hạnh phúc ngày tháng năm tuần quý giờ sáng chiều hôm trước sau" +
	" môi trường nguyên đất khí dự án phê duyệt kiểm tra hướng dẫn đăng ký hồ sơ mời dự xin chào cảm ơn trân trọng "

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
			if strings.Contains(common, " "+strings.ToLower(w)+" ") {
				s.common++
			}
		}
	}
}

// isSyllable tells a word that could be a syllable of Vietnamese, in NFC, written in small letters, in
// capitals or with one capital at its beginning.
func isSyllable(w string) bool {
	var buf [maxSyllable * utf8.UTFMax]byte
	letters := buf[:0]
	count, tone, upper := 0, uint8(0), 0
	for _, r := range w {
		low := r
		switch {
		case r >= 'A' && r <= 'Z':
			low = r | 0x20
		case r >= utf8.RuneSelf:
			low = unicode.ToLower(r)
		}
		if low != r {
			if upper != count {
				return false
			}
			upper++
		}
		l, ok := vietnameseLetter{base: low}, low >= 'a' && low <= 'z'
		if low >= utf8.RuneSelf {
			l, ok = vietnameseLetters[low]
		}
		if count++; !ok || count > maxSyllable || l.tone != 0 && tone != 0 {
			return false
		}
		tone |= l.tone
		letters = utf8.AppendRune(letters, l.base)
	}
	return (upper <= 1 || upper == count) && spelled(string(letters), tone)
}

// spelled tells a syllable by its letters without the tone: consonants, vowels, consonants.
func spelled(s string, tone uint8) bool {
	for _, first := range []string{"ngh", "ng", "nh", "gh", "gi", "kh", "ph", "th", "tr", "ch", "qu", "b", "c", "d", "đ", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "x", ""} {
		if rest, ok := strings.CutPrefix(s, first); ok && rimes(rest, tone) {
			return true
		}
	}
	return false
}

// rimes tells vowels and the consonants after them.
func rimes(s string, tone uint8) bool {
	end := len(s)
	for end > 0 && strings.IndexByte("cghkmnpt", s[end-1]) >= 0 {
		end--
	}
	if end == 0 || strings.IndexByte(s, ' ') >= 0 || !strings.Contains(nuclei, " "+s[:end]+" ") {
		return false
	}
	switch s[end:] {
	case "", "m", "n", "ng", "nh":
		return true
	case "c", "ch", "p", "t":
		return tone == toneAcute || tone == toneDot
	case "k": // Đắk Lắk
		return tone == toneAcute
	}
	return false
}
