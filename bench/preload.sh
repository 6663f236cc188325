# SPDX-License-Identifier: MIT
# What the interposer costs whole programs, against the same build of jemalloc preloaded by itself:
# instructions, and elapsed time in pairs; and how much later a program starts. A benchmark:
# the times depend on what else the machine does. Fails where a figure is over its limit.
set -eu
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/modules/lib.sh"
not_sanitized "what is measured is not what is installed"
interposer=$builddir/.libs/libdispatchalloc-preload.so
[ -e "$interposer" ] || skip "the interposer was not built"
cd "$work"
unset DISPATCHALLOC_MALLOC LD_PRELOAD
start_limit_us=200 time_limit=1.02 instruction_limit=1.01
$CC -O2 "$srcdir/bench/paired.c" -o paired

# over VALUE LIMIT
over() { awk -v value="$1" -v limit="$2" 'BEGIN { exit !(value + 0 > limit + 0) }'; }

# ---- Start ------------------------------------------------------------------------------
echo "start of a program: medians of 400 pairs, in microseconds"
for spec in system arena stats:print=off+system; do
    numbers=$(DISPATCHALLOC_MALLOC=$spec ./paired 400 - "$interposer" true)
    # shellcheck disable=SC2086 # numbers
    set -- $numbers
    printf '  %-24s bare %5d  with %5d  difference %4d\n' "$spec" "$1" "$2" "$3"
    [ "$spec" != system ] || ! over "$3" $start_limit_us ||
        fail "a start under system takes $3 us more, of $start_limit_us"
done

# ---- Whole programs -----------------------------------------------------------------------
module=jemalloc
case " $modules " in *" jemalloc "*) ;; *) fail "there is no module jemalloc"; finish ;; esac
. "$srcdir/bench/direct.sh"
library=$(direct $module)
ours=$interposer:$builddir/backends/$module/.libs/$module.so
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
cat >redis.sh <<'END'
dir=$(mktemp -d)
ln -s "$(command -v redis-check-rdb)" "$dir/redis-server"
"$dir/redis-server" --port 0 --unixsocket "$dir/socket" --save '' --appendonly no >"$dir/log" &
env -u LD_PRELOAD sh -c 'until redis-cli -s "$1/socket" ping; do sleep 0.02; done
    redis-benchmark -s "$1/socket" -n 20000 -c 10 -P 16 -d 200 -r 5000 -q -t set,lpush,hset,sadd
    redis-cli -s "$1/socket" shutdown nosave' sh "$dir" >/dev/null 2>&1
wait
rm -rf "$dir"
END

# instructions PRELOAD COMMAND...: of the program and what it starts.
instructions() {
    preload=$1
    shift
    if perf stat -x, -e instructions:u true 2>&1 | grep -q '^[0-9]'; then
        LD_PRELOAD=$preload perf stat -x, -e instructions:u -o count -- "$@" >/dev/null <"$INPUT"
        sed -n 's/^\([0-9]*\),.*instructions.*/\1/p' count
    elif [ -n "$VALGRIND" ]; then
        rm -f count.*
        LD_PRELOAD=$preload $VALGRIND --tool=callgrind --trace-children=yes \
            --callgrind-out-file=/dev/null --log-file=count.%p "$@" >/dev/null <"$INPUT"
        cat count.* | sed -n 's/^==[0-9]*== Collected : \([0-9]*\)$/\1/p' |
            awk '{ sum += $1 } END { printf "%.0f\n", sum }'
    fi
}

# whole NAME ROUNDS COUNTED COMMAND...
whole() {
    name=$1 rounds=$2 counted=$3
    shift 3
    command -v "$1" >/dev/null 2>&1 || { echo "  $name: $1 is not installed"; return 0; }
    share='-'
    if [ "$counted" = yes ]; then
        alone=$(instructions "$library" "$@")
        with=$(instructions "$ours" "$@")
        share=$(awk -v a="$alone" -v b="$with" 'BEGIN { if (a > 0) printf "%.4f", b / a; else print "-" }')
    fi
    numbers=$(./paired "$rounds" "$library" "$ours" "$@") || { fail "$name failed"; return 0; }
    cpu=${numbers##* } numbers=${numbers% *}
    time=${numbers##* }
    printf '  %-12s instructions %-8s time %s  CPU time %s\n' "$name" "$share" "$time" "$cpu"
    [ "$share" = - ] || ! over "$share" $instruction_limit || fail "$name: instructions $share"
    # What else the machine does is in the one more than in the other.
    ! over "$time" $time_limit || ! over "$cpu" $time_limit || fail "$name: time $time"
}

echo "whole programs under $module: with the interposer, as a share of $module preloaded by itself"
export INPUT=/dev/null
cp "$srcdir/lib/choice.c" .
# shellcheck disable=SC2086
whole "$CC -O2" 31 yes ${CC%% *} -O2 $include -I"$builddir" -I"$srcdir/lib" -c choice.c -o choice.o
INPUT=$work/queries.sql
whole sqlite3 31 yes sqlite3
INPUT=/dev/null
! command -v redis-check-rdb >/dev/null 2>&1 || whole redis 15 no sh redis.sh
finish
