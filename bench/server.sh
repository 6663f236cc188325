# SPDX-License-Identifier: MIT
# What a layer costs a server: the CPU time of redis-server under the interposer with a layer over a
# backend, as a ratio to the same backend without it. A round starts three servers in an order of its
# own: with the layer, and twice without, whose ratio is the control. Median of the rounds' ratios and
# its 95 % interval, which goes by ranks. Rounds go on until the interval is at most 0.005 to either side,
# or there were SERVER_ROUNDS (200). SERVER_LAYERS: one or more, without the "+" (guard:every=1000).
# SERVER_BACKEND: system by default. Fails where the interval does not lie below SERVER_LIMIT (1.01).
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
not_sanitized "what is measured is not what is installed"
for program in redis-server redis-cli redis-benchmark taskset; do
    command -v $program >/dev/null 2>&1 || skip "$program is not installed"
done
cd "$work"
unset DISPATCHALLOC_MALLOC LD_PRELOAD
rounds=${SERVER_ROUNDS:-200} limit=${SERVER_LIMIT:-1.01} backend=${SERVER_BACKEND:-system}

# serve SPEC: prints the seconds of CPU time that the server says it has used for the load. Server and
# client have a processor each. --hz 1: little is done by the clock.
serve() {
    taskset -c 0 "$tool" run -b "$1" -- "$(command -v redis-server)" --port 0 --unixsocket "$work/socket" \
        --save '' --appendonly no --hz 1 --dynamic-hz no >server.log 2>&1 &
    tries=0
    until redis-cli -s socket ping >/dev/null 2>&1; do
        sleep 0.02
        tries=$((tries + 1))
        [ $tries -lt 500 ] || { kill $!; fail "no server under $1: $(cat server.log)"; finish; }
    done
    before=$(used)
    taskset -c 1 redis-benchmark -s socket -n 60000 -c 10 -P 16 -d 200 -r 5000 -q -t set,lpush,hset,sadd,lpop \
        >/dev/null 2>&1
    used | awk -v before="$before" '{ print $1 - before }'
    redis-cli -s socket shutdown nosave >/dev/null 2>&1 || :
    wait
}
used() {
    redis-cli -s socket info cpu | tr -d '\r' | awk -F: '/^used_cpu_(sys|user):/ { sum += $2 } END { print sum }'
}

# interval FILE: the median of its numbers, the ends of its 95 % interval, and half of its width.
interval() {
    sort -n "$1" | awk '{ value[NR] = $1 } END {
        low = int(NR / 2 - 0.98 * sqrt(NR)); if (low < 1) low = 1
        high = NR + 1 - low
        middle = NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2
        printf "%.4f %.4f %.4f %.4f\n", middle, value[low], value[high], (value[high] - value[low]) / 2
    }'
}

printf '%-36s %7s   %-20s %7s   %-20s %s\n' "CPU time of redis-server, ratio" median '95 %' control '95 %' rounds
for layer in ${SERVER_LAYERS:-guard:every=1000}; do
    : >ratios
    : >controls
    round=0
    while [ $round -lt "$rounds" ]; do
        case $((round % 3)) in
        0) with=$(serve "$layer+$backend") without=$(serve "$backend") again=$(serve "$backend") ;;
        1) without=$(serve "$backend") with=$(serve "$layer+$backend") again=$(serve "$backend") ;;
        2) without=$(serve "$backend") again=$(serve "$backend") with=$(serve "$layer+$backend") ;;
        esac
        # Beside the run that is next to it in either place.
        awk -v with="$with" -v a="$without" -v b="$again" 'BEGIN { print 2 * with / (a + b) }' >>ratios
        awk -v a="$without" -v b="$again" 'BEGIN { print a / b }' >>controls
        round=$((round + 1))
        # shellcheck disable=SC2046 # four numbers
        set -- $(interval ratios)
        [ $round -lt 20 ] || ! awk -v half="$4" 'BEGIN { exit !(half <= 0.005) }' || break
    done
    middle=$1 low=$2 high=$3
    # shellcheck disable=SC2046
    set -- $(interval controls)
    printf '%-36s %7s   %s to %s     %7s   %s to %s     %d\n' "$layer+$backend" "$middle" "$low" "$high" "$1" "$2" "$3" $round
    awk -v high="$high" -v limit="$limit" 'BEGIN { exit !(high < limit) }' || fail "$layer: up to $high, of $limit"
done
finish
