# SPDX-License-Identifier: MIT
# limit under the malloc family of unmodified programs: the bound holds to the byte over each
# backend, in both orders with stats, with threads and forks; what soft= says; and programs that
# have enough do not notice.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
# shellcheck disable=SC2086
$CC $CFLAGS -fno-builtin "$srcdir/tests/limit_family.c" -o "$work/program" -lpthread

# under SPEC COMMAND...: its status is in $status, what it says in $work/out and $work/err.
under() {
    spec=$1
    shift
    status=0
    timeout 100 "$tool" run -b "$spec" -- "$@" >"$work/out" 2>"$work/err" || status=$?
}
# holds SPEC WAY [BYTES]: the program is content.
holds() {
    under "$1" "$work/program" "${3-4000000}" "$2"
    expect "$2 under $1" "0 ok " "$status $(cat "$work/out" "$work/err" | tr '\n' ' ')"
}

. "$srcdir/tests/modules/find.sh"
for backend in system arena:limit=512M $modules; do
    for way in fill realloc threads fork; do
        # An arena uses no block again: what is live there says little of it.
        holds "limit:bytes=4000000+$backend" $way
    done
    case $backend in
    arena*) ;; # a block that grows there leaves the old one behind
    *) holds "limit:bytes=67108864+$backend" resize 67108864 ;;
    esac
done
for way in fill realloc threads fork; do
    holds limit:bytes=4000000+stats:print=off+system $way
    holds stats:print=off+limit:bytes=4000000+system $way
done
# One of a kind is between malloc and the block; a second one has a header, and works.
for specs in stats:print=off+limit:bytes=4000000+stats:print=off+system \
             limit:bytes=4000000+stats:print=off+limit:bytes=8M+system \
             limit:bytes=4000000+limit:bytes=8M+system; do
    holds "$specs" fill
done

# ---- Blocks have no header for it ----------------------------------------------------------------
# shellcheck disable=SC2086
$CC $CFLAGS -fno-builtin "$srcdir/tests/stats_family.c" -o "$work/blocks" -lpthread
for backend in system $modules; do
    under "$backend" "$work/blocks" 7
    cp "$work/out" "$work/alone"
    under "limit:bytes=1G+$backend" "$work/blocks" 7
    expect "blocks under limit+$backend" "$(cat "$work/alone")" "$(cat "$work/out")"
done

# ---- What is said ----------------------------------------------------------------------------------
under limit:soft=1000000+system "$work/program" 4000000 small
expect "below soft" "0 ok " "$status $(cat "$work/out" "$work/err" | tr '\n' ' ')"
under limit:soft=1M,bytes=4000000+system "$work/program" 4000000 fill
expect "above soft, and back, three times" "0 3" "$status $(grep -cx \
    'dispatchalloc: limit+system: 104[89][0-9]* bytes are live, which is more than soft=1048576' "$work/err")"
expect "lines" 3 "$(wc -l <"$work/err" | tr -d ' ')"
under limit:soft=400000+system "$work/program" 4000000 often
expect "above soft twenty times: lines" "0 10" "$status $(wc -l <"$work/err" | tr -d ' ')"
like "the last of them" '*more than soft=400000; more of this is only counted' "$(tail -n 1 "$work/err")"
under limit:bytes=2M,soft=4M+system "$work/program" 4000000 small
case $(cat "$work/err") in
*'option "soft" cannot be "4M", which is more than bytes=2M; accepted is'*) ;;
*) fail "soft above bytes: $(cat "$work/err")" ;;
esac
under limit+system "$work/program" 4000000 small
case $(cat "$work/err") in
*'neither option "bytes" nor "soft" is given; accepted is'*) ;;
*) fail "no option: $(cat "$work/err")" ;;
esac

# ---- Other programs --------------------------------------------------------------------------------
# content COMMAND...: it does the same with 1 GiB as without, and with stats in either order.
content() {
    expected=$("$@" 2>&1)
    for spec in limit:bytes=1G+system limit:bytes=1G+stats:print=off+system \
                stats:print=off+limit:bytes=1G+system; do
        under "$spec" "$@"
        expect "$1 under $spec" "0 $expected" "$status $(cat "$work/out" "$work/err")"
    done
}
cat >"$work/threads.cpp" <<'END_OF_CPP'
#include <cstdio>
#include <map>
#include <new>
#include <string>
#include <thread>
#include <vector>

int main(int argc, char **argv)
{
    std::vector<std::thread> threads;
    std::vector<std::size_t> sums(8);

    for (std::size_t t = 0; t < sums.size(); t++)
        threads.emplace_back([t, &sums] {
            std::map<int, std::string> words;
            for (int i = 0; i < 20000; i++)
                words[i % 997] += std::to_string(i);
            for (auto &word : words)
                sums[t] += word.second.size();
        });
    for (auto &thread : threads)
        thread.join();
    std::size_t all = 0;
    for (auto sum : sums)
        all += sum;
    std::printf("%zu\n", all);
    if (argc > 1) {
        try {
            std::string too_long(std::stoul(argv[1]), 'x');
            std::printf("it is there: %c\n", too_long.back());
        } catch (const std::bad_alloc &) {
            std::puts("bad_alloc");
        }
    }
}
END_OF_CPP
if [ -n "$CXX" ]; then
    # shellcheck disable=SC2086
    $CXX -std=c++11 -O1 "$work/threads.cpp" -o "$work/threads" -lpthread
    content "$work/threads"
    under limit:bytes=64M+system "$work/threads" 70000000
    expect "C++ that asks for too much" "0 bad_alloc" "$status $(tail -n 1 "$work/out")"
fi
echo 'int main(void) { return 0; }' >"$work/empty.c"
# shellcheck disable=SC2086
content $CC -O2 -c "$work/empty.c" -o "$work/empty.o"
if command -v python3 >/dev/null 2>&1; then
    content python3 -c 'import json; print(len(json.dumps([{"a": i} for i in range(50000)])))'
    under limit:bytes=64M+system python3 -c '
try:
    print(len(bytearray(1 << 27)))
except MemoryError:
    print("MemoryError")'
    expect "python that asks for too much" "0 MemoryError" "$status $(cat "$work/out" "$work/err")"
fi
finish
