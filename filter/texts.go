package filter

// Text is one thing said to people, in Vietnamese with its diacritics and in English. SMTP replies
// carry the Vietnamese without diacritics (SMTP is ASCII); notices and pages carry it as it stands.
type Text struct{ Vietnamese, English string }

// TextKey names a text of the catalogue.
type TextKey string

// The keys. A rule's texts begin with its name.
const (
	TextNone TextKey = ""

	TextTrouble           TextKey = "trouble"
	TextNextHop           TextKey = "next-hop"
	TextHeld              TextKey = "held"
	TextQuarantined       TextKey = "quarantined"
	TextDropped           TextKey = "dropped"
	TextTooBig            TextKey = "too-big"
	TextHeaderTooBig      TextKey = "header-too-big"
	TextCircle            TextKey = "circle"
	TextBareLineBreak     TextKey = "bare-line-break"
	TextTooManyRecipients TextKey = "too-many-recipients"
	TextUninspected       TextKey = "uninspected"

	TextMarking             TextKey = "marking"
	TextVirus               TextKey = "virus"
	TextVirusSuspicious     TextKey = "virus.suspicious"
	TextVirusUnscanned      TextKey = "virus.unscanned"
	TextMalformed           TextKey = "malformed"
	TextSubjectMissing      TextKey = "subject"
	TextSubjectBlank        TextKey = "subject.blank"
	TextSubjectPrefix       TextKey = "subject.prefix"
	TextSubjectPlaceholder  TextKey = "subject.placeholder"
	TextAttachmentSize      TextKey = "attachment-size"
	TextFreeMailFrom        TextKey = "free-mail"
	TextFreeMailSender      TextKey = "free-mail.sender"
	TextFreeMailReplyTo     TextKey = "free-mail.reply-to"
	TextFreeMailReversePath TextKey = "free-mail.reverse-path"
	TextFreeMailRecipient   TextKey = "free-mail.recipient"
	TextFreeMailOutside     TextKey = "free-mail.correspondent"
	TextFreeMailForwarded   TextKey = "free-mail.forwarded"
	TextMailboxName         TextKey = "mailbox-name"
	TextSignature           TextKey = "signature"
	TextSignatureMissing    TextKey = "signature.missing"
	TextContent             TextKey = "content"
	TextRate                TextKey = "rate"
	TextRateRefused         TextKey = "rate.refused"
	TextSpam                TextKey = "spam"
	TextAccepted            TextKey = "accepted"
)

// TextOf is the catalogue: the one place where what the gate says to people is written.
// ok is false for a key that it does not have.
func TextOf(k TextKey) (t Text, ok bool) {
	switch k {
	case TextAccepted:
		return Text{"Thư được chấp nhận.", "Message accepted."}, true
	case TextTrouble:
		return Text{"Cổng thư tạm thời chưa kiểm tra được thư này; máy chủ gửi sẽ tự động gửi lại.",
			"The mail gate cannot check this message just now; your server will try again."}, true
	case TextNextHop:
		return Text{"Máy chủ thư phía sau cổng tạm thời chưa nhận thư; máy chủ gửi sẽ tự động gửi lại.",
			"The mail server behind the gate is not answering just now; your server will try again."}, true
	case TextHeld:
		return Text{"Thư tạm thời chưa được chuyển theo chính sách của cơ quan. Hãy liên hệ cán bộ an toàn thông tin.",
			"Deferred by policy: please ask your security officer about this message."}, true
	case TextQuarantined:
		return Text{"Thư được giữ lại để cán bộ an toàn thông tin xem xét.",
			"Held for review by a security officer."}, true
	case TextDropped:
		return Text{"Thư đã được cổng thư tiếp nhận và ghi nhận.", "Taken by the mail gate and recorded."}, true
	case TextTooBig:
		return Text{"Thư vượt quá dung lượng mà cổng thư nhận. Hãy giảm dung lượng tệp đính kèm rồi gửi lại.",
			"Message too big for the gate: make the attachments smaller and send again."}, true
	case TextHeaderTooBig:
		return Text{"Phần đầu thư (header) vượt quá giới hạn của cổng thư. Hãy soạn thư mới rồi gửi lại.",
			"The header of this message is over the gate's limits: write a new message and send again."}, true
	case TextCircle:
		return Text{"Thư đã đi qua quá nhiều máy chủ (vòng lặp). Hãy báo quản trị hệ thống thư.",
			"Too many hops: this message goes round in a circle; tell your mail administrator."}, true
	case TextBareLineBreak:
		return Text{"Thư có ký tự xuống dòng sai chuẩn (ký tự CR hoặc LF đứng riêng lẻ). Hãy báo quản trị máy chủ gửi.",
			"Bare CR or LF in the message: lines must end in CRLF (RFC 5321 section 2.3.8)."}, true
	case TextTooManyRecipients:
		return Text{"Thư có quá nhiều người nhận. Hãy chia thành nhiều lần gửi.",
			"Too many recipients in one message: split it up."}, true
	case TextUninspected:
		return Text{"Thư có phần mà cổng thư không kiểm tra được. Hãy gửi lại ở dạng thông thường.",
			"Part of this message could not be inspected: send it again in an ordinary form."}, true
	case TextMalformed:
		return Text{"Cấu trúc thư sai chuẩn nên mỗi phần mềm đọc một khác. Hãy soạn lại bằng phần mềm thư thông dụng rồi gửi lại.",
			"Malformed message that mail programs read differently: write it anew with an ordinary mail program."}, true
	}
	return ruleText(k)
}

func ruleText(k TextKey) (t Text, ok bool) {
	switch k {
	case TextMarking:
		return Text{"Thư có dấu hiệu chứa tài liệu bí mật nhà nước. Không gửi tài liệu mật qua thư điện tử; hãy gửi theo đường văn thư bảo mật.",
			"This message bears a secrecy marking: classified documents must not be sent by e-mail; use the classified mail service."}, true
	case TextVirus: // no name of it: that would tell its maker which engine found it
		return Text{"Thư có chứa mã độc. Hãy quét virus máy tính của quý vị và báo cán bộ an toàn thông tin trước khi gửi lại.",
			"This message contains malware: scan your computer and tell your security officer before you send again."}, true
	case TextVirusSuspicious:
		return Text{"Thư có tệp bị chương trình diệt virus nghi ngờ. Hãy quét virus máy tính của quý vị và báo cán bộ an toàn thông tin.",
			"A file of this message looks suspicious to a virus scanner: scan your computer and tell your security officer."}, true
	case TextVirusUnscanned:
		return Text{"Thư có tệp chưa quét được virus. Hãy giảm dung lượng tệp hoặc báo cán bộ an toàn thông tin.",
			"A file of this message could not be scanned for viruses: make it smaller or tell your security officer."}, true
	case TextSubjectMissing:
		return Text{"Thư không có tiêu đề. Hãy ghi tiêu đề rồi gửi lại.",
			"No subject: add one and send again."}, true
	case TextSubjectBlank:
		return Text{"Tiêu đề thư để trống. Hãy ghi tiêu đề rồi gửi lại.",
			"Blank subject: write one and send again."}, true
	case TextSubjectPrefix:
		return Text{"Tiêu đề thư chỉ có ký hiệu trả lời hoặc chuyển tiếp. Hãy ghi rõ nội dung cần trao đổi rồi gửi lại.",
			"The subject is only a reply or forward prefix: say what the mail is about and send again."}, true
	case TextSubjectPlaceholder:
		return Text{"Tiêu đề thư chỉ là chữ mặc định, chưa nêu nội dung. Hãy ghi tiêu đề phù hợp với nội dung rồi gửi lại.",
			"The subject is only a placeholder: say what the mail is about and send again."}, true
	case TextAttachmentSize:
		return Text{"Tổng dung lượng tệp đính kèm vượt quá 15 MB. Hãy nén tệp hoặc chia thành nhiều thư rồi gửi lại.",
			"Attachments over 15 MB in all: compress them or send several messages."}, true
	case TextContent:
		return Text{"Thư có nội dung không phù hợp với quy định của cơ quan. Hãy xem lại nội dung hoặc liên hệ cán bộ an toàn thông tin.",
			"The text of this message is not allowed by your organisation: change it, or ask your security officer."}, true
	case TextSignature:
		return Text{"Chữ ký số của thư không hợp lệ hoặc không kiểm tra được. Hãy kiểm tra chứng thư số, ký lại rồi gửi lại.",
			"The digital signature of this message does not hold: check your certificate, sign again and send again."}, true
	case TextSignatureMissing:
		return Text{"Thư của hộp thư này phải được ký số. Hãy ký số rồi gửi lại.",
			"Mail of this mailbox has to be signed: sign it and send again."}, true
	case TextRate:
		return Text{"Hộp thư này đã gửi quá nhiều thư trong một giờ; máy chủ gửi sẽ tự động gửi lại sau. Nếu không phải quý vị gửi, hãy báo ngay quản trị hệ thống thư.",
			"This mailbox has sent too much in an hour: your server will try again later. If it was not you, tell your mail administrator at once."}, true
	case TextRateRefused:
		return Text{"Hộp thư này đã gửi quá nhiều thư trong một giờ. Hãy gửi lại sau. Nếu không phải quý vị gửi, hãy báo ngay quản trị hệ thống thư.",
			"This mailbox has sent too much in an hour: send again later. If it was not you, tell your mail administrator at once."}, true
	case TextSpam:
		return Text{"Thư có dấu hiệu là thư rác. Nếu không phải thư rác, hãy liên hệ người nhận bằng cách khác hoặc báo quản trị hệ thống thư.",
			"This message looks like spam: if it is not, reach the recipient another way or tell the mail administrator."}, true
	case TextMailboxName:
		return Text{"Tên hộp thư không theo quy tắc đặt tên. Hãy báo quản trị hệ thống thư của đơn vị.",
			"The mailbox name does not follow the naming rule: tell your unit's mail administrator."}, true
	}
	if t, ok := freeMailText(k); ok {
		return t, ok
	}
	if t, ok := impersonationText(k); ok {
		return t, ok
	}
	if t, ok := authenticationText(k); ok {
		return t, ok
	}
	return attachmentText(k)
}

func freeMailText(k TextKey) (t Text, ok bool) {
	switch k {
	case TextFreeMailFrom:
		return Text{"Thư công vụ không được gửi từ địa chỉ thư miễn phí. Hãy gửi từ hộp thư công vụ.",
			"Official mail must not be sent from a free-mail address: send it from your official mailbox."}, true
	case TextFreeMailSender:
		return Text{"Người gửi thay (Sender) dùng địa chỉ thư miễn phí. Hãy gửi từ hộp thư công vụ.",
			"The Sender address is free-mail: send it from your official mailbox."}, true
	case TextFreeMailReplyTo:
		return Text{"Địa chỉ nhận thư trả lời (Reply-To) là thư miễn phí. Hãy đổi thành địa chỉ thư công vụ rồi gửi lại.",
			"The Reply-To address is free-mail: set it to your official address and send again."}, true
	case TextFreeMailReversePath:
		return Text{"Địa chỉ gửi trên phong bì (MAIL FROM) là thư miễn phí. Hãy sửa cấu hình tài khoản trong phần mềm thư.",
			"The envelope sender (MAIL FROM) is free-mail: correct the account settings of your mail program."}, true
	case TextFreeMailRecipient:
		return Text{"Thư gửi tới địa chỉ thư miễn phí. Giao dịch công việc phải qua hộp thư công vụ.",
			"Mail to a free-mail address: official business goes through official mailboxes."}, true
	case TextFreeMailOutside:
		return Text{"Thư đến từ địa chỉ thư miễn phí. Hãy xác thực người gửi khi cần.",
			"Mail from a free-mail address: make sure who the sender is where it matters."}, true
	case TextFreeMailForwarded:
		return Text{"Hộp thư công vụ tự động chuyển tiếp thư tới hộp thư miễn phí. Hãy tắt chuyển tiếp tự động.",
			"An official mailbox forwards mail to free-mail by itself: switch the forwarding off."}, true
	}
	return Text{}, false
}
