# SPDX-License-Identifier: MIT
# From the dumps of `PROGRAM count ...` under callgrind (bench/harness/main.c), given as files:
# a line "WORK:SIZE:EXTRA INSTRUCTIONS", of as many operations as COUNT was. (The line "totals:"
# of a dump is a sum over its functions, which is not always exact; "summary:" is.)

FNR == 1 { label = "" }
sub(/^desc: Trigger: Client Request: /, "") { label = $1; times = $2 }
/^summary: / && label != "" { total[label, times] = $2; seen[label] }

END {
    for (label in seen)
        if ((label, 1) in total && (label, 3) in total)
            printf "%s %.1f\n", label, (total[label, 3] - total[label, 1]) / 2
}
