package filter

// TextSenderAuthentication is what is said of mail that claims to be ours and comes from elsewhere.
const TextSenderAuthentication TextKey = "sender-authentication"

func authenticationText(k TextKey) (t Text, ok bool) {
	if k != TextSenderAuthentication {
		return Text{}, false
	}
	return Text{"Thư ghi người gửi thuộc cơ quan nhưng được gửi từ bên ngoài và không xác thực được (SPF, DKIM, DMARC). Hãy gửi qua máy chủ thư của cơ quan.",
		"The sender's address is ours, but this came from outside and nothing proves it (SPF, DKIM, DMARC): send it through our own mail server."}, true
}
