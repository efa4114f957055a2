# Shows people what the mail gate found: mail with Congthu-Verdict gets a flag that mail programs show, a keyword
# that can be searched for, and a warning before its subject (clause 10.5 of the e-mail regulation).
#
# The gate removes the field from all mail that comes with one, so that only the gate's own is left. The mail server must
# take mail from outside through the gate only.
require ["editheader", "imap4flags", "relational", "comparator-i;ascii-numeric", "variables"];

if exists "Congthu-Verdict" {
    addflag "\\Flagged";
    addflag "CongthuWarning";

    set "warning" "[CẢNH BÁO]";
    if header :contains "Congthu-Verdict" ["impersonation", "sender-authentication"] {
        set "warning" "[CẢNH BÁO: có thể giả mạo người gửi]";
        addflag "CongthuForgery";
    }

    # A subject that has this very warning stays. So does one that is longer than Sieve takes (sieve_editheader_max_header_size): it
    # would be lost.
    set "subject" "";
    if header :matches "Subject" "*" {
        set "subject" "${1}";
    }
    set :length "length" "${subject}";
    if allof (not header :matches "Subject" "${warning}*", string :value "le" :comparator "i;ascii-numeric" "${length}" "400") {
        deleteheader "Subject";
        addheader "Subject" "${warning} ${subject}";
    }
}
