# SPDX-License-Identifier: MIT
# doc/symptoms.md: every command there, and what it prints. SYMPTOMS=show prints it, for the page to be
# mended.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
is_glibc || skip "the reports have names of the GNU C library's functions"
[ -n "$CXX" ] || skip "there is no C++ compiler"
cd "$work"
for source in "$srcdir"/tests/symptoms/*.c; do
    $CC -O0 -g -fno-builtin -w "$source" -o "$(basename "$source" .c)"
done
$CXX -O0 -g -fno-builtin -fsized-deallocation -w "$srcdir/tests/symptoms/sized.cpp" -o sized

# What differs from run to run, and frames of the C library.
normalise() {
    $SED -e "s|$work/|/home/me/|g" -e 's|/[^ (]*/libdispatchalloc-preload|/usr/local/lib/libdispatchalloc-preload|' \
        -e '/libc\.so/d' -e '/ in _start /d' -e 's/0x[0-9a-f]\{6,\}/0x55d4c2a3/g' -e 's/+0x[0-9a-f]*)/+0x11a3)/' \
        -e 's/[[][0-9]*[]]:/[4711]:/' -e 's/BuildId: [0-9a-f]*/BuildId: 5f0c/' -e 's/#[0-9]* 0x/#N 0x/' -e 's/#[0-9]* in/#N in/'
}
expected=none
check() {
    [ -n "${command-}" ] || return 0
    # shellcheck disable=SC2086 # words
    said=$("$tool" ${command#dispatchalloc } 2>&1 </dev/null | normalise) || :
    if [ "${SYMPTOMS-}" = show ]; then
        printf '$ %s\n%s\n' "$command" "$said"
    else
        expect "$command" "$(printf '%s\n' "$expected" | normalise)" "$said"
    fi
    command=
}
count=0 inside=
while IFS= read -r line; do
    case $inside$line in
    '```console') inside=yes ;;
    'yes```') inside=''; check ;;
    'yes$ '*) command=${line#'$ '} expected='' count=$((count + 1)) ;;
    yes*) expected=$expected${expected:+
}$line ;;
    esac
done <"$srcdir/doc/symptoms.md"
expect "commands in doc/symptoms.md" 8 "$count"
finish
