# SPDX-License-Identifier: MIT
# Each mechanism once: no run of ten lines stands in two places of the sources, but for what
# tests/duplicates.known has with its reason (tests/duplicates.awk says what counts as a line).
set -eu
. "$srcdir/tests/lib.sh"

# duplicates FILE...
duplicates() { awk -f "$srcdir/tests/duplicates.awk" "$@"; }

# ---- The finder finds -----------------------------------------------------------------------
cd "$work"
# lines COUNT SUFFIX
lines() { awk -v count="$1" -v what="$2" 'BEGIN { while (i++ < count) print "step(" i ", " what ");" }'; }
{ echo 'before();'; lines 10 ten; echo 'between();'; lines 9 nine; } >one.c
{
    echo '/* Of another length. */'
    lines 9 nine
    echo 'other();'
    lines 5 ten
    # What says nothing hides no run, nor does white space.
    printf '/* A comment\nof two lines. */\n\n{\n'
    lines 10 ten | sed '1,5d; s/^/    /'
} >two.c
expect "runs in two files" "10 one.c:2 two.c:12" "$(duplicates one.c two.c)"
lines 10 ten >three.c
expect "a run that ends a file" "10 one.c:2 three.c:1" "$(duplicates one.c three.c)"
{ lines 13 a; lines 13 a; } >four.c
expect "runs in one file" "13 four.c:1 four.c:14" "$(duplicates four.c)"
{ lines 5 ten | sed 's/^/# /'; lines 9 ten; } >five.sh
{ lines 5 ten; lines 9 ten; } >six.c
expect "what is a comment in a shell script" "" "$(duplicates five.sh one.c)"
lines 5 ten >seven.c
lines 10 ten | sed 1,5d >eight.c
expect "a run does not go from file to file" "" "$(duplicates seven.c eight.c one.c)"
for file in one.c five.sh; do
    expect "a file with itself" "" "$(duplicates $file)"
done

# ---- The sources -----------------------------------------------------------------------------
cd "$srcdir"
# A build in the source directory leaves another project's sources below jemalloc's.
find lib arenas backends layers preload tools include conformance tests bench examples -type f \
    ! -path 'backends/*/private/*' \
    \( -name '*.[ch]' -o -name '*.cc' -o -name '*.cpp' -o -name '*.rs' -o -name '*.py' \
    -o -name '*.sh' -o -name '*.awk' -o -name '*.mk' \) | LC_ALL=C sort >"$work/files"
echo "$(wc -l <"$work/files") files"
[ "$(wc -l <"$work/files")" -ge 200 ] || fail "only $(wc -l <"$work/files") files were found, not 200"
# shellcheck disable=SC2046 # names without blanks
duplicates $(cat "$work/files") >"$work/found"

# What is known is so many lines of two files, and no more.
awk '
    FILENAME == ARGV[1] {
        if (/^#/ || !NF) next
        if (NF < 4) print "tests/duplicates.known:" FNR ": no reason: " $0
        known[$2 " " $3] = $1
        next
    }
    {
        one = $2; sub(/:.*/, "", one)
        two = $3; sub(/:.*/, "", two)
        pair = one " " two
        lines[pair] += $1
        runs[pair] = runs[pair] "\n    " $1 " equal lines: " $2 " " $3
    }
    END {
        for (pair in lines)
            if (lines[pair] > known[pair] + 0)
                print "expected: no run of 10 lines twice (known: " known[pair] + 0 " lines)" runs[pair]
        for (pair in known)
            if (lines[pair] < known[pair])
                print "tests/duplicates.known: " pair ": " known[pair] " lines are known, " lines[pair] + 0 " are there"
    }' "$srcdir/tests/duplicates.known" "$work/found" >"$work/wrong"
[ ! -s "$work/wrong" ] || fail "$(cat "$work/wrong")"
finish
