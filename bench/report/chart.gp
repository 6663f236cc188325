# SPDX-License-Identifier: MIT
# Panels of horizontal bars, four in a row. Given: terminal, file, rows, panels (names), data
# (where "data" . name is a file of: position, ratio, deviation, peer).
set terminal @terminal
set output file
set multiplot layout rows, 4 title "time, as a ratio to direct; bars end at the median, lines show its spread; long bars are cut off"
unset key
set style fill solid 0.6 noborder
set grid xtics
set ytics nomirror
set xtics nomirror
set lmargin 20
# This library in its own colour.
ours(peer) = strstrt(peer, "front-") == 1 || strstrt(peer, "instance") == 1 || strstrt(peer, "arena") == 1 || strstrt(peer, "fix-") == 1
color(peer) = ours(peer) ? 0xd95f02 : 0x6b8fb5
do for [panel in panels] {
    name = data . panel
    set xrange [*:*] # or stats would leave out what the last panel did not show
    set yrange [*:*]
    stats name using 2 nooutput
    peers = STATS_records
    # What is far slower than the rest is cut off, so that the rest can be told apart.
    right = STATS_median * 3 > 4 ? STATS_median * 3 : 4
    right = right > STATS_max * 1.1 ? STATS_max * 1.1 : right
    set title panel
    set xrange [0:right]
    set yrange [0.3:peers + 0.7]
    set arrow 1 from 1, graph 0 to 1, graph 1 nohead linecolor rgb "#404040" front
    plot name using (0):1:(0):2:($1 - 0.35):($1 + 0.35):(color(strcol(4))):yticlabels(4) \
             with boxxyerror linecolor rgb variable, \
         name using 2:1:3 with xerrorbars linecolor rgb "#202020" pointtype 0
}
unset multiplot
