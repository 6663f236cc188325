# SPDX-License-Identifier: MIT
# What it costs to look for faults of memory, and for where it comes from: the layers of this library
# beside the tools that people use for that, on the same programs, in one run. CPU time of program and tool together, its median over
# rounds in which each has its turn, as a ratio to the program by itself. TOOLS_ROUNDS=N for another number
# of rounds. A benchmark: what is not installed is left out, by name.
#
# factor: small blocks of short life and little else (bench/factor.c). words: C++ with maps, strings and
# threads. lua, sqlite3, python3: as they are. redis: the server's time, while redis-benchmark has it set,
# push and add. jemalloc and tcmalloc are there with and without their profilers.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
not_sanitized "what is measured is not what is installed"
cd "$work"
unset DISPATCHALLOC_MALLOC LD_PRELOAD
rounds=${TOOLS_ROUNDS:-5}
library=/usr/lib/$(${CC%% *} -print-multiarch 2>/dev/null)

cat >script.lua <<'END'
local words = {}
for i = 1, 150000 do
    local key = ("k%d"):format(i % 20011)
    words[key] = (words[key] or "") .. string.char(97 + i % 26)
    if #words[key] > 12 then words[key] = { key, i }; words[key] = key:upper() end
end
local count = 0
for _, word in pairs(words) do count = count + #word end
print(count)
END
cat >queries.sql <<'END'
create table t(a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
    insert into t select i, printf('%08x some text', i * 2654435761 % 4294967296), i / 7.0 from n;
create index i on t(b);
select count(*), sum(c), max(b) from t where b like '%a%';
update t set b = b || a where a % 3 = 0;
END
cat >script.py <<'END'
import json
words = {}
for i in range(120000):
    key = "k%d" % (i % 20011)
    words.setdefault(key, []).append({"index": i, "text": chr(97 + i % 26) * (i % 40)})
print(len(json.dumps(words)))
END
cat >words.cpp <<'END'
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

static std::size_t count_words(int seed)
{
    std::map<std::string, std::vector<std::string>> words;

    for (int i = 0; i < 150000; i++) {
        std::string key = "key number " + std::to_string((i * 7919 + seed) % 20011);
        auto &list = words[key];

        list.push_back(key + " and more of it");
        if (list.size() > 6)
            list.clear();
    }
    return words.size();
}

int main()
{
    std::vector<std::thread> threads;
    std::size_t counts[2] = {};

    for (int i = 0; i < 2; i++)
        threads.emplace_back([i, &counts] { counts[i] = count_words(i); });
    for (auto &thread : threads)
        thread.join();
    std::printf("%zu %zu\n", counts[0], counts[1]);
}
END
cat >redis.sh <<'END'
# redis.sh TOOL...: a server under it, and who has it work. What is measured is the server.
dir=$(mktemp -d)
"$@" "$REDIS" --port 0 --unixsocket "$dir/socket" --save '' --appendonly no >"$dir/log" 2>&1 &
tries=0
until redis-cli -s "$dir/socket" ping >/dev/null 2>&1 || [ $tries -gt 200 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
redis-benchmark -s "$dir/socket" -n 20000 -c 10 -P 16 -d 200 -r 5000 -q -t set,lpush,hset,sadd >/dev/null 2>&1 || touch failed
cat /proc/$(sed -n 's/^process_id:\([0-9]*\).*/\1/p' <<INFO
$(redis-cli -s "$dir/socket" info server)
INFO
)/stat | sed 's/.*) //' | awk -v hertz="$(getconf CLK_TCK)" '{ print ($12 + $13) / hertz }' >seconds
redis-cli -s "$dir/socket" shutdown nosave >/dev/null 2>&1 || :
wait
rm -rf "$dir"
END
# factor SECONDS-OF-ABOUT 0.4
$CC -O2 "$srcdir/bench/factor.c" -o factor
$CC -O2 -g -fsanitize=address "$srcdir/bench/factor.c" -o factor-asan 2>/dev/null || echo "AddressSanitizer: the compiler has none"
if [ -n "$CXX" ] && $CXX -std=c++17 -O2 words.cpp -o words -lpthread; then
    # shellcheck disable=SC2086
    $CXX -std=c++17 -O2 -g -fsanitize=address words.cpp -o words-asan -lpthread 2>/dev/null || :
fi
REDIS=$(command -v redis-server || :)
export REDIS

# tool NAME: what is written in front of a program, one word a line; nothing where it is not here.
tool_of() {
    case $1 in
    none) echo env ;;
    *+system) printf '%s\n' "$tool" run -b "$1" ;;
    heaptrack) ! command -v heaptrack >/dev/null || printf '%s\n' heaptrack -o "$work/heaptrack" ;;
    jemalloc) [ ! -e "$library/libjemalloc.so.2" ] || printf '%s\n' env "LD_PRELOAD=$library/libjemalloc.so.2" ;;
    jemalloc-profile)
        [ ! -e "$library/libjemalloc.so.2" ] || printf '%s\n' env "LD_PRELOAD=$library/libjemalloc.so.2" \
            "MALLOC_CONF=prof:true,lg_prof_sample:19,prof_final:true,prof_prefix:$work/jemalloc" ;;
    tcmalloc) [ ! -e "$library/libtcmalloc.so.4" ] || printf '%s\n' env "LD_PRELOAD=$library/libtcmalloc.so.4" ;;
    tcmalloc-profile)
        [ ! -e "$library/libtcmalloc.so.4" ] || printf '%s\n' env "LD_PRELOAD=$library/libtcmalloc.so.4" \
            "HEAPPROFILE=$work/tcmalloc" ;;
    dhat) ! command -v valgrind >/dev/null || printf '%s\n' valgrind -q --tool=dhat "--dhat-out-file=$work/dhat" ;;
    memcheck) ! command -v valgrind >/dev/null || printf '%s\n' valgrind -q --leak-check=no ;;
    dmalloc) [ ! -e "$library/libdmallocth.so" ] ||
        printf '%s\n' env "LD_PRELOAD=$library/libdmallocth.so" DMALLOC_OPTIONS=debug=0x403,log=/dev/null ;;
    efence) [ ! -e /usr/lib/libefence.so.0 ] || printf '%s\n' env LD_PRELOAD=/usr/lib/libefence.so.0 EF_DISABLE_BANNER=1 ;;
    asan) [ ! -e factor-asan ] || echo env ;;
    esac
}

# seconds TOOL PROGRAM: of CPU time; nothing if it does not do.
seconds() {
    # shellcheck disable=SC2046 # words
    set -- "$1" "$2" $(tool_of "$1")
    [ $# -gt 2 ] || return 0
    name=$1 program=$2
    shift 2
    rm -f seconds failed
    case $name:$program in
    *:factor) set -- "$@" ./factor 15 ;;
    *:words) set -- "$@" ./words ;;
    asan:*) return 0 ;;
    *:python3) set -- "$@" python3 script.py ;;
    *:lua) set -- "$@" lua5.4 script.lua ;;
    *:sqlite3) set -- "$@" sqlite3 :memory: ;;
    *:redis)
        sh redis.sh "$@"
        [ -e failed ] || cat seconds
        return 0 ;;
    esac
    [ "$name:$program" != asan:factor ] || set -- env ./factor-asan 15
    [ "$name:$program" != asan:words ] || set -- env ./words-asan
    # Children's time of a shell of its own; its last line is theirs.
    (timeout 300 "$@" <queries.sql >/dev/null 2>said || exit 1; times) |
        tail -n 1 | tr 'ms' '  ' | awk 'NF { print $1 * 60 + $2 + $3 * 60 + $4 }'
}

median() { sort -n | awk '{ value[NR] = $1 } END { if (NR) print value[int((NR + 1) / 2)] }'; }

tools="none debug:stacks=0+system debug+system debug:fill=on,zones=16,quarantine=8M+system guard+system
    guard:every=1+system limit:bytes=8G+system fail+system stats:print=off+system profile+system
    profile:every=1+system heaptrack jemalloc jemalloc-profile tcmalloc tcmalloc-profile memcheck dhat dmalloc efence asan"
programs=factor
[ ! -x words ] || programs="$programs words"
for program in python3:python3 lua5.4:lua sqlite3:sqlite3 redis-benchmark:redis; do
    command -v "${program%:*}" >/dev/null 2>&1 && programs="$programs ${program#*:}" || echo "${program%:*} is not installed"
done
[ -n "$REDIS" ] || programs=$(echo " $programs " | sed 's/ redis / /')
for round in $(seq "$rounds"); do
    for program in $programs; do
        for name in $tools; do
            # Those that take minutes are not asked again.
            case $round:$name in [!1]*:memcheck | [!1]*:dhat) continue ;; esac
            seconds "$name" "$program" >>"times-$program-$name"
        done
    done
done
printf '%-42s' 'CPU time, as a ratio'
printf ' %9s' $programs
echo
for name in $tools; do
    printf '%-42s' "$name"
    for program in $programs; do
        base=$(median <"times-$program-none")
        value=$(median <"times-$program-$name")
        if [ -z "$value" ]; then
            printf ' %9s' -
        elif [ "$name" = none ]; then
            printf ' %8ss' "$value"
        else
            printf ' %9s' "$(awk -v a="$value" -v b="$base" 'BEGIN { printf "%.2f", a / b }')"
        fi
    done
    echo
done
finish
