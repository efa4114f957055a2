# Shows people what the mail gate found: mail with Congthu-Verdict gets a tag, a flag and a warning before its subject
# (clause 10.5 of the e-mail regulation). congthu-zimbra puts it into a domain.
require ["editheader", "flag", "tag", "variables"];

# Congthu
if exists "Congthu-Verdict" {
    tag "Cảnh báo";
    flag "flagged";
    set "warning" "[CẢNH BÁO]";
    if header :contains "Congthu-Verdict" ["impersonation", "sender-authentication"] {
        set "warning" "[CẢNH BÁO: có thể giả mạo người gửi]";
    }
    set "subject" "";
    if header :matches "Subject" "*" {
        set "subject" "${1}";
    }
    deleteheader "Subject";
    addheader "Subject" "${warning} ${subject}";
}
