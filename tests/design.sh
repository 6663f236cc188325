# SPDX-License-Identifier: MIT
# doc/design.md and doc/abi.md: the files, functions and structures that they name are there.
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
    grep -rqw "$function" "$srcdir/include" "$srcdir/lib" "$srcdir/arenas" "$srcdir/backends" "$srcdir/preload" ||
        { echo "there is no $function()"; failed=1; }
done <"$work/functions"
# Sources that the map leaves out.
for directory in lib arenas; do
    for file in "$srcdir/$directory"/*/*.c; do
        file=$directory/${file#"$srcdir/$directory/"}
        case $file in lib/os/no-* | */windows.c) continue ;; esac
        grep -q "\`$file\`" "$document" || { echo "doc/design.md does not place $file"; failed=1; }
    done
done

# doc/abi.md: what it names is public, and in a header or the macro file that is installed.
grep -o '`[^`]*`' "$srcdir/doc/abi.md" | tr -d '`' | sort -u >"$work/quoted"
{
    $SED -n 's/^\(dal_[a-z_0-9]*\)()$/\1/p; s/^\(const \)*struct \(dal_[a-z_0-9]*\)\( \*\)*$/\2/p
        s/^enum \(dal_[a-z_0-9]*\)$/\1/p; s/^\(DAL_[A-Z][A-Z_0-9]*\)\(()\)*$/\1/p' "$work/quoted"
} | sort -u >"$work/names"
[ "$(wc -l <"$work/names")" -ge 50 ] || { echo "hardly any name was found in doc/abi.md"; failed=1; }
cat "$srcdir"/include/dispatchalloc/*.h "$srcdir"/include/dispatchalloc/*.h.in "$srcdir"/include/dispatchalloc/allocator/*.h \
    "$srcdir/m4/dispatchalloc.m4" >"$work/headers"
while read -r name; do
    # The list of error numbers has them without their prefix.
    grep -qw -e "$name" -e "X(${name#DAL_ERR_}" "$work/headers" ||
        { echo "doc/abi.md: there is no $name in the headers"; failed=1; }
done <"$work/names"
grep -E '^[a-z]+/[a-zA-Z_./-]*$' "$work/quoted" | while read -r file; do
    [ -e "$srcdir/$file" ] || echo "doc/abi.md: there is no $file"
done >"$work/absent"
[ ! -s "$work/absent" ] || { cat "$work/absent"; failed=1; }
# Each public structure has a row.
$SED -n 's/^struct \(dal_[a-z_0-9]*[a-z0-9]\)  *{.*/\1/p' "$work/headers" |
    grep -v -e '_slot$' | sort -u >"$work/structures"
[ "$(wc -l <"$work/structures")" -ge 15 ] || { echo "hardly any structure was found"; failed=1; }
while read -r structure; do
    grep -q "^| \`struct $structure\` |" "$srcdir/doc/abi.md" ||
        { echo "doc/abi.md: struct $structure is in no table"; failed=1; }
done <"$work/structures"
exit $failed
