#!/bin/sh
# Makes the documents beside it anew with LibreOffice (writer, calc, impress): the same first page of an official paper,
# with a stamp (marked.*) and without (clean.*). The page is invented.
set -eu
cd "$(dirname "$0")"
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
python3 - "$home" <<'PYTHON'
import sys
home = sys.argv[1]
NS = ' '.join('xmlns:%s="urn:oasis:names:tc:opendocument:xmlns:%s:1.0"' % (a, b) for a, b in (
    ('office', 'office'), ('style', 'style'), ('text', 'text'), ('table', 'table'), ('draw', 'drawing'),
    ('fo', 'xsl-fo-compatible'), ('svg', 'svg-compatible'), ('presentation', 'presentation')))
TABLE = [('BỘ TÀI NGUYÊN VÀ MÔI TRƯỜNG', 'CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM'),
         ('VIỆN ĐO ĐẠC VÀ KIỂM ĐỊNH', 'Độc lập - Tự do - Hạnh phúc'),
         ('Số: 318/BC-VĐĐ', 'Hà Nội, ngày 12 tháng 10 năm 2026'), ('%s', '')]
LINES = ['BÁO CÁO', 'Về kết quả đo đạc và bảo mật số liệu quý III', 'Kính gửi: Vụ Kế hoạch - Tài chính',
         'Viện đã đo 42 trạm, mật độ trạm là 3 trạm trên 100 km vuông. Mật khẩu của hệ thống đã được đổi.',
         'Đề nghị các đơn vị gửi số liệu trước ngày 20 tháng 10.', 'Nơi nhận: Như trên; Lưu: VT.']
def para(s): return '<text:p>%s</text:p>' % s
def flat(kind, body, extra=''):
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<office:document %s office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.%s">%s'
            '<office:body>%s</office:body></office:document>\n' % (NS, kind, extra, body))
def cell(s): return '<table:table-cell office:value-type="string">%s</table:table-cell>' % (para(s) if s else '<text:p/>')
for name, stamp in (('marked', 'TỐI MẬT'), ('clean', 'V/v bảo mật số liệu')):
    rows = [tuple(c % stamp if '%' in c else c for c in r) for r in TABLE]
    table = '<table:table table:name="t"><table:table-column table:number-columns-repeated="2"/>%s</table:table>'
    text = table % ''.join('<table:table-row>%s</table:table-row>' % ''.join(cell(c) for c in r) for r in rows) + ''.join(map(para, LINES))
    open('%s/%s.fodt' % (home, name), 'w').write(flat('text', '<office:text>%s</office:text>' % text))
    sheet = ''.join('<table:table-row>%s</table:table-row>' % ''.join(cell(c) for c in r) for r in rows + [(l, '') for l in LINES])
    open('%s/%s.fods' % (home, name), 'w').write(flat('spreadsheet', '<office:spreadsheet>%s</office:spreadsheet>' % (table % sheet)))
    layout = ('<office:automatic-styles><style:page-layout style:name="pm"><style:page-layout-properties fo:page-width="28cm" fo:page-height="21cm"/>'
              '</style:page-layout></office:automatic-styles><office:master-styles><style:master-page style:name="Default" style:page-layout-name="pm"/></office:master-styles>')
    def box(y, lines): return '<draw:frame svg:width="24cm" svg:height="2cm" svg:x="1cm" svg:y="%dcm"><draw:text-box>%s</draw:text-box></draw:frame>' % (y, ''.join(map(para, lines)))
    slide = ''.join(box(1 + 3 * i, [c for c in r if c]) for i, r in enumerate(rows)) + box(14, LINES)
    open('%s/%s.fodp' % (home, name), 'w').write(flat('presentation', '<office:presentation><draw:page draw:name="p1" draw:master-page-name="Default">%s</draw:page></office:presentation>' % slide, layout))
PYTHON
convert() { soffice -env:UserInstallation="file://$home/profile" --headless --convert-to "$1" --outdir . "$2" >/dev/null; }
for name in marked clean; do
	for kind in docx odt rtf pdf; do convert $kind "$home/$name.fodt"; done
	convert 'doc:MS Word 97' "$home/$name.fodt"
	convert 'html:HTML (StarWriter)' "$home/$name.fodt"
	convert 'txt:Text (encoded):UTF8' "$home/$name.fodt"
	for kind in xlsx ods; do convert $kind "$home/$name.fods"; done
	convert 'xls:MS Excel 97' "$home/$name.fods"
	for kind in pptx odp; do convert $kind "$home/$name.fodp"; done
done
python3 - <<'PYTHON'
# The text in old charsets: windows-1258, where the tone follows its vowel, and TCVN3 as fonts like .VnTime show it, which
# have no capitals with tones.
import unicodedata
TONES = '\u0300\u0301\u0303\u0309\u0323'
LETTERS = dict(zip('áàảãạăắằẳẵặâấầẩẫậđéèẻẽẹêếềểễệíìỉĩịóòỏõọôốồổỗộơớờởỡợúùủũụưứừửữựýỳỷỹỵ',
                   '¸µ¶·¹¨¾»¼½Æ©ÊÇÈÉË®ÐÌÎÏÑªÕÒÓÔÖÝ×ØÜÞãßáâä«èåæçé¬íêëìîóïñòô\u00adøõö÷ùýúûüþ'))
LETTERS.update(zip('ĂÂÊÔƠƯĐ', '¡¢£¤¥¦§'))
def toned(c):
    d = unicodedata.normalize('NFD', c)
    return unicodedata.normalize('NFC', ''.join(x for x in d if x not in TONES)) + ''.join(x for x in d if x in TONES)
for name in 'marked', 'clean':
    text = open(name + '.txt', encoding='utf-8-sig').read()
    open(name + '.txt', 'w', encoding='utf-8', newline='').write(text)
    open(name + '.cp1258.txt', 'wb').write(''.join(map(toned, text)).encode('cp1258'))
    open(name + '.tcvn3.txt', 'wb').write(''.join(LETTERS.get(c, LETTERS.get(c.lower(), c)) for c in text).encode('latin-1'))
PYTHON
rm -f marked.7z clean.7z
for name in marked clean; do 7z a -bd "$name.7z" "$name".* >/dev/null; done
