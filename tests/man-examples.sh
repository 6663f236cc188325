# SPDX-License-Identifier: MIT
# The programs in the EXAMPLES of every page compile without a warning, run, and exit with
# 0. A display that follows the comment line `.\" output` is exactly what the program above
# it prints.
set -eu
# AddressSanitizer ends a program that asks for more than there can be, if it is not told.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}allocator_may_return_null=1
export ASAN_OPTIONS
. "$srcdir/tests/lib.sh"

cat >"$work/extract.awk" <<'EOF'
/^\.Sh/ { in_examples = ($2 == "EXAMPLES") }
!in_examples { next }
/^\.\\" output/ { is_output = 1 }
/^\.Bd -literal/ { in_display = 1; text = ""; next }
/^\.Ed/ {
    if (is_output)
        printf "%s", text >(base count ".expected")
    else if (text ~ /(^|\n)int main\(/) {
        count++
        printf "%s", text >(base count ".c")
    }
    is_output = in_display = 0
}
in_display {
    gsub(/\\e/, "\\")
    gsub(/\\-/, "-")
    sub(/^\\&/, "")
    text = text $0 "\n"
}
EOF

count=0
for page in "$srcdir"/doc/man/*.[37]; do
    name=${page##*/}
    awk -v base="$work/$name-" -f "$work/extract.awk" "$page"
    for program in "$work/$name"-*.c; do
        [ -f "$program" ] || continue
        program=${program%.c}
        count=$((count + 1))
        # shellcheck disable=SC2086 # the flags are words
        if ! $CC -std=c11 -Wall -Wextra -Werror -I"$srcdir/include" -I"$builddir/include" \
            $CPPFLAGS $CFLAGS -c "$program.c" -o "$program.o" ||
            ! $LIBTOOL --quiet --tag=CC --mode=link $CC $CFLAGS $LDFLAGS -no-install \
                "$program.o" "$builddir/libdispatchalloc.la" -o "$program" >"$program.link" 2>&1; then
            cat "$program.link" 2>/dev/null || :
            fail "$name: an example does not compile"
            continue
        fi
        status=0
        # Some leak, to show who tells of it.
        (cd "$work" && ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 "$program") >"$program.actual" 2>"$program.stderr" || status=$?
        if [ $status -ne 0 ]; then
            cat "$program.actual" "$program.stderr"
            fail "$name: an example exits with $status, not 0"
        fi
        [ -f "$program.expected" ] || continue
        # The version changes with each release, the pages do not.
        for side in expected actual; do
            $SED 's/[0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*/X.Y.Z/g' "$program.$side" >"$program.$side.text"
        done
        diff "$program.expected.text" "$program.actual.text" ||
            fail "$name: an example prints (>) what its page does not show (<)"
    done
done
# ---- dispatchalloc(7): commands, each with the lines that it prints ----------------------

cat >"$work/program.c" <<'EOF'
#include <dispatchalloc.h>

int main(void)
{
    dal_dealloc(dal_alloc(8, 8), 8, 8);
    return 0;
}
EOF
# shellcheck disable=SC2086 # the flags are words
$CC -I"$srcdir/include" -I"$builddir/include" $CPPFLAGS $CFLAGS -c "$work/program.c" \
    -o "$work/program.o"
# shellcheck disable=SC2086
$LIBTOOL --quiet --tag=CC --mode=link $CC $CFLAGS $LDFLAGS -no-install "$work/program.o" \
    "$builddir/libdispatchalloc.la" -o "$work/program"
# What the shell says of a program that aborts is not the program's.
$SED -n 's/\\(dq/"/g; /^\.Sh EXAMPLES/,/^\.Sh DIAG/s/^\.Dl //p' "$srcdir/doc/man/dispatchalloc.7" \
    >"$work/shown"
at_least 4 "$(grep -c '^\$ ' "$work/shown")" "commands in dispatchalloc.7"
cd "$work"
$SED -n 's/^\$ //p' shown | while read -r command; do
    echo "\$ $command"
    sh -c "ulimit -c 0; exec env $command" 2>&1 | cat
done >printed
$SED 's/[0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*/X.Y.Z/g' shown >shown.text
$SED 's/[0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*/X.Y.Z/g' printed >printed.text
diff shown.text printed.text ||
    fail "dispatchalloc.7: the commands of EXAMPLES print (>) what the page does not show (<)"

echo "$count examples"
[ $count -gt 0 ] || fail "no example was found"
finish
