# SPDX-License-Identifier: MIT
# Redis 7 and 8, which link libjemalloc: a load by redis-benchmark, a snapshot by a forked child, and
# a second server that reads it. By a socket in this directory.
# shellcheck disable=SC2094 # the words after cli are no files
. "$srcdir/tests/programs/lib.sh"
need redis-benchmark redis-cli redis-check-rdb
# Debian's redis-tools has the program; its package redis-server adds a link and a service.
server=$(command -v redis-server) || {
    server=$PWD/redis-server
    ln -s "$(command -v redis-check-rdb)" "$server"
}
pid=
stop() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || :
    [ -z "$pid" ] || wait "$pid" || :
    pid=
}
trap stop EXIT
trap 'exit 1' HUP INT TERM
cli() { redis-cli -s "$PWD/socket" "$@"; }

# Active defragmentation moves blocks as soon as a byte of a page is free, where the server is built
# for it: Debian's are not.
defragment() {
    cli config set active-defrag-threshold-lower 0 active-defrag-ignore-bytes 1 activedefrag yes \
        >defragment 2>&1 || :
}

start() {
    become "$server" --port 0 --unixsocket "$PWD/socket" --dir "$PWD" --save '' --appendonly no \
        --enable-debug-command yes --io-threads 2 --logfile "$PWD/log" --daemonize no &
    pid=$!
    for _ in $(seq 400); do
        [ "$(cli ping 2>&1)" != PONG ] || { defragment; return 0; }
        sleep 0.05
    done
    cat "$PWD/log"
    exit 1
}

# served: by the process itself; of it the variable tells only what was asked for.
served() {
    [ -n "$spec" ] || return 0
    "$tool" status "$pid" >served || :
    grep -q "libdispatchalloc-preload.so: .* serves (DISPATCHALLOC_MALLOC=$spec)$" served ||
        { echo "not served:"; cat served; }
}

start
served
requests=$(amount 500 100000)
redis-benchmark -s "$PWD/socket" -n "$requests" -c 10 -P 4 -d 300 -r 1000 -q \
    -t "set,get,lpush,lpop,sadd,zadd,$(amount mset incr,rpush,hset,spop,zpopmin,lrange_100,mset)" >benchmark || cat benchmark
cli --raw flushall
# The same values each time.
awk -v count="$(amount 500 50000)" 'BEGIN {
    for (i = 1; i <= count; i++) {
        printf "set key:%d %0*d\n", i, i % 700 + 1, i
        printf "rpush list:%d value:%d\n", i % 37, i
        printf "hset hash:%d field:%d %d\n", i % 41, i, i * i
        printf "zadd sorted:%d %d member:%d\n", i % 11, i * 7919 % 1009, i
        if (i % 3 == 0) printf "append key:%d more\ndel key:%d\n", i, i - 2
        if (i % 7 == 0) printf "setrange key:%d 2000 x\n", i
    }
}' | cli | sort | uniq -c
cli debug digest
# Scripts have an arena and a cache of their own from redis 8 on.
for i in 1 2 3; do
    cli eval 'local t = {}
        for i = 1, tonumber(ARGV[1]) do t[i] = string.rep(KEYS[1], i % 100) end
        return #table.concat(t)' 1 "script $i" "$(amount 1000 100000)"
    cli script flush
done
cli memory purge
cli memory doctor >doctor
cli memory malloc-stats >malloc-stats
cli memory usage list:1 >usage
cli info memory >memory
cli bgsave >/dev/null
for _ in $(seq 200); do
    case $(cli info persistence) in *rdb_bgsave_in_progress:1*) ;; *) break ;; esac
    # Copy on write, while the child reads.
    cli set "busy:$_" value >/dev/null
    cli del "busy:$_" >/dev/null
done
# The status alone is ok before there was any.
cli info persistence | tr -d '\r' | grep rdb_last_bgsave_status
[ -s dump.rdb ] || echo "no snapshot"
cli debug reload
cli shutdown nosave
wait "$pid"
start
served
cli debug digest
cli shutdown nosave
wait "$pid"
pid=
