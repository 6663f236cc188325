# SPDX-License-Identifier: MIT
# What the interposer costs whole programs, against the same build of jemalloc preloaded by itself:
# instructions, elapsed time and CPU time; and how much later a program starts. A benchmark: the
# times depend on what else the machine does, so each has the interval that the machine leaves
# open, and a control, which is the same with nothing changed. Fails where a figure is over its
# limit, and the whole of a time's interval. PRELOAD_ROUNDS=N for another number of rounds.
set -eu
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/modules/lib.sh"
not_sanitized "what is measured is not what is installed"
interposer=$builddir/.libs/libdispatchalloc-preload.so
[ -e "$interposer" ] || skip "the interposer was not built"
cd "$work"
unset DISPATCHALLOC_MALLOC LD_PRELOAD COUNTER CLIENTS
start_limit_us=100 time_limit=1.02 instruction_limit=1.01
$CC -O2 "$srcdir/bench/paired.c" -o paired -lm

# over VALUE LIMIT
over() { awk -v value="$1" -v limit="$2" 'BEGIN { exit !(value + 0 > limit + 0) }'; }

# figure NAME: $middle, $low and $high of it in what paired printed.
figure() {
    # shellcheck disable=SC2046 # three numbers
    set -- $(sed -n "s/^$1 //p" figures)
    middle=$1 low=$2 high=$3
}

# ---- Start ------------------------------------------------------------------------------
echo "start of a program: microseconds it takes more, median of 400 rounds and its 95 % interval"
printf '  %-24s %8s %8s\n' '' bare more
for spec in system arena stats:print=off+system; do
    DISPATCHALLOC_MALLOC=$spec ./paired 400 - "$interposer" true >figures
    figure first
    printf '  %-24s %8.0f' "$spec" "$middle"
    figure difference
    printf ' %8.0f  %.0f to %.0f\n' "$middle" "$low" "$high"
    [ "$spec" != system ] || ! over "$low" $start_limit_us ||
        fail "a start under system takes $middle us more, of $start_limit_us"
done

# ---- Whole programs -----------------------------------------------------------------------
module=jemalloc
case " $modules " in *" jemalloc "*) ;; *) fail "there is no module jemalloc"; finish ;; esac
. "$srcdir/bench/direct.sh"
library=$(direct $module)
ours=$interposer:$(loaded $module)
# The jemalloc of the system has run its constructor before it can be chosen: what that allocated is
# told from other blocks at each free and malloc_usable_size.
[ -e "$builddir/backends/jemalloc/start/.libs/jemalloc.so" ] || instruction_limit=1.04
export DISPATCHALLOC_MALLOC=$module

cat >queries.sql <<'END'
create table t(a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
    insert into t select i, printf('%08x some text', i * 2654435761 % 4294967296), i / 7.0 from n;
create index i on t(b);
select count(*), sum(c), max(b) from t where b like '%a%';
select substr(b, 1, 2), count(*), group_concat(a) from t group by 1 order by 2 limit 3;
update t set b = b || a where a % 3 = 0;
END
# The preload is for the server alone, and so is COUNTER; --hz 1 so that it does little when nobody
# asks.
cat >redis.sh <<'END'
preload=$LD_PRELOAD
unset LD_PRELOAD
dir=$(mktemp -d)
ln -s "$(command -v redis-check-rdb)" "$dir/redis-server"
LD_PRELOAD=$preload $COUNTER "$dir/redis-server" --port 0 --unixsocket "$dir/socket" --save '' \
    --appendonly no --hz 1 --dynamic-hz no >"$dir/log" &
sh -c 'tries=0
    until redis-cli -s "$1/socket" ping; do
        sleep 0.02
        tries=$((tries + 1))
        [ $tries -lt 500 ] || exit 1
    done
    redis-benchmark -s "$1/socket" -n 20000 -c "${CLIENTS:-10}" -P 16 -d 200 -r 5000 -q -t set,lpush,hset,sadd
    code=$?
    redis-cli -s "$1/socket" shutdown nosave
    exit $code' sh "$dir" >/dev/null 2>&1
code=$?
[ $code = 0 ] || kill $!
wait
rm -rf "$dir"
exit $code
END

# The counters print the instructions of COMMAND and what it starts under PRELOAD; nothing
# where they cannot be counted.
callgrind="$VALGRIND --tool=callgrind --trace-children=yes --callgrind-out-file=/dev/null"
callgrind="$callgrind --log-file=$work/count.%p"

sum_counts() {
    cat count.* | sed -n 's/^==[0-9]*== Collected : \([0-9]*\)$/\1/p' |
        awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

# count_all PRELOAD COMMAND...
count_all() {
    preload=$1
    shift
    if perf stat -x, -e instructions:u true 2>&1 | grep -q '^[0-9]'; then
        LD_PRELOAD=$preload perf stat -x, -e instructions:u -o count -- "$@" >/dev/null <"$INPUT"
        sed -n 's/^\([0-9]*\),.*instructions.*/\1/p' count
    elif [ -n "$VALGRIND" ]; then
        rm -f count.*
        LD_PRELOAD=$preload $callgrind "$@" >/dev/null <"$INPUT"
        sum_counts
    fi
}

# count_server PRELOAD COMMAND... With one client the server reads and answers in the same portions
# each time.
count_server() {
    [ -n "$VALGRIND" ] || return 0
    preload=$1
    shift
    rm -f count.*
    LD_PRELOAD=$preload COUNTER=$callgrind CLIENTS=1 "$@" >/dev/null <"$INPUT"
    sum_counts
}

# whole NAME ROUNDS COUNTER COMMAND...
whole() {
    name=$1 rounds=${PRELOAD_ROUNDS:-$2} counter=$3
    shift 3
    command -v "$1" >/dev/null 2>&1 || { echo "  $name: $1 is not installed"; return 0; }
    alone=$($counter "$library" "$@")
    with=$($counter "$ours" "$@")
    share=$(awk -v a="$alone" -v b="$with" 'BEGIN { if (a > 0) printf "%.4f", b / a; else print "-" }')
    ./paired "$rounds" "$library" "$ours" "$@" >figures || { fail "$name failed"; return 0; }
    printf '  %-8s %6s ' "$name" "$share"
    for kind in time cpu; do
        figure $kind
        printf '  %.3f (%.3f to %.3f)' "$middle" "$low" "$high"
        figure $kind-control
        printf ' %.3f' "$middle"
    done
    echo
    [ "$share" = - ] || ! over "$share" $instruction_limit || fail "$name: instructions $share"
    figure time
    ! over "$low" $time_limit || fail "$name: time $middle, of $time_limit"
}

echo "whole programs under $module, with the interposer, as a share of $module preloaded by itself:"
echo "instructions; elapsed time with its interval, and the control; and so CPU time"
export INPUT=/dev/null
cp "$srcdir/lib/choice/choice.c" .
# shellcheck disable=SC2086
whole "$CC -O2" 101 count_all ${CC%% *} -O2 $include -I"$builddir" -I"$srcdir/lib" -c choice.c -o choice.o
INPUT=$work/queries.sql
whole sqlite3 101 count_all sqlite3 :memory:
INPUT=/dev/null
! command -v redis-check-rdb >/dev/null 2>&1 || whole redis 41 count_server sh redis.sh
finish
