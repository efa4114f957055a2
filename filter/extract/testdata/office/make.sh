#!/bin/sh
# Makes the documents beside it anew out of the flat sources, with LibreOffice (writer, calc, impress).
set -eu
cd "$(dirname "$0")"
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
convert() { soffice -env:UserInstallation="file://$home" --headless --convert-to "$1" "$2" >/dev/null; }
for kind in docx odt rtf; do convert $kind letter.fodt; done
convert 'html:HTML (StarWriter)' letter.fodt
for kind in xlsx ods; do convert $kind table.fods; done
for kind in pptx odp; do convert $kind slides.fodp; done
# What is told beside the text: signs of lists, fields, bookmarks, alternative texts.
for kind in docx odt; do convert $kind told.fodt; done
convert 'pdf:writer_pdf_Export:{"UseTaggedPDF":{"type":"boolean","value":"true"},"ExportBookmarks":{"type":"boolean","value":"true"}}' told.fodt
mv told.pdf ../worker/told.pdf
