# SPDX-License-Identifier: MIT
# `make bench`: every peer that is here runs every work and agrees on the sums, the reports are
# whole, and the statistics are what they say. Nothing is measured.
set -eu
. "$srcdir/tests/lib.sh"
not_sanitized "the peers are not"
[ -n "$shared" ] || skip "no shared library was built"

# ---- Statistics: known numbers -----------------------------------------------------------------
printf '%s\n' 'direct any - p' 'way any direct p' >"$work/peers"
printf '%s\n' 'ns 1 c direct 10 7' 'ns 1 c way 20 7' 'ns 2 c direct 20 7' 'ns 2 c way 30 7' \
    'ns 3 c direct 12 7' 'ns 3 c way 36 7' 'ir c direct 100' 'ir c way 109.5' >"$work/raw"
awk -f "$srcdir/bench/report/summary.awk" "$work/peers" "$work/raw" >"$work/summary"
# Ratios 2, 1.5 and 3: the median is of them, not that of the times.
expect "the summary" "c direct 3 12.000 2.000 1.0000 0.0000 100 0.0 - - - -
c way 3 30.000 6.000 2.0000 0.5000 109.5 9.5 direct 2.0000 0.5000 9.5" "$(cat "$work/summary")"
echo 'ns 4 c way 30 8' >>"$work/raw"
! awk -f "$srcdir/bench/report/summary.awk" "$work/peers" "$work/raw" >"$work/said" 2>&1 ||
    fail "peers that disagree are let pass"
grep -q 'way computed 8 in c, others 7' "$work/said" || fail "$(cat "$work/said")"

printf 'desc: Trigger: Client Request: w:8:1 1\nsummary: 110\ntotals: 115\n' >"$work/dump.1"
printf 'desc: Trigger: Client Request: w:8:1 3\nsummary: 310\ntotals: 310\n' >"$work/dump.2"
expect "instructions" "w:8:1 100.0" \
    "$(awk -f "$srcdir/bench/report/dumps.awk" "$work/dump.1" "$work/dump.2")"

# ---- Every peer, every work, hardly any operations -------------------------------------------------
if ! BENCH_QUICK=yes BENCH_ROUNDS=1 BENCH_RESULTS="$work/results" BENCH="" BENCH_PEERS="" \
        sh "$srcdir/bench/run.sh" >"$work/said" 2>&1; then
    cat "$work/said"
    fail "make bench fails"
    finish
fi
for peer in $(cut -d ' ' -f 1 "$builddir/bench/programs/peers"); do
    cut -d ' ' -f 2 "$work/results/summary.txt" | grep -qx "$peer" || fail "$peer was not run"
    grep -q "^$peer  *[0-9]" "$work/results/table.txt" || fail "$peer is not in the table"
done
for work_name in $(awk '!/^#/ && NF { print $4 }' "$srcdir/bench/cases" | sort -u); do
    name=$(awk -v work="$work_name" '!/^#/ && $4 == work { print $1; exit }' "$srcdir/bench/cases")
    grep -q "^$name " "$work/results/summary.txt" || fail "the work $work_name was not done"
done
[ "$(grep -c . "$work/results/summary.txt")" -ge 30 ] || fail "hardly anything was run"
if python3 -c '' 2>/dev/null; then
    python3 -m json.tool "$work/results/results.json" >/dev/null || fail "results.json is not JSON"
elif command -v jq >/dev/null 2>&1; then
    jq . "$work/results/results.json" >/dev/null || fail "results.json is not JSON"
fi
expect "results in JSON" "$(grep -c . "$work/results/summary.txt")" \
    "$(grep -c '"case":' "$work/results/results.json")"
if command -v gnuplot >/dev/null 2>&1; then
    for chart in png svg; do
        [ -s "$work/results/chart.$chart" ] || fail "there is no chart.$chart"
    done
fi
finish
