package filter

// What is said of mail that pretends to be from ours.
const (
	TextImpersonation    TextKey = "impersonation"
	TextFreeMailOfficial TextKey = "free-mail.official"
)

func impersonationText(k TextKey) (t Text, ok bool) {
	switch k {
	case TextImpersonation:
		return Text{"Tên hoặc tên miền của người gửi dễ nhầm với cán bộ, đơn vị của cơ quan. Hãy gửi với tên và địa chỉ của chính quý vị.",
			"The sender's name or domain can be taken for one of ours: send under your own name and address."}, true
	case TextFreeMailOfficial:
		return Text{"Thư từ địa chỉ thư miễn phí mang tên cán bộ của cơ quan. Cán bộ hãy gửi từ hộp thư công vụ.",
			"Free-mail in the name of one of our officials: officials, send from your official mailbox."}, true
	}
	return Text{}, false
}
