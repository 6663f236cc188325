# SPDX-License-Identifier: MIT
# From single measurements to one line a case and peer. Reads the list of peers that
# bench/build.sh leaves, and then lines
#
#     ns ROUND CASE PEER VALUE SUM
#     ir CASE PEER INSTRUCTIONS
#
# and writes, in the order of the first round, and "-" for what there is not:
#
#     CASE PEER ROUNDS MEDIAN MAD RATIO RATIO-MAD INSTRUCTIONS OVER-DIRECT
#         OWN OWN-RATIO OWN-RATIO-MAD OVER-OWN
#
# MAD is the median of the absolute deviations from the median. A ratio is taken round by
# round, between measurements that were made next to each other: to the first peer of the case,
# which is what is called direct, and to the peer that calls the same allocator directly.
# Peers that disagree on a sum end it with an error.

function median(values, count,    i, j, value) {
    for (i = 2; i <= count; i++) {
        value = values[i]
        for (j = i - 1; j >= 1 && values[j] > value; j--)
            values[j + 1] = values[j]
        values[j + 1] = value
    }
    return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
}

function deviation(values, count, middle,    i) {
    for (i = 1; i <= count; i++)
        values[i] = values[i] > middle ? values[i] - middle : middle - values[i]
    return median(values, count)
}

FILENAME == ARGV[1] { own[$1] = $3; next }

$1 == "ns" {
    key = $3 SUBSEP $4
    if (!($3 in case_seen)) {
        case_seen[$3] = ++cases
        case_name[cases] = $3
    }
    if (!($4 in peer_seen)) {
        peer_seen[$4] = ++peers
        peer_name[peers] = $4
    }
    rounds[key]++
    value[key, $2] = $5
    round_seen[$2]
    if (!(($3, "sum") in sum))
        sum[$3, "sum"] = $6
    else if (sum[$3, "sum"] != $6) {
        print "bench: " $4 " computed " $6 " in " $3 ", others " sum[$3, "sum"] >"/dev/stderr"
        wrong = 1
    }
}

$1 == "ir" { instructions[$2, $3] = $4 }

# "RATIO MAD" of a peer to another, round by round.
function ratio(name, peer, other,    round, ratios, count, middle) {
    for (round in round_seen)
        if ((name, peer, round) in value && (name, other, round) in value &&
            value[name, other, round] > 0)
            ratios[++count] = value[name, peer, round] / value[name, other, round]
    if (!count)
        return "- -"
    middle = median(ratios, count)
    return sprintf("%.4f %.4f", middle, deviation(ratios, count, middle))
}

function over(name, peer, other) {
    if (!((name, peer) in instructions) || !((name, other) in instructions))
        return "-"
    return sprintf("%.1f", instructions[name, peer] - instructions[name, other])
}

function one(name, peer, direct,    round, all, count, middle, spread) {
    for (round in round_seen)
        if ((name, peer, round) in value)
            all[++count] = value[name, peer, round]
    middle = median(all, count)
    spread = deviation(all, count, middle)
    return sprintf("%s %s %d %.3f %.3f %s %s %s %s %s %s", name, peer, count, middle, spread,
                   ratio(name, peer, direct),
                   (name, peer) in instructions ? instructions[name, peer] : "-",
                   over(name, peer, direct), own[peer], ratio(name, peer, own[peer]),
                   over(name, peer, own[peer]))
}

END {
    for (i = 1; i <= cases; i++) {
        direct = ""
        for (j = 1; j <= peers; j++) {
            if (!((case_name[i], peer_name[j]) in rounds))
                continue
            if (direct == "")
                direct = peer_name[j]
            print one(case_name[i], peer_name[j], direct)
        }
    }
    exit wrong
}
