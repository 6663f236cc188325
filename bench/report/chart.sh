# SPDX-License-Identifier: MIT
# The chart: times as ratios to the first peer, a panel for each of some cases. To be sourced
# by bench/run.sh, with $results, $report, $work and say; sets $charts.
charts=''
panels=$(awk 'BEGIN {
        split("pair-64 constant-32 align-64 batch-random scratch-64 grow-64K zeroed-4K pass-64 " \
              "churn-1 churn-2 fork-16M thread", wanted)
    }
    { seen[$1]++ }
    END { for (i = 1; i in wanted; i++) if (seen[wanted[i]] > 1) printf "%s ", wanted[i] }' \
    "$results/summary.txt")
if ! command -v gnuplot >/dev/null 2>&1; then
    say "no chart is drawn: there is no gnuplot (Debian's package: gnuplot-nox)"
elif [ -n "$panels" ]; then
    # A file a panel: POSITION RATIO DEVIATION PEER, the last peer at the bottom.
    for panel in $panels; do
        awk -v panel="$panel" '$1 == panel && $6 != "-" { print $6, $7, $2 }' \
            "$results/summary.txt" | awk '{ line[NR] = $0 }
            END { for (i = 1; i <= NR; i++) print NR - i + 1, line[i] }' >"$work/panel-$panel"
    done
    rows=$((($(echo "$panels" | wc -w) + 3) / 4))
    for kind in png svg; do
        case $kind in
        png) terminal="pngcairo size 1800,$((rows * 480)) font 'sans,9'" ;;
        svg) terminal="svg size 1800,$((rows * 480)) dynamic font 'sans,10'" ;;
        esac
        gnuplot -e "terminal = \"$terminal\"; file = '$results/chart.$kind'; rows = $rows; \
            panels = '$panels'; data = '$work/panel-'" "$report/chart.gp" ||
            { say "gnuplot failed"; continue; }
        charts="${charts:+$charts, }chart.$kind"
    done
fi
