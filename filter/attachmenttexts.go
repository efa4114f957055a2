package filter

// What the sender is told of dangerous attachments: what was found, and what to send instead.
const (
	TextAttachmentType      TextKey = "attachment-type"
	TextAttachmentProgram   TextKey = "attachment-type.program"
	TextAttachmentScript    TextKey = "attachment-type.script"
	TextAttachmentShortcut  TextKey = "attachment-type.shortcut"
	TextAttachmentDisk      TextKey = "attachment-type.disk"
	TextAttachmentName      TextKey = "attachment-type.name"
	TextAttachmentDisguised TextKey = "attachment-type.disguised"
	TextAttachmentMacro     TextKey = "attachment-type.macro"
	TextAttachmentRemote    TextKey = "attachment-type.remote"
	TextAttachmentPDF       TextKey = "attachment-type.pdf"
	TextAttachmentPage      TextKey = "attachment-type.page"
	TextAttachmentEmbedded  TextKey = "attachment-type.embedded"
)

func attachmentText(k TextKey) (t Text, ok bool) {
	switch k {
	case TextAttachmentType:
		return Text{"Thư có tệp thuộc loại không được phép gửi qua thư điện tử. Hãy gửi nội dung dưới dạng PDF hoặc tài liệu văn phòng.",
			"An attachment is of a type that this mail system does not carry: send its content as PDF or as an office document."}, true
	case TextAttachmentProgram:
		return Text{"Thư có tệp chương trình (kể cả nằm trong tệp nén). Không gửi chương trình qua thư điện tử; hãy bỏ tệp này rồi gửi lại, hoặc gửi đường dẫn tới trang chính thức.",
			"An attachment is a program, or holds one: take it out and send again, or send a link to the official site."}, true
	case TextAttachmentScript:
		return Text{"Thư có tệp lệnh (script), kể cả nằm trong tệp nén. Hãy bỏ tệp này, hoặc chép nội dung vào tài liệu PDF hay văn bản rồi gửi lại.",
			"An attachment is a script, or holds one: take it out, or paste its text into a document, and send again."}, true
	case TextAttachmentShortcut:
		return Text{"Thư có tệp lối tắt (shortcut). Hãy gửi chính tài liệu, hoặc ghi địa chỉ trang web trong nội dung thư.",
			"An attachment is a shortcut: send the document itself, or write the address in the text of your mail."}, true
	case TextAttachmentDisk:
		return Text{"Thư có tệp ảnh đĩa. Hãy lấy các tài liệu trong đó ra, đính kèm trực tiếp hoặc nén dạng ZIP rồi gửi lại.",
			"An attachment is a disk image: take the documents out of it and attach them, or a ZIP of them."}, true
	case TextAttachmentName:
		return Text{"Tên tệp đính kèm che giấu loại thật của tệp. Nếu là tài liệu, hãy đặt lại tên đúng với loại tệp rồi gửi lại.",
			"The name of an attachment hides what it is: if it is a document, give it a plain name with its true ending and send again."}, true
	case TextAttachmentDisguised:
		return Text{"Tệp đính kèm không đúng loại như tên tệp. Hãy gửi chính tài liệu; nếu là tệp nén thì đặt tên đúng đuôi (.zip, .rar, .7z) rồi gửi lại.",
			"An attachment is not what its name says: send the document itself, and an archive under its true ending (.zip, .rar, .7z)."}, true
	case TextAttachmentMacro:
		return Text{"Tài liệu đính kèm có macro. Hãy lưu lại dạng không có macro (.docx, .xlsx, .pptx) hoặc PDF rồi gửi lại.",
			"An attached document holds macros: save it without them (.docx, .xlsx, .pptx) or as PDF, and send again."}, true
	case TextAttachmentRemote:
		return Text{"Tài liệu đính kèm tự chạy lệnh hoặc tự tải mẫu, đối tượng từ nơi khác khi mở. Hãy lưu lại dạng PDF, hoặc bỏ các liên kết đó, rồi gửi lại.",
			"An attached document starts a command, or loads a template or object from elsewhere, when it is opened: send it as PDF, or break those links."}, true
	case TextAttachmentPDF:
		return Text{"Tệp PDF đính kèm có lệnh chạy chương trình hoặc mã lệnh. Hãy in lại tệp ra PDF rồi gửi lại.",
			"An attached PDF file starts a program or holds a script: print it to PDF anew and send that."}, true
	case TextAttachmentPage:
		return Text{"Tệp HTML hoặc SVG đính kèm có mã lệnh tạo tệp hoặc che giấu nội dung. Hãy gửi chính tài liệu, dạng PDF hoặc tài liệu văn phòng.",
			"An attached HTML or SVG file holds a script that makes a file or hides what it shows: send the document itself, as PDF or office document."}, true
	case TextAttachmentEmbedded:
		return Text{"Tệp ghi chú đính kèm có tệp khác nằm bên trong. Hãy xuất trang ghi chú ra PDF và đính kèm riêng các tài liệu.",
			"An attached notebook holds other files: export the page as PDF and attach the documents by themselves."}, true
	}
	return Text{}, false
}
