package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"congthu/filter"
	"congthu/signing"
)

// attacks are mails of the author's with something written around what he signed.
func (s signer) attacks() map[string]string {
	detached, opaque := s.mail(signedText), s.mail(signedText, "-nodetach")
	head, body, _ := strings.Cut(detached, "\r\n\r\n")
	boundary := head[strings.Index(head, `boundary="`)+len(`boundary="`):]
	boundary = boundary[:strings.Index(boundary, `"`)]
	line := "\r\n--" + boundary
	lie := "Content-Type: text/html\r\n\r\n<b>Hay chuyen tien</b>\r\n"
	mixed := func(field, inside string) string {
		return "From: nvan@monre.gov.vn\r\nTo: partner@example.com\r\nSubject: x\r\nMIME-Version: 1.0\r\n" + field + "\r\n\r\n" + inside
	}
	opaqueEntity := opaque[strings.Index(opaque, "MIME-Version"):]
	detachedEntity := head[strings.Index(head, "Content-Type:"):] + "\r\n\r\n" + body
	return map[string]string{
		"another Content-Type before":             strings.Replace(detached, "Content-Type: multipart/signed", "Content-Type: text/html\r\nContent-Type: multipart/signed", 1),
		"another Content-Type behind":             head + "\r\nContent-Type: text/html\r\n\r\n" + body,
		"another Content-Type, opaque":            strings.Replace(opaque, "MIME-Version", "Content-Type: text/html\r\nMIME-Version", 1),
		"another boundary":                        strings.Replace(detached, "boundary=", "boundary=other; boundary=", 1),
		"another boundary behind":                 strings.Replace(head, boundary+`"`, boundary+`"; boundary="other"`, 1) + "\r\n\r\n--other\r\n" + lie + "--other--\r\n" + body,
		"another encoding":                        strings.Replace(opaque, "Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: base64", 1),
		"an encoding around":                      strings.Replace(head, "MIME-Version", "Content-Transfer-Encoding: quoted-printable\r\nMIME-Version", 1) + "\r\n\r\n" + body,
		"a header that ends twice":                strings.Replace(detached, "MIME-Version", " \r\nMIME-Version", 1),
		"a line that is no field":                 strings.Replace(detached, "MIME-Version", "no field here\r\nMIME-Version", 1),
		"text before":                             head + "\r\n\r\nHay chuyen tien\r\n" + body,
		"text behind":                             detached + "\r\nHay chuyen tien\r\n",
		"a boundary line that ends with LF alone": strings.Replace(detached, line+"\r\n", line+" \n", 1),
		"a blank before a colon":                  strings.Replace(detached, "Content-Type: multipart/signed", "Content-Type : multipart/signed", 1),
		"a blank before a colon, opaque":          strings.Replace(opaque, "Content-Transfer-Encoding:", "Content-Transfer-Encoding\t:", 1),
		"a third part":                            head + "\r\n\r\n" + strings.Replace(body, line+"--", line+"\r\n"+lie+line+"--", 1),
		"a part before":                           head + "\r\n\r\n--" + boundary + "\r\n" + lie + line + body[strings.Index(body, "--"+boundary)+2+len(boundary):],
		"signature that is shown as text":         strings.Replace(detached, "Content-Type: application/pkcs7-signature", "Content-Type: text/html", 1),
		"signature that is a page by its type":    strings.Replace(detached, "Content-Type: application/pkcs7-signature", "Content-Type: application/xhtml+xml", 1),
		"signed data that is a page by its type":  strings.Replace(opaque, "Content-Type: application/pkcs7-mime", "Content-Type: application/xhtml+xml", 1),
		"signature with two types":                strings.Replace(detached, "Content-Type: application/pkcs7-signature", "Content-Type: text/html\r\nContent-Type: application/pkcs7-signature", 1),
		"a part beside":                           mixed("Content-Type: multipart/mixed; boundary=o", "--o\r\n"+lie+"\r\n--o\r\n"+detachedEntity+"\r\n--o--\r\n"),
		"an alternative beside":                   mixed("Content-Type: multipart/alternative; boundary=o", "--o\r\n"+detachedEntity+"\r\n--o\r\n"+lie+"\r\n--o--\r\n"),
		"a part beside, opaque":                   mixed("Content-Type: multipart/mixed; boundary=o", "--o\r\n"+lie+"\r\n--o\r\n"+opaqueEntity+"\r\n--o--\r\n"),
		"opaque in opaque beside a part":          mixed("Content-Type: multipart/mixed; boundary=o", "--o\r\n"+lie+"\r\n--o\r\n"+entityOf(s.mail(opaqueEntity, "-nodetach"))+"\r\n--o--\r\n"),
		"an author that cannot be read":           strings.Replace(detached, "From: nvan@monre.gov.vn", "From: Bo truong", 1),
		"no author":                               strings.Replace(detached, "From: nvan@monre.gov.vn\r\n", "", 1),
		"another author that cannot be read":      strings.Replace(detached, "From: nvan@", "From: \"Bo truong\"\r\nFrom: nvan@", 1),
		"a stranger's Sender":                     strings.Replace(detached, "From: nvan@monre.gov.vn", "From: minister@mae.gov.vn\r\nSender: nvan@monre.gov.vn", 1),
		"a group of authors":                      strings.Replace(detached, "From: nvan@monre.gov.vn", "From: nhom: minister@mae.gov.vn, nvan@monre.gov.vn;", 1),
		"the content's header field in the text":  strings.Replace(detached, "Content-Transfer-Encoding: 8bit", "Content-Transfer-Encoding: base64", 1),
		"content changed under the first layer":   s.mail(strings.Replace(detachedEntity, "nguyên", "nguyen", 1), "-nodetach"),
	}
}

// Whatever is written around a good signature, no message is valid as a whole that shows anybody a text that was not signed.
func TestSignatureAttacks(t *testing.T) {
	s := newSigner(t)
	trusted := Signatures{Trust: s.trust()}
	for name, mail := range s.attacks() {
		got := s.found(mail, trusted)
		whole := 0
		for _, f := range got {
			if strings.HasSuffix(f, ": accept valid") {
				whole++
			}
		}
		// An outer layer that is good says so even when what it signed is not; the inner one says that.
		if name == "content changed under the first layer" {
			if len(got) != 2 || got[1] != "1/: policy invalid: content changed" {
				t.Errorf("%s: %q", name, got)
			}
			continue
		}
		if whole > 0 || len(got) == 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func entityOf(mail string) string { return mail[strings.Index(mail, "MIME-Version"):] }

func (s signer) trust() *signing.Trust {
	s.t.Helper()
	trust, err := signing.LoadTrust([]string{s.cert}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return trust
}

// Header fields that were signed with the message are what the header around has to show.
func TestProtectedFields(t *testing.T) {
	s := newSigner(t)
	trusted := Signatures{Trust: s.trust()}
	fields := "Subject: =?utf-8?B?QsOhbyBjw6Fv?=\r\nFrom: An <nvan@monre.gov.vn>\r\nTo: partner@example.com\r\n"
	text := func(param, fields string) string {
		return "Content-Type: text/plain; charset=utf-8" + param + "\r\n" + fields + "\r\nKinh gui\r\n"
	}
	outer := func(mail, subject, from, more string) string {
		mail = strings.Replace(mail, "Subject: Report", "Subject: "+subject, 1)
		mail = strings.Replace(mail, "From: nvan@monre.gov.vn", "From: "+from, 1)
		return strings.Replace(mail, "MIME-Version", more+"MIME-Version", 1)
	}
	const same, an = "Báo cáo", "An <nvan@monre.gov.vn>"
	wrapped := func(param, inside string) string {
		return "Content-Type: message/rfc822" + param + "\r\n\r\n" + inside + fields + "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nKinh gui\r\n"
	}
	for _, c := range []struct{ name, entity, subject, from, more, want string }{
		{"RFC 9788", text(`; hp="clear"`, fields), same, an, "", "valid"},
		{"RFC 9788, written otherwise", text(`; hp="clear"`, fields), "=?utf-8?Q?B=C3=A1o_c=C3=A1o?=", `"An" <NVAN@monre.GOV.vn>`, "", "valid"},
		{"subject", text(`; hp="clear"`, fields), "Khác", an, "", "address-mismatch: signed fields differ subject"},
		{"name of the author", text(`; hp="clear"`, fields), same, "Bo truong <nvan@monre.gov.vn>", "", "address-mismatch: signed fields differ from"},
		{"another recipient, and an answer elsewhere", text(`; hp="clear"`, strings.Replace(fields, "partner@", "other@", 1)), same, an, "Reply-To: x@example.net\r\n",
			"address-mismatch: signed fields differ to reply-to"},
		{"older form", text(`; protected-headers="v1"`, "Subject: Report\r\n"), "Report", an, "Reply-To: x@example.net\r\n", "valid"},
		{"older form, subject", text(`; protected-headers="v1"`, "Subject: Report\r\n"), "Khác", an, "", "address-mismatch: signed fields differ subject"},
		{"fields that are not said to be protected", text("", "Subject: Khác\r\n"), same, an, "", "valid"},
		{"message inside", wrapped("; forwarded=no", ""), same, an, "", "valid"},
		{"message inside, subject", wrapped("; forwarded=no", ""), "Khác", an, "", "address-mismatch: signed fields differ subject"},
		{"message inside with the same number, subject", wrapped("", "Message-ID: <1@monre.gov.vn>\r\n"), "Khác", an, "Message-ID: <1@monre.gov.vn>\r\n",
			"address-mismatch: signed fields differ subject"},
		{"forwarded in a signed message", wrapped("", "Message-ID: <1@monre.gov.vn>\r\n"), "Fwd: Báo cáo", an, "Message-ID: <2@monre.gov.vn>\r\n", "valid"},
		{"two subjects around", text(`; hp="clear"`, fields), same, an, "Subject: Khác\r\n", "address-mismatch: signed fields differ subject"},
	} {
		for _, form := range [][]string{nil, {"-nodetach"}} {
			got := s.found(outer(s.mail(c.entity, form...), c.subject, c.from, c.more), trusted)
			if len(got) != 1 || !strings.HasSuffix(got[0], " "+c.want) || strings.Contains(got[0], "policy") {
				t.Errorf("%s %v: %q, want %q", c.name, form, got, c.want)
			}
			// A signature that nobody vouches for signed them all the same.
			if c.want != "valid" {
				if got := s.found(outer(s.mail(c.entity, form...), c.subject, c.from, c.more), Signatures{}); len(got) != 2 || !strings.HasSuffix(got[1], c.want) {
					t.Errorf("%s %v, not trusted: %q", c.name, form, got)
				}
			}
		}
	}
}

// Mailboxes that have to sign have to sign what they send: what they forward or attach is another's signature.
func TestSignatureRequired(t *testing.T) {
	s := newSigner(t)
	required := Signatures{Trust: s.trust(), Required: func(local, _ string) bool { return local == "nvan" }}
	detached := s.mail(signedText)
	with := func(part string) string {
		return "From: nvan@monre.gov.vn\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: text/plain\r\n\r\nxem tep\r\n--o\r\n" + part + "\r\n--o--\r\n"
	}
	encrypted := func() string {
		s.mail(signedText)
		s.openssl("cms", "-encrypt", "-aes256", "-in", "entity", "-out", "encrypted", "-from", "nvan@monre.gov.vn", "-subject", "x", "cert.pem")
		return s.read("encrypted")
	}()
	for _, c := range []struct{ name, mail, want string }{
		{"forwards a signed message", with("Content-Type: message/rfc822\r\n\r\n" + detached), "2: accept valid, enclosed message|: policy unsigned"},
		{"attaches a signature", with(s.signaturePart(detached)), "2: tag unsupported: signed elsewhere|: policy unsigned"},
		{"encrypts", encrypted, ": tag unsupported: encrypted"},
		{"with a notice of the server beside", with(entityOf(detached)), "2: accept valid, part of the message"},
	} {
		if got := strings.Join(s.found(c.mail, required), "|"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// The structure in which mail programs write signed mail, as their messages show it.
func TestSignatureClients(t *testing.T) {
	s := newSigner(t)
	trusted := Signatures{Trust: s.trust()}
	alternative := "Content-Type: multipart/alternative;\r\n\tboundary=\"----=_NextPart_001_0023_01DC5D3A.5E0C9A10\"\r\n\r\n\r\n" +
		"------=_NextPart_001_0023_01DC5D3A.5E0C9A10\r\nContent-Type: text/plain;\r\n\tcharset=\"utf-8\"\r\nContent-Transfer-Encoding: base64\r\n\r\nS8OtbmggZ+G7rWk=\r\n\r\n" +
		"------=_NextPart_001_0023_01DC5D3A.5E0C9A10\r\nContent-Type: text/html;\r\n\tcharset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>K=C3=ADnh g=E1=BB=ADi</p>\r\n\r\n" +
		"------=_NextPart_001_0023_01DC5D3A.5E0C9A10--\r\n"
	plain := "Content-Type: text/plain; charset=UTF-8; format=flowed\r\nContent-Transfer-Encoding: 8bit\r\nContent-Language: vi\r\n\r\nKính gửi\r\n\r\n"
	opaque := func(fields string) string { return fields + "\r\n" + lines(s.cms(alternative, "-nodetach")) }
	for name, mail := range map[string]string{
		"Outlook, clear": s.clear("X-Mailer: Microsoft Outlook 16.0\r\nContent-Type: multipart/signed;\r\n\tprotocol=\"application/x-pkcs7-signature\";\r\n\tmicalg=SHA256;\r\n\tboundary=\"%s\"\r\nContent-Language: vi\r\n",
			"----=_NextPart_000_0022_01DC5D3A.5E0C9A10", "This is a multipart message in MIME format.\r\n", alternative,
			"Content-Type: application/pkcs7-signature;\r\n\tname=\"smime.p7s\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n\tfilename=\"smime.p7s\"\r\n"),
		"Outlook, clear, older": s.clear("Content-Type: multipart/signed;\r\n\tmicalg=2.16.840.1.101.3.4.2.1;\r\n\tprotocol=application/x-pkcs7-signature;\r\n\tboundary=\"%s\"\r\n",
			"----=_NextPart_000_0022_01DC5D3A.5E0C9A10", "", alternative,
			"Content-Type: application/x-pkcs7-signature;\r\n\tname=\"smime.p7s\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n\tfilename=\"smime.p7s\"\r\n"),
		"Thunderbird": s.clear("User-Agent: Mozilla Thunderbird\r\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=\"%s\"\r\n",
			"------------ms090102030405060708090001", "This is a cryptographically signed message in MIME format.\r\n\r\n", plain,
			"Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"smime.p7s\"\r\nContent-Description: =?UTF-8?Q?Ch=E1=BB=AF_k=C3=BD_s=E1=BB=91_S/MIME?=\r\n"),
		"Apple Mail": s.clear("Content-Type: multipart/signed;\r\n\tboundary=\"%s\";\r\n\tprotocol=\"application/pkcs7-signature\";\r\n\tmicalg=sha-256\r\n",
			"Apple-Mail=_8E2F0D43-77B2-4E33-9D0A-0A1B2C3D4E5F", "\r\n", plain,
			"Content-Disposition: attachment;\r\n\tfilename=smime.p7s\r\nContent-Type: application/pkcs7-signature;\r\n\tname=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n"),
		"Outlook, opaque":        clientHead + opaque("Content-Type: application/x-pkcs7-mime;\r\n\tsmime-type=signed-data;\r\n\tname=\"smime.p7m\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n\tfilename=\"smime.p7m\"\r\n"),
		"Exchange, opaque":       clientHead + opaque("Content-Type: application/pkcs7-mime; smime-type=\"signed-data\"; name=\"smime.p7m\"\r\nContent-Transfer-Encoding: base64\r\n"),
		"opaque without a type":  clientHead + opaque("Content-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n"),
		"opaque, told by a name": clientHead + opaque("Content-Type: application/octet-stream; name=\"smime.p7m\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"smime.p7m\"\r\n"),
	} {
		got := s.found(mail, trusted)
		if len(got) != 1 || !strings.HasSuffix(got[0], ": accept valid") {
			t.Errorf("%s: %q", name, got)
		}
		if m := parse(t, mail); len(m.Anomalies) > 0 || len(m.NotInspected) > 0 {
			t.Errorf("%s: %v, %v", name, m.Anomalies, m.NotInspected)
		}
	}
}

const clientHead = "From: \"Nguyễn Văn An\" <nvan@monre.gov.vn>\r\nTo: <partner@example.com>\r\nSubject: x\r\nDate: Tue, 24 Nov 2026 08:00:00 +0700\r\nMIME-Version: 1.0\r\n"

// clear puts an entity and its signature into a multipart/signed of the form that a mail program gives it.
func (s signer) clear(fields, boundary, notice, entity, signatureFields string) string {
	return clientHead + fmt.Sprintf(fields, boundary) + "\r\n" + notice + "--" + boundary + "\r\n" + entity + "\r\n--" + boundary + "\r\n" +
		signatureFields + "\r\n" + lines(s.cms(entity)) + "\r\n--" + boundary + "--\r\n"
}

// What who reads "valid" has to know stands beside it.
func TestSignatureNotes(t *testing.T) {
	s := newSigner(t)
	again := func(args ...string) { // another certificate of the same key
		s.openssl(append([]string{"req", "-x509", "-key", "key.pem", "-out", "cert.pem", "-days", "2", "-addext", "keyUsage=digitalSignature"}, args...)...)
	}
	again("-subj", "/CN=Con dau")
	if got := s.found(s.mail(signedText), Signatures{Trust: s.trust()}); len(got) != 1 || got[0] != ": accept valid, address not bound" {
		t.Errorf("bound to nobody: %q", got)
	}
	again("-subj", "/CN=Thu ky", "-addext", "subjectAltName=email:thuky@monre.gov.vn")
	mail := strings.Replace(s.mail(signedText), "From: ", "Sender: thuky@monre.gov.vn\r\nFrom: ", 1)
	if got := s.found(mail, Signatures{Trust: s.trust()}); len(got) != 1 || got[0] != ": accept valid, address of sender" {
		t.Errorf("the secretary's: %q", got)
	}
	f := newForger(t)
	signed := time.Date(2026, 11, 24, 18, 13, 0, 0, time.UTC)
	for _, c := range []struct {
		name, want string
		received   time.Time
	}{
		{"a minute later", "valid", signed.Add(time.Minute)},
		{"the clock is ahead", "valid, signing time ahead", signed.Add(-20 * time.Minute)},
		{"local time as UTC", "valid, signing time seven hours off", signed.Add(-7 * time.Hour)},
	} {
		found, err := signatureRule(f.config).Check(t.Context(), &filter.Transaction{Message: parse(t, f.mails["detached"]), Received: c.received})
		if err != nil || len(found) != 1 || found[0].Detail != c.want || found[0].Disposition != filter.Accept {
			t.Errorf("%s: %+v, %v", c.name, found, err)
		}
	}
}
