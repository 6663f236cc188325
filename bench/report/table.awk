# SPDX-License-Identifier: MIT
# The tables. Reads bench/cases and then a summary (summary.awk); a table a group of cases, a
# line a peer, and after it one of the instructions.

# 3 digits that count; the spread in the same unit.
function short(number) {
    if (number >= 1e6) return sprintf("%.2fM", number / 1e6)
    if (number >= 1e4) return sprintf("%.1fk", number / 1e3)
    if (number >= 100) return sprintf("%.0f", number)
    return sprintf(number >= 10 ? "%.1f" : "%.2f", number)
}

function cell(key) {
    if (!(key in median))
        return sprintf("%21s", "-")
    return sprintf("%8s +-%-5s %5.2f", short(median[key]), short(spread[key]), ratio[key])
}

function times(group,    first, i, j, line) {
    printf "\n%s: %s; median, its spread, ratio to %s\n\n", group, unit[group], direct[group]
    line = sprintf("%-20s", "")
    for (i = 1; i <= cases; i++)
        if (group_of[case_name[i]] == group)
            line = line sprintf(" %-21s", substr("               ", 1, 8 - length(case_name[i])) \
                                case_name[i])
    print line
    for (j = 1; j <= peers; j++) {
        if (!((group, peer_name[j]) in shown))
            continue
        line = sprintf("%-20s", peer_name[j])
        for (i = 1; i <= cases; i++)
            if (group_of[case_name[i]] == group)
                line = line " " cell(case_name[i] SUBSEP peer_name[j])
        sub(/ +$/, "", line)
        print line
    }
}

function counts(group,    i, j, line, key) {
    if (!(group in counted))
        return
    printf "\n%s: instructions, and how many they are over %s\n\n", group, direct[group]
    line = sprintf("%-20s", "")
    for (i = 1; i <= cases; i++)
        if (group_of[case_name[i]] == group && case_name[i] in counted)
            line = line sprintf(" %21s", case_name[i])
    print line
    for (j = 1; j <= peers; j++) {
        if (!((group, peer_name[j]) in shown_count))
            continue
        line = sprintf("%-20s", peer_name[j])
        for (i = 1; i <= cases; i++) {
            if (group_of[case_name[i]] != group || !(case_name[i] in counted))
                continue
            key = case_name[i] SUBSEP peer_name[j]
            line = line (key in count ? sprintf(" %11.1f %+9.1f", count[key], over[key]) \
                                      : sprintf(" %21s", "-"))
        }
        print line
    }
}

# What a way to an allocator costs, where another peer calls that allocator directly.
function ways(group,    i, j, line, key, any) {
    for (j = 1; j <= peers; j++)
        any = any || (group, peer_name[j]) in shown_own
    if (!any)
        return
    printf "\n%s: over the same allocator called directly: instructions, ratio of times\n\n", group
    line = sprintf("%-37s", "")
    for (i = 1; i <= cases; i++)
        if (group_of[case_name[i]] == group)
            line = line sprintf(" %14s", case_name[i])
    print line
    for (j = 1; j <= peers; j++) {
        if (!((group, peer_name[j]) in shown_own))
            continue
        line = sprintf("%-19s %-17s", peer_name[j], "over " own[peer_name[j]])
        for (i = 1; i <= cases; i++) {
            key = case_name[i] SUBSEP peer_name[j]
            if (group_of[case_name[i]] == group)
                line = line sprintf(" %8s %5s", key in over_own ? over_own[key] : "-", \
                                    key in own_ratio ? own_ratio[key] : "-")
        }
        print line
    }
}

FILENAME == ARGV[1] {
    if ($0 ~ /^#/ || NF < 8) next
    group_of[$1] = $2
    # A group has one unit but for single cases, which follow.
    if (!($2 in unit)) { unit[$2] = $4 ~ /memory/ ? "bytes" : "ns"; whole[$2] = unit[$2] }
    else if ($4 ~ /memory/ && whole[$2] == "ns") unit[$2] = unit[$2] ", but bytes in " $1
    next
}

{
    group = group_of[$1]
    if (!($1 in case_seen)) { case_seen[$1]; case_name[++cases] = $1 }
    if (!($2 in peer_seen)) { peer_seen[$2]; peer_name[++peers] = $2 }
    if (!(group in group_seen)) { group_seen[group]; group_name[++groups] = group; direct[group] = $2 }
    median[$1, $2] = $4
    spread[$1, $2] = $5
    ratio[$1, $2] = $6
    shown[group, $2]
    if ($11 != "-") {
        own[$2] = $10
        own_ratio[$1, $2] = sprintf("%.2f", $11)
        shown_own[group, $2]
    }
    if ($13 != "-")
        over_own[$1, $2] = sprintf("%+.1f", $13)
    if ($8 != "-") {
        count[$1, $2] = $8
        over[$1, $2] = $9
        counted[$1]
        counted[group]
        shown_count[group, $2]
    }
}

END {
    for (g = 1; g <= groups; g++) {
        times(group_name[g])
        counts(group_name[g])
        ways(group_name[g])
    }
}
