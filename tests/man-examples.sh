# SPDX-License-Identifier: MIT
# The programs in the EXAMPLES of every page compile without a warning, run, and exit with
# 0. A display that follows the comment line `.\" output` is exactly what the program above
# it prints.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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

failed=0
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
            echo "$name: an example does not compile"
            failed=1
            continue
        fi
        status=0
        (cd "$work" && "$program") >"$program.actual" 2>"$program.stderr" || status=$?
        if [ $status -ne 0 ]; then
            cat "$program.actual" "$program.stderr"
            echo "$name: an example exits with $status"
            failed=1
        fi
        [ -f "$program.expected" ] || continue
        # The version changes with each release, the pages do not.
        for side in expected actual; do
            $SED 's/[0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*/X.Y.Z/g' "$program.$side" >"$program.$side.text"
        done
        diff "$program.expected.text" "$program.actual.text" || {
            echo "$name: an example prints (>) what its page does not show (<)"
            failed=1
        }
    done
done
echo "$count examples"
[ $count -gt 0 ] || failed=1
exit $failed
