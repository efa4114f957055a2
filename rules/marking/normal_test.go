package marking

import (
	"testing"

	"golang.org/x/text/unicode/norm"
)

func TestNormal(t *testing.T) {
	for in, want := range map[string]string{
		"HOÀ BÌNH và Thuỷ Lợi":      "hòa bình và thủy lợi",
		"hòa\r\n\thoà":              "hòa\r\n\thòa",
		norm.NFD.String("Mật Khẩu"): "mật khẩu",
		"m\u00adậ\u200bt":           "mật",
		"ＭＡＴ":                       "mat",
		"МАТ KHAU":                  "mat khau", // Cyrillic, all of it look-alikes
		"Привет":                    "привет",
		"quý":                       "qúy", // the same for texts and for what is looked for in them
		"":                          "",
	} {
		if got := Normal(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := Plain(Normal("Đất MẶT, hoà")); got != "dat mat, hoa" {
		t.Errorf("%q", got)
	}
	if Accented("mat khau") || !Accented("mat khẩu") || !Accented("đo") {
		t.Error("Accented")
	}
}
