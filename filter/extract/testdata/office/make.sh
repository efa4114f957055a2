#!/bin/sh
# Makes the documents beside it anew out of the three flat sources, with LibreOffice (writer, calc, impress).
set -eu
cd "$(dirname "$0")"
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
convert() { soffice -env:UserInstallation="file://$home" --headless --convert-to "$1" "$2" >/dev/null; }
for kind in docx odt rtf; do convert $kind letter.fodt; done
convert 'html:HTML (StarWriter)' letter.fodt
for kind in xlsx ods; do convert $kind table.fods; done
for kind in pptx odp; do convert $kind slides.fodp; done
