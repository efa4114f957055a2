package message

import "testing"

// Text of the old fonts is read as its font shows it; what is Unicode already stays.
func TestReread(t *testing.T) {
	for _, tc := range []struct {
		charset, text, want string
		ok                  bool
	}{
		{"x-viet-tcvn3", "TuyÖt mËt", "Tuyệt mật", true},
		{"x-viet-tcvn3", "TUYÖT MËT", "TUYỆT MẬT", true},
		{"x-viet-vni", "TOÁI MAÄT", "TỐI MẬT", true},
		{"x-viet-vni", "Th\u00f6 m\u00f4\u00f8i", "Thư mời", true},
		{"x-viet-tcvn3", "m\uf0cbt", "mật", true},
		{"x-viet-tcvn3", "mật", "mật", false},
		{"x-viet-tcvn3", "", "", true},
	} {
		if got, ok := Reread(tc.charset, tc.text); got != tc.want || ok != tc.ok {
			t.Errorf("%s %q: %q %v, want %q %v", tc.charset, tc.text, got, ok, tc.want, tc.ok)
		}
	}
}
