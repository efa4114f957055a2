package rules

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"congthu/filter"
)

func TestJudgeSubject(t *testing.T) {
	for _, tc := range []struct{ want, subjects string }{
		{"", "Họp|Test|test|OK|1|123/TB|Số 5|á|Re: Họp|Fwd: 12|V/v họp giao ban|Trả lời công văn số 45|Trống đồng Đông Sơn"},
		{"", "CT 12:|TL 15|TL|CT|SV|Ref 7|[KHẨN]|(Hỏa tốc)|Không|Chủ đề năm 2026|Tiêu đề mới|Subject to change|None of these|NA 2026"},
		{"", "Rễ cây|Rẻ|reo|fwdx|Trảlời|Re2Go|i|r|👍|☎|한글|中文|…a|.1."},
		{"", "Trả lời|Phản hồi|Hồi âm|Chuyển tiếp|Tra loi|chuyen tiep|Re: Trả lời|CT12:|TL5:|PH 5:|VB:|VB: 12|HT:|Trả lời thư|Phản hồi công văn 5|Đã trả lời thư: số 5"},
		{"", "[Thông báo họp]|[EXTERNAL]|Re: [1]|Re: [monre]|[BTNMT][Khẩn]|[KHẨN] Họp|[EXTERNAL] Re: Họp|(1) Báo cáo|[CT]|[TL] 12|(Mật) 5|Họp (no subject)|[Họp] [Khẩn]|Không có gì|Ko họp|Chưa họp"},
		{"", "Khong co tieu de nao phu hop|Không có chủ đề nào bị cấm|Undefined behaviour"},
		{detailBlank, "| |\t|\u00a0|...|…|-|—|***|?|!!!|()|[...]|\"\"|====|~|$|+|•|──────|■|ー|\u3000"},
		{detailBlank, "\u200b|\ufeff|\u00ad|\u2060\u200d|\u202e\u202c|\u3164|\u115f\u1160|\uffa0|\u2800|\ufe0f|\U000e0100|\U000e0041\U000e007f|\u034f|\u17b4|\u061c"},
		{detailBlank, "\u0301|\u0323\u0302| \u20dd|\ufffd\ufffd|\ufffc|\U0001d159|\x00|\x7f\x1b|\u2028\u2029\u0085|\ue000"},
		{detailPrefix, "Re:|RE:|re :|Re|FW:|Fwd:|Fw: Fwd: Re:|Re:Re:Re:|  Re:  |TL:|CT:|TL: CT:|Trả lời:|Chuyển tiếp:|CHUYỂN TIẾP:|Tra loi:|chuyen tiep :"},
		{detailPrefix, "RE[2]:|Re(3):|Re^2:|Re*4:|RE2:|Re [2] :|[Fwd: ]|[Re:]|(Fwd:)|Re：|Ｒｅ：|Re∶|ＦＷ： ＴＬ：|AW:|WG:|SV:|VS:|Antw:|回复：|转发:|Re: - |Re: ...|Re: \u200b|R\u200be:|R:|I:"},
		{detailPrefix, "[EXTERNAL] Re:|[monre-list] Re:|FW: [EXT] Re: |[A][B] Fwd:|Trả lời thư:|Chuyển tiếp thư :|Tra loi thu:|Phản hồi:|Hồi âm:|Automatic reply:|[Trả lời]|(Chuyển tiếp)|Re: [Phản hồi]|【外部】 Re:|Trả lời [2]:|Đã chuyển tiếp:"},
		{detailPlaceholder, "(no subject)|no subject|No Subject|[No Subject]|<no subject>|NO-SUBJECT|nosubject|<none>|none|(none)|untitled|Untitled|null|undefined|N/A"},
		{detailPlaceholder, "(không có chủ đề)|(không có tiêu đề)|(không tiêu đề)|(không chủ đề)|không có tiêu đề|Không tiêu đề|khong tieu de|KHONG CO CHU DE|[Không có chủ đề]|Chưa có tiêu đề"},
		{detailPlaceholder, "Re: (no subject)|Fwd: Re: (không có chủ đề)|TL: khong tieu de|(trống)|<blank>|(empty)|Tiêu đề|Subject:|V/v:|v/v|Về việc|no subject.|(no\u00a0subject)|no\u200b subject"},
		{detailPlaceholder, "[monre] (no subject)|FW: [EXT] (không có chủ đề)|(no subject)(no subject)|(không có tiêu đề) (không có tiêu đề)|null null|Ko có tiêu đề|ko tieu de|Ko chủ đề|K tieu de|[KHẨN] V/v|no subject no subject|(null)|[EXTERNAL] Re: (no subject)"},
	} {
		for s := range strings.SplitSeq(tc.subjects, "|") {
			for name, form := range map[string]string{"": s, " NFD": norm.NFD.String(s), " upper": upper(s)} {
				if got, text := judgeSubject(form); got != tc.want {
					t.Errorf("%q%s: %q, want %q", s, name, got, tc.want)
				} else if (got == "") != (text == "") {
					t.Errorf("%q%s: finding %q with text %q", s, name, got, text)
				}
			}
		}
	}
}

// upper is the upper-case form where a mail program or a person would write one.
func upper(s string) string {
	if strings.IndexFunc(s, unicode.IsLetter) < 0 {
		return s
	}
	return strings.ToUpper(s)
}

// Programs write null where they have no subject; a person who writes Null means it.
func TestNull(t *testing.T) {
	for s, want := range map[string]string{"Null": "", "null": detailPlaceholder, "NULL": detailPlaceholder, "(null)": detailPlaceholder, "Re: null": detailPlaceholder} {
		if got, _ := judgeSubject(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestJudgeSubjects(t *testing.T) {
	for want, cases := range map[string][][]string{
		detailMissing: {nil, {}},
		"":            {{"", "Họp"}, {"Re:", "Họp"}, {"Họp", ""}},
		detailBlank:   {{"", ""}, {" ", "Re:"}},
		detailPrefix:  {{"Re:", ""}},
	} {
		for _, c := range cases {
			if got, _ := judgeSubjects(c); got != want {
				t.Errorf("%q: %q, want %q", c, got, want)
			}
		}
	}
}

// A subject of the longest field there is takes time in proportion to its length.
func TestLongSubjects(t *testing.T) {
	for _, unit := range []string{"Re:", "re ", "[", "trả lời ", "trả lời: ", "\u0301", "re[1", "(no subject) ", "𝐑𝐞: ", "[a", "[a] ", "[a]. . . ", "a ", "re  ", "【 【"} {
		s := strings.Repeat(unit, (256<<10)/len(unit))
		got, _ := judgeSubject(s)
		if want := map[string]string{"Re:": detailPrefix, "re ": detailPrefix, "[": detailBlank, "trả lời: ": detailPrefix, "(no subject) ": detailPlaceholder, "re  ": detailPrefix, "【 【": detailBlank,
			"\u0301": detailBlank, "𝐑𝐞: ": detailPrefix}[unit]; got != want {
			t.Errorf("%q repeated: %q, want %q", unit, got, want)
		}
	}
}

// Whatever a subject holds: the answer is one of the four, what cannot be seen changes nothing, and a word in
// front of it makes it say something.
func FuzzSubject(f *testing.F) {
	for _, s := range []string{"", "Re:", "Trả lời: (không có chủ đề)", "RE[2]: Fwd(3):", "\u3164\u2800", "Họp giao ban", "\xff\xfe", "<none>",
		"[[[[Re:", "Re: \u200b", "V/v:", "i:ː∶", norm.NFD.String("Chuyển tiếp:")} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, text := judgeSubject(s)
		switch got {
		case "", detailBlank, detailPrefix, detailPlaceholder:
		default:
			t.Fatalf("%q: %q", s, got)
		}
		if (got == "") != (text == "") {
			t.Fatalf("%q: finding %q with text %q", s, got, text)
		}
		if with, _ := judgeSubject("\u200b" + s + "\u200b\u2800"); with != got {
			t.Fatalf("%q: %q, with invisible characters around %q", s, got, with)
		}
		if got, _ := judgeSubject("Giấy mời họp tuần " + s); got != "" {
			t.Fatalf("words before %q: %q", s, got)
		}
	})
}

func TestAutomatic(t *testing.T) {
	report := func(kind string) string {
		return "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\na\r\n--b\r\nContent-Type: message/" + kind + "\r\n\r\nA: b\r\n--b--\r\n"
	}
	for _, tc := range []struct {
		mail, from string
		want       bool
	}{
		{"Auto-Submitted: auto-replied\r\n\r\n", "a@b.example", true},
		{"Auto-Submitted: auto-generated; owner-email=\"a@b.example\"\r\n\r\n", "a@b.example", true},
		{"auto-submitted: (by rule) Auto-Notified\r\n\r\n", "a@b.example", true},
		{"Auto-Submitted: no\r\n\r\n", "", false},
		{"Auto-Submitted: NO (sent by hand)\r\n\r\n", "", false},
		{"Auto-Submitted: no\tby hand\r\n\r\n", "", false},
		{"Auto-Submitted: \r\n\r\n", "", false},
		{"Precedence: auto_reply\r\n\r\n", "a@b.example", true},
		{"Precedence: bulk\r\n\r\n", "a@b.example", false},
		{"X-Auto-Response-Suppress: All\r\n\r\n", "a@b.example", false},
		{"\r\n", "", false},
		{report("delivery-status"), "", true},
		{report("delivery-status"), "a@b.example", false},
		{report("global-delivery-status"), "", true},
		{report("disposition-notification"), "a@b.example", true},
		{report("feedback-report"), "", false},
		{"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\na\r\n--b--\r\n", "", false},
	} {
		if got := automatic(&filter.Transaction{Message: parse(t, tc.mail), ReversePath: filter.ParsePath(tc.from, "")}); got != tc.want {
			t.Errorf("from <%s>, %q: %v", tc.from, tc.mail, got)
		}
	}
}
