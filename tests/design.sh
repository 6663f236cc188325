# SPDX-License-Identifier: MIT
# doc/design.md and doc/abi.md: the files, functions and structures that they name are there.
set -eu
. "$srcdir/tests/lib.sh"
document=$srcdir/doc/design.md

grep -o '`[^`]*`' "$document" | tr -d '`' | sort -u >"$work/quoted"

grep -E '^[a-z.]+/[a-zA-Z_./-]*$|^[a-z-]+\.(ac|in|md)$' "$work/quoted" >"$work/files"
at_least 40 "$(wc -l <"$work/files")" "file names"
while read -r file; do
    [ -e "$srcdir/$file" ] || fail "doc/design.md: there is no $file"
done <"$work/files"

# Whatever ends in () and is ours.
$SED -n 's/^\(dal_[a-z_0-9]*\)()$/\1/p' "$work/quoted" >"$work/functions"
at_least 30 "$(wc -l <"$work/functions")" "functions"
(cd "$srcdir" && grep -rohw 'dal_[A-Za-z_0-9]*' include lib arenas backends layers preload) | sort -u >"$work/there"
comm -23 "$work/functions" "$work/there" >"$work/absent"
while read -r function; do
    fail "doc/design.md: there is no $function()"
done <"$work/absent"
# Sources that the map leaves out.
for directory in lib arenas; do
    for file in "$srcdir/$directory"/*/*.c; do
        file=$directory/${file#"$srcdir/$directory/"}
        case $file in lib/os/no-* | */windows.c) continue ;; esac
        grep -q "\`$file\`" "$document" || fail "doc/design.md does not place $file"
    done
done

# doc/abi.md: what it names is public, and in a header or the macro file that is installed.
grep -o '`[^`]*`' "$srcdir/doc/abi.md" | tr -d '`' | sort -u >"$work/quoted"
{
    $SED -n 's/^\(dal_[a-z_0-9]*\)()$/\1/p; s/^\(const \)*struct \(dal_[a-z_0-9]*\)\( \*\)*$/\2/p
        s/^enum \(dal_[a-z_0-9]*\)$/\1/p; s/^\(DAL_[A-Z][A-Z_0-9]*\)\(()\)*$/\1/p' "$work/quoted"
} | sort -u >"$work/names"
at_least 50 "$(wc -l <"$work/names")" "names in doc/abi.md"
cat "$srcdir"/include/dispatchalloc/*.h "$srcdir"/include/dispatchalloc/*.h.in "$srcdir"/include/dispatchalloc/allocator/*.h \
    "$srcdir/m4/dispatchalloc.m4" >"$work/headers"
while read -r name; do
    # The list of error numbers has them without their prefix.
    grep -qw -e "$name" -e "X(${name#DAL_ERR_}" "$work/headers" ||
        fail "doc/abi.md: there is no $name in the headers"
done <"$work/names"
grep -E '^[a-z]+/[a-zA-Z_./-]*$' "$work/quoted" | while read -r file; do
    [ -e "$srcdir/$file" ] || fail "doc/abi.md: there is no $file"
done
# Each public structure has a row.
$SED -n 's/^struct \(dal_[a-z_0-9]*[a-z0-9]\)  *{.*/\1/p' "$work/headers" |
    grep -v -e '_slot$' | sort -u >"$work/structures"
at_least 15 "$(wc -l <"$work/structures")" "structures"
while read -r structure; do
    grep -q "^| \`struct $structure\` |" "$srcdir/doc/abi.md" ||
        fail "doc/abi.md: struct $structure is in no table"
done <"$work/structures"
finish
