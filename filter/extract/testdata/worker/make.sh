#!/bin/sh
# Makes the samples of the formats that workers read, out of letter.fodt, sheet.fods and slides.fodp, with Debian's
# libreoffice-writer, libreoffice-calc, libreoffice-impress, p7zip-full and qpdf. The tests need none of these.
set -eu
cd "$(dirname "$0")"
convert() { soffice -env:UserInstallation="file://${TMPDIR:-/tmp}/lo-profile" --headless --convert-to "$1" "$2" >/dev/null; }
convert 'doc:MS Word 97' letter.fodt
convert pdf letter.fodt
convert 'xls:MS Excel 97' sheet.fods
convert 'ppt:MS PowerPoint 97' slides.fodp
rm -f plain.7z locked.7z hidden.7z
7z a -bd plain.7z letter.fodt make.sh >/dev/null
7z a -bd -psecret locked.7z make.sh >/dev/null
7z a -bd -psecret -mhe=on hidden.7z make.sh >/dev/null
qpdf --encrypt secret secret 256 -- letter.pdf locked.pdf
qpdf --object-streams=generate letter.pdf --add-attachment sheet.xls --filename=bảng.xls -- packed.pdf
