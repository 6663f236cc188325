# SPDX-License-Identifier: MIT
# doc/performance.md with its tables made anew. Reads a summary (summary.awk) and the page, in
# which a table stands between two comments,
#
#     <!-- bench: KIND CASE... -->
#     <!-- end -->
#
# KIND is times (median, and the ratio to the first peer), counts (instructions, and how many
# they are over it), own (instructions over the same allocator called directly, and the ratio of
# times), or values (medians alone). A table whose cases were not all measured stays as it is.

function short(number) {
    if (number >= 1e6) return sprintf("%.2fM", number / 1e6)
    if (number >= 1e4) return sprintf("%.1fk", number / 1e3)
    if (number >= 100) return sprintf("%.0f", number)
    return sprintf(number >= 10 ? "%.1f" : "%.2f", number)
}

function cell(kind, key) {
    if (kind == "times" && key in median) return short(median[key]) " (" ratio[key] ")"
    if (kind == "values" && key in median) return short(median[key])
    if (kind == "counts" && key in count) return sprintf("%.0f (%+.0f)", count[key], over[key])
    if (kind == "own" && key in own) return sprintf("%+.0f (%s)", over_own[key], own[key])
    return ""
}

function table(words, count_of_words,    i, j, line, any, text) {
    line = "| |"
    for (i = 4; i < count_of_words; i++)
        line = line " " words[i] " |"
    print line
    gsub(/[^|]+/, " --- ", line)
    print line
    for (j = 1; j <= peers; j++) {
        line = "| " peer_name[j] " |"
        any = 0
        for (i = 4; i < count_of_words; i++) {
            text = cell(words[3], words[i] SUBSEP peer_name[j])
            any = any || text != ""
            line = line " " text " |"
        }
        gsub(/  +/, " ", line)
        if (any)
            print line
    }
}

FILENAME == ARGV[1] {
    if (!($2 in peer_seen)) { peer_seen[$2]; peer_name[++peers] = $2 }
    case_seen[$1]
    median[$1, $2] = $4
    ratio[$1, $2] = $6 == "-" ? "-" : sprintf("%.2f", $6)
    if ($8 != "-") { count[$1, $2] = $8; over[$1, $2] = $9 }
    if ($13 != "-") { own[$1, $2] = sprintf("%.2f", $11); over_own[$1, $2] = $13 }
    next
}

/^<!-- bench: / {
    print
    total = split($0, words)
    known = 1
    for (i = 4; i < total; i++)
        known = known && words[i] in case_seen
    if (known) {
        print ""
        table(words, total)
        print ""
    }
    skip = known
    next
}
/^<!-- end -->/ { skip = 0 }
!skip
