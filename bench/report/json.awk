# SPDX-License-Identifier: MIT
# The results as JSON. Reads bench/cases, the list of absent peers and a summary
# (summary.awk). Variables: version, machine, compiler, libc, rounds. null stands for what was
# not measured.

function quoted(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    gsub(/[\001-\037]/, " ", text)
    return "\"" text "\""
}

function number(text) {
    return text == "-" || text == "" ? "null" : text + 0
}

FNR == 1 { file++ }

file == 1 {
    if ($0 !~ /^#/ && NF >= 8) {
        group[$1] = $2
        unit[$1] = $4 ~ /memory/ ? "bytes" : "ns"
    }
    next
}

FILENAME == ARGV[2] {
    absent = absent sprintf("%s\n    {\"peer\": %s, \"package\": %s}", absent == "" ? "" : ",",
                            quoted($1), quoted($2))
    next
}

{
    results = results sprintf("%s\n    {\"case\": %s, \"group\": %s, \"peer\": %s, \"unit\": %s, " \
                              "\"rounds\": %s, \"median\": %s, \"mad\": %s, \"ratio\": %s, " \
                              "\"ratio_mad\": %s, \"instructions\": %s, \"over_direct\": %s, " \
                              "\"own\": %s, \"own_ratio\": %s, \"own_ratio_mad\": %s, " \
                              "\"over_own\": %s}",
                              results == "" ? "" : ",", quoted($1), quoted(group[$1]), quoted($2),
                              quoted(unit[$1]), number($3), number($4), number($5), number($6),
                              number($7), number($8), number($9),
                              $10 == "-" ? "null" : quoted($10), number($11), number($12),
                              number($13))
}

END {
    printf "{\n  \"format\": 1,\n  \"version\": %s,\n", quoted(version)
    printf "  \"machine\": %s,\n  \"compiler\": %s,\n", quoted(machine), quoted(compiler)
    printf "  \"libc\": %s,\n  \"rounds\": %s,\n", quoted(libc), number(rounds)
    printf "  \"absent\": [%s\n  ],\n  \"results\": [%s\n  ]\n}\n", absent, results
}
