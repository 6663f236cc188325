# SPDX-License-Identifier: MIT
# doc/design.md: the files and functions that it names are there.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
document=$srcdir/doc/design.md

grep -o '`[^`]*`' "$document" | tr -d '`' | sort -u >"$work/quoted"

grep -E '^[a-z.]+/[a-zA-Z_./-]*$|^[a-z-]+\.(ac|in|md)$' "$work/quoted" >"$work/files"
[ "$(wc -l <"$work/files")" -ge 40 ] || { echo "hardly any file name was found"; failed=1; }
while read -r file; do
    [ -e "$srcdir/$file" ] || { echo "there is no $file"; failed=1; }
done <"$work/files"

# Whatever ends in () and is ours.
$SED -n 's/^\(dal_[a-z_0-9]*\)()$/\1/p' "$work/quoted" >"$work/functions"
[ "$(wc -l <"$work/functions")" -ge 30 ] || { echo "hardly any function was found"; failed=1; }
while read -r function; do
    grep -rqw "$function" "$srcdir/include" "$srcdir/lib" "$srcdir/backends" "$srcdir/preload" ||
        { echo "there is no $function()"; failed=1; }
done <"$work/functions"
# Sources that the map leaves out.
for directory in lib lib/compat; do
    for file in "$srcdir/$directory"/*.c; do
        file=$directory/${file##*/}
        case $file in lib/compat/no-*) continue ;; esac
        grep -q "\`$file\`" "$document" || { echo "doc/design.md does not place $file"; failed=1; }
    done
done
exit $failed
