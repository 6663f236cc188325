# SPDX-License-Identifier: MIT
# Runs of ten or more equal lines that stand in two places, a line each:
#
#   LINES FILE:FIRST-LINE FILE:FIRST-LINE
#
# Equal but for white space at their ends. Lines that say nothing do not count, and do not part
# a run either: empty ones, braces alone, includes, comments.

FNR == 1 {
    in_comment = 0
    hashes = FILENAME !~ /\.(c|h|cc|cpp|rs)$/
    count++ # no run goes on into the next file
}

{
    line = $0
    gsub(/^[ \t]+|[ \t\r]+$/, "", line)
}

in_comment {
    in_comment = line !~ /\*\//
    next
}

hashes && line ~ /^#/ { next }
!hashes && line ~ /^#[ \t]*include/ { next }
!hashes && line ~ /^\/\// { next }
!hashes && line ~ /^\/\*/ {
    in_comment = line !~ /\*\//
    if (in_comment || line ~ /\*\/$/)
        next
}
line ~ /^[][(){};,]*$/ { next }

{
    count++
    if (!(line in number))
        number[line] = ++numbers
    is[count] = number[line]
    place[count] = FILENAME ":" FNR
}

# The run that ends before the line at.
function report(at)
{
    if (run_lines > 0)
        print run_lines, place[at - run_lines - run_distance], place[at - run_lines]
    run_lines = 0
}

END {
    for (at = 1; at <= count + 1; at++) {
        key = ""
        for (i = 0; i < 10 && (at + i in is); i++)
            key = key " " is[at + i]
        earlier = 0
        if (i == 10) {
            if (!(key in first))
                first[key] = at
            else if (at - first[key] >= 10)
                earlier = first[key]
        }
        # A run of n lines has n - 9 windows of ten.
        if (windows > 0 && (!earlier || at - earlier != run_distance)) {
            run_lines = windows + 9
            report(at + 9)
            windows = 0
        }
        if (earlier) {
            run_distance = at - earlier
            windows++
        }
    }
}
