package extract

import "testing"

// What LibreOffice writes is read: lines, cells, pages, headers, notes, comments, boxes, properties, old fonts, capitals.
func TestOfficeSamples(t *testing.T) {
	label := " label MSIP_Label_11111111-2222-3333-4444-555555555555_Name 0: Noi bo"
	letter := []string{" property title 0: Lịch họp giao ban", " body  1: BỘ TÀI NGUYÊN\tCỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", " body  1: Ô THỨ HAI",
		" body  1: Kính gửi: CÁC ĐƠN VỊ", " body  1: Thư mời họp BẢO MẬT", " body  1: Thư mời họp", " body  1: Cột một\tcột hai", " body  1: dòng hai",
		" body  1: Đoạn có lời bình", " body  1: Chữ trong khung", " header-footer  0: Phòng Hành chính", " header-footer  0: Trang cuối cùng"}
	for _, tc := range []struct {
		name, mediaType string
		want            [][]string
	}{
		{"letter.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", [][]string{letter, {label, " comment  0: Lời chú cuối trang", " comment  0: Lời bình bên lề"}}},
		{"letter.odt", "application/vnd.oasis.opendocument.text", [][]string{letter, {label, " comment  1: Lời chú cuối trang", " comment  1: Lời bình bên lề", " body  1: Mô tả khung"}}},
		{"letter.fodt", "", [][]string{letter, {label, " comment  1: Lời chú cuối trang", " comment  1: Lời bình bên lề"}}},
		{"letter.rtf", "text/rtf", [][]string{letter, {" comment  0: Lời chú cuối trang", " comment  0: Lời bình bên lề"}}},
		{"letter.html", "text/html", [][]string{{" body  0: BỘ TÀI NGUYÊN\tCỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", " body  0: Ô THỨ HAI", " body  0: Kính gửi: CÁC ĐƠN VỊ",
			" body  0: Thư mời họp BẢO MẬT", " body  0: Thư mời họp", " body  0: Chữ trong khung", " body  0: Lịch họp giao ban"}}},
		{"table.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", [][]string{{" property title 0: Bảng kê", " body  0: Tháng hai",
			" body  1: Tên\tSố lượng", " body  1: Máy đo\t12", " body  1: Trạm đo mưa", " body  2: Trang tính hai", " comment  0: Xem lại ô này", " header-footer  1: Page "}}},
		{"table.ods", "application/vnd.oasis.opendocument.spreadsheet", [][]string{{" property title 0: Bảng kê", " body  2: Tháng hai",
			" body  1: Tên\tSố lượng", " body  1: Máy đo\t12", " body  1: Trạm đo mưa", " body  2: Trang tính hai", " comment  1: Xem lại ô này"}}},
		{"slides.pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", [][]string{{" property title 0: Báo cáo",
			" body  1: Tựa đề trang một", " body  2: Nội dung trang hai", " comment  0: Lời ghi cho người nói"}}},
		{"told.docx", "", [][]string{{" body  1: NHÃN LIỆT KÊ 1.\tNHÃN LIỆT KÊ\tKính gửi", " property dm 0: TRƯỜNG NGƯỜI DÙNG", " body  1: PHIÊN ÂM", " body  1: ĐÃ CHỌN", "! body  1: KHÔNG CHỌN"}}},
		{"told.odt", "", [][]string{{" comment  0: NHÃN LIỆT KÊ", " comment  0: TRƯỜNG NGƯỜI DÙNG", " comment  0: ĐIỀU KIỆN", " body  1: PHIÊN ÂM", " body  1: ĐÃ CHỌN", " body  1: MÔ TẢ HÌNH", "! comment  0: KHÔNG CHỌN"}}},
		{"slides.odp", "application/vnd.oasis.opendocument.presentation", [][]string{{" property title 0: Báo cáo",
			" body  1: Tựa đề trang một", " body  2: Nội dung trang hai", " comment  1: Lời ghi cho người nói"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := inspect(t, "x", octetStream, officeSample(t, tc.name), DefaultLimits())
			for _, lines := range tc.want {
				s.want(t, lines...)
			}
			if tc.mediaType != "" {
				s.want(t, " is "+tc.mediaType)
			}
			if s.reasons() != "" {
				t.Errorf("not inspected: %s", s.reasons())
			}
		})
	}
}
