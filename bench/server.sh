# SPDX-License-Identifier: MIT
# What a layer costs a server: the CPU time of redis-server under the interposer with a layer over a
# backend, as a ratio to the same backend without it. A round starts three servers: with the layer, and
# twice without, whose ratio is the control. They get short loads in turn, in an order that changes, so
# that what the machine does for others within a second meets all three: a round's ratio is the median of
# its loads' ratios. Reported are the median of the rounds and its 95 % interval, which goes by ranks.
# Rounds go on until the interval is at most 0.005 to either side, or there were SERVER_ROUNDS (100) of
# SERVER_BURSTS (24) loads. SERVER_LAYERS: one or more, without the "+" (guard:every=1000 profile).
# SERVER_BACKEND: system by default. SERVER_LOAD: options of redis-benchmark; by default those that it has
# itself, 50 clients that wait for each answer. Fails where the interval does not lie below SERVER_LIMIT
# (1.01).
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
rounds=${SERVER_ROUNDS:-100} bursts=${SERVER_BURSTS:-24} limit=${SERVER_LIMIT:-1.01} backend=${SERVER_BACKEND:-system}

# serve NAME SPEC: starts a server. Server and client have a processor each. --hz 1: little is done by
# the clock.
serve() {
    taskset -c 0 "$tool" run -b "$2" -- "$(command -v redis-server)" --port 0 --unixsocket "$work/$1" \
        --save '' --appendonly no --hz 1 --dynamic-hz no >"$1.log" 2>&1 &
    servers="$servers $!"
    tries=0
    until redis-cli -s "$1" ping >/dev/null 2>&1; do
        sleep 0.02
        tries=$((tries + 1))
        [ $tries -lt 500 ] || give_up "no server under $2: $(cat "$1.log")"
    done
}
# order NUMBER: the three servers, in each of the six orders by turns.
order() {
    case $(($1 % 6)) in
    0) echo with without again ;;
    1) echo again without with ;;
    2) echo without again with ;;
    3) echo with again without ;;
    4) echo again with without ;;
    5) echo without with again ;;
    esac
}
give_up() {
    # shellcheck disable=SC2086 # a list
    kill $servers 2>/dev/null || :
    fail "$1"
    finish
}
# load NAME: appends the seconds of CPU time that the server says it has used for a load.
load() {
    before=$(used "$1")
    # shellcheck disable=SC2086 # options
    taskset -c 1 redis-benchmark -s "$1" -n 2000 -d 200 -r 5000 -q -t set,lpush,hset,sadd,lpop $SERVER_LOAD \
        >/dev/null 2>&1 || give_up "$1: the load failed: $(cat "$1.log")"
    used "$1" | awk -v before="$before" '{ printf "%.6f\n", $1 - before }' >>"$1.times"
}
used() {
    redis-cli -s "$1" info cpu | tr -d '\r' | awk -F: '/^used_cpu_(sys|user):/ { sum += $2 } END { print sum }'
}

middle() {
    sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
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
SERVER_LOAD=${SERVER_LOAD:-}
for layer in ${SERVER_LAYERS:-guard:every=1000}; do
    : >ratios
    : >controls
    round=0
    while [ $round -lt "$rounds" ]; do
        rm -f ./*.times
        servers=
        for server in $(order $round); do
            case $server in
            with) serve with "$layer+$backend" ;;
            *) serve "$server" "$backend" ;;
            esac
        done
        burst=0
        while [ $burst -lt "$bursts" ]; do
            for server in $(order $burst); do load "$server"; done
            burst=$((burst + 1))
        done
        for server in with without again; do
            redis-cli -s $server shutdown nosave >/dev/null 2>&1 || :
        done
        wait
        paste with.times without.times again.times | awk '{ print 2 * $1 / ($2 + $3) }' | middle >>ratios
        paste without.times again.times | awk '{ print $1 / $2 }' | middle >>controls
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
