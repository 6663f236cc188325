# SPDX-License-Identifier: MIT
# Alone or under `dispatchalloc run`, the same: what a program can see of itself (alone/observe.c)
# and asks of the system differs by what alone/allowed lists, with every backend.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
unset LD_PRELOAD DISPATCHALLOC_MALLOC
. "$srcdir/tests/modules/find.sh"
cd "$work"
sources=$srcdir/tests/alone
for plugin in linked opened; do
    $CC -shared -fPIC "-DPLUGIN=\"$plugin\"" "$sources/observe.c" -o "lib$plugin.so"
done
$CC -g "$sources/observe.c" -o observe -L. -Wl,--no-as-needed -llinked -Wl,-rpath,"$work" -lpthread -ldl

grep -v '^#' "$sources/allowed" | grep . >allowed
[ "$(wc -l <allowed)" -le 12 ] || fail "more than twelve differences are allowed"
grep -v '^#' "$sources/allowed" >/dev/null
: >met

# differences NAME: what is in one of NAME.alone and NAME.run, in files of sorted lines.
differences() {
    comm -23 "$1.alone" "$1.run" | sed 's/^/alone /'
    comm -13 "$1.alone" "$1.run" | sed 's/^/run /'
}

# hold NAME BACKEND: but for what is allowed there is none.
hold() {
    differences "$1" >"$1.differences"
    cat "$1.differences" >>met
    if grep -vEf allowed "$1.differences" >"$1.left"; then
        fail "under $2 it differs:
$(cat "$1.left")"
    fi
}

observe() { "$@" ./observe "$work/libopened.so" >out 2>err </dev/null || fail "$* observe: $? $(cat err)"; }

observe env
sort out >facts.alone
at_least 100 "$(wc -l <facts.alone)" "what a program sees of itself"
observe env
sort out | cmp -s - facts.alone || fail "two runs alone differ: $(sort out | diff - facts.alone)"
# calls NAME COMMAND...: the system calls of the first process, before main a line a name and after it
# a line a name with how often, but for those by which it looks and tells.
calls() {
    name=$1
    shift
    strace -o trace "$@" ./observe "$work/libopened.so" >/dev/null 2>err </dev/null || fail "strace $*: $(cat err)"
    # What the tool does before it becomes the program is not the program's.
    sed 's/^[0-9]* *//' trace | awk '/^execve\("[^"]*observe"/ { begun = 1; next }
        begun && /^write\(1, "main: / { is_main = 1 }
        begun && /^[a-z_0-9]+\(/ {
            sub(/\(.*/, "")
            if (!is_main) before[$0] = 1
            else if ($0 != "read" && $0 != "write") after[$0]++
        }
        END {
            for (name in before) print "call before main: " name
            for (name in after) print "calls after: " name " " after[name]
        }' | sort >"calls.$name"
    at_least 20 "$(wc -l <"calls.$name")" "system calls"
}
has_strace=
if command -v strace >/dev/null 2>&1 && strace -o /dev/null true 2>/dev/null; then
    has_strace=yes
    calls alone env
else
    echo "there is no strace: system calls are not compared"
fi

backends="system arena:limit=2G fixed-arena:capacity=64M stats:print=off+system$modules"
for backend in $backends; do
    observe "$tool" run -b "$backend"
    sort out >facts.run
    hold facts "$backend"
    # Of the C library's own malloc the memory is the same as well.
    case $backend in system) ! grep ' mapping ' facts.differences >left || fail "under system: $(cat left)" ;; esac
    [ -n "$has_strace" ] || continue
    calls run "$tool" run -b "$backend"
    hold calls "$backend"
done
while read -r pattern; do
    case $pattern in
    *call*) [ -n "$has_strace" ] || continue ;;
    *libstdc*) [ -n "$modules" ] || continue ;;
    esac
    grep -Eq "$pattern" met || fail "allowed, and not met by any backend: $pattern"
done <allowed

# ---- A failure needs nothing ---------------------------------------------------------------------
# forms SPEC COMMAND...: under a limit of addresses, which leaves room for what is preloaded.
forms() {
    spec=$1
    shift
    (ulimit -v 200000; timeout 120 "$tool" run -b "$spec" "$@" >out 2>err) || fail "$* under $spec: $(cat out err)"
}
if [ -n "$CXX" ] && $CXX -std=c++17 -O1 "$sources/exhaust.cpp" -o exhaust; then
    $CC "$sources/host.c" -o host -ldl -lpthread
    $CXX -std=c++17 -O1 -shared -fPIC -DPLUGIN "$sources/exhaust.cpp" -o plugin.so
    $CXX -std=c++17 -O1 -shared -fPIC -DPLUGIN -static-libstdc++ -static-libgcc "$sources/exhaust.cpp" -o own.so 2>said || {
        echo "no plug-in with a C++ library in itself: $(tail -n 1 said)"
        cp plugin.so own.so
    }
    $CXX -std=c++17 -O2 -fno-exceptions -fno-rtti -shared -fPIC "$sources/jump.cpp" -o jump.so
    # Calls, and no exceptions or tables of symbols that would be looked at first.
    $CXX -std=c++17 -O0 -fno-exceptions -fno-rtti -shared -fPIC -Wl,--hash-style=sysv "$sources/jump.cpp" -o call.so
    # One whose C++ library is called otherwise, and has none of its symbols from the others.
    renamed='' others=''
    if $CXX -shared -o librenamed.so -Wl,--whole-archive "$($CXX -print-file-name=libstdc++.a)" \
        -Wl,--no-whole-archive -nodefaultlibs -lgcc_s -lc -lm 2>said &&
        $CC -x c++ -std=c++17 -O1 -shared -fPIC -DPLUGIN "$sources/exhaust.cpp" -o renamed.so -L. -lrenamed \
            "-Wl,-rpath,$work" 2>said && ./host ./renamed.so >said 2>&1; then
        renamed=$work/renamed.so
    else
        echo "no plug-in with a C++ library by another name: $(tail -n 1 said)"
    fi
    if command -v clang++ >/dev/null 2>&1 &&
        clang++ -stdlib=libc++ -nostdlib++ -std=c++17 -O1 -shared -fPIC -DPLUGIN "$sources/exhaust.cpp" \
            -l:libc++.so.1 -l:libc++abi.so.1 -o other.so 2>said &&
        ./host ./other.so >said 2>&1; then
        others=$work/other.so
    else
        echo "no plug-in with libc++"
    fi
    # Operators in another object than what throws, as libc++ may be built: none of that is a C++ library
    # really, so that its operator ends the program well.
    cat >throws.c <<'END'
void __cxa_throw(void) {}
int __gxx_personality_v0(void) { return 0; }
END
    cat >operators.c <<'END'
#include <stdint.h>
#include <stdlib.h>
extern void __cxa_throw(void);
void _ZSt17__throw_bad_allocv(void) { __cxa_throw(); }
void *OPERATOR(size_t size) { return size ? (_Exit(0), (void *)0) : malloc(1); }
END
    cat >apart.c <<'END'
#include <stdint.h>
#include <stddef.h>
void *OPERATOR(size_t size);
int __gxx_personality_v0(void);
void _ZSt17__throw_bad_allocv(void);
int (*volatile personality)(void) = __gxx_personality_v0;
void (*volatile throws)(void) = _ZSt17__throw_bad_allocv;
int main(void) { return OPERATOR(SIZE_MAX / 4) ? 1 : 2; }
END
    case $(printf '#if __SIZE_WIDTH__ == 64\nlong\n#endif\n' | $CC -E -P -) in
    *long*) operator=_Znwm ;;
    *) operator=_Znwj ;;
    esac
    $CC -shared -fPIC throws.c -o libthrows.so
    $CC -shared -fPIC "-DOPERATOR=$operator" operators.c -o liboperators.so -L. -lthrows -Wl,-rpath,"$work"
    $CC "-DOPERATOR=$operator" apart.c -o apart -L. -loperators -lthrows -Wl,-rpath,"$work"
    (ulimit -v 200000; ./exhaust) >out || fail "exhausted alone: $(cat out)"
    # Older unwinders take the lock themselves.
    held=''
    if timeout 10 ./host -l ./plugin.so >out 2>&1; then
        held=-l
    else
        echo "exceptions take the lock of the loader's list: it is not held"
    fi
    for backend in $backends; do
        for program in ./exhaust "./host $held $work/plugin.so" "./host $held $work/own.so" \
            "./host $work/plugin.so $others $renamed" "./host $held $others $renamed $work/plugin.so" \
            "./host -t plugin_take $work/jump.so" "./host -t plugin_take_array $work/jump.so" \
            "./host -t plugin_take $others $renamed $work/call.so" \
            "./host -t plugin_take_array $others $renamed $work/call.so" ./apart; do
            # shellcheck disable=SC2086 # words
            forms "$backend" $program
        done
    done
else
    echo "there is no C++ compiler: operator new is not looked at"
fi

# Whatever the limit: the program runs under the backend, or not with status 0, or it says that it has
# another one. (mimalloc takes 32 MiB at once, and the fixed arena what it is told to.) What an
# allocator takes of the addresses is not taken from the command: jemalloc takes most there are between
# 11 and 18 MB. So one that cannot be served is refused whatever there is.
printf 'int main(void) { return 0; }\n' >none.c
$CC -static none.c -o static 2>said || echo "no static program: $(tail -n 1 said)"
for backend in $backends; do
    case $backend in mimalloc | fixed*) needed=100000 ;; *) needed=24576 ;; esac
    for kilobytes in 2500 3000 3500 4000 5000 6000 8000 10000 12000 14000 16000 18000 24576 100000; do
        code=0
        (ulimit -v $kilobytes; timeout 60 "$tool" run -v -b "$backend" cat /dev/null) >out 2>&1 || code=$?
        [ $code != 0 ] || grep -q "^dispatchalloc: .* serves (DISPATCHALLOC_MALLOC=$backend)$" out ||
            grep -q "^dispatchalloc: DISPATCHALLOC_MALLOC=$backend: .*; \"system\" serves$" out ||
            fail "with ulimit -v $kilobytes another one serves than $backend: $(cat out)"
        ! grep -q 'interposer .*: Cannot allocate memory' out || [ $kilobytes -lt 8000 ] ||
            fail "no room is left to look at the interposer under $backend with ulimit -v $kilobytes: $(cat out)"
        [ ! -e static ] || ! (ulimit -v $kilobytes; timeout 60 "$tool" run -b "$backend" ./static) >out 2>&1 ||
            fail "with ulimit -v $kilobytes a static program runs without $backend: $(cat out)"
        [ $code = 0 ] || [ $kilobytes -lt $needed ] || fail "under $backend with ulimit -v $kilobytes: $(cat out)"
    done
done

# ---- A header that was written over, or of a block that is gone ------------------------------------
cat >wrong.c <<'END'
#include <stdlib.h>
#include <string.h>
int main(void)
{
    char *volatile block = malloc(100);
    char *volatile other = malloc(100);
    char *volatile moved = realloc(other, 100000);

    free(block);
    free(block);
    block = malloc(40);
    block[-16] ^= 64;
    free(block);
    free(other == moved ? NULL : other);
    return realloc(block, 10) != NULL;
}
END
$CC -O0 -w -fno-builtin wrong.c -o wrong
for backend in arena:limit=1G fixed-arena:capacity=10M stats:print=off+arena:limit=1G; do
    "$tool" run -b "$backend" ./wrong >out 2>&1 || fail "blocks that are none under $backend: $(cat out)"
    [ "$(grep -c '^dispatchalloc: free() of 0x.*nothing is done$' out)" = 3 ] &&
        [ "$(grep -c '^dispatchalloc: realloc() of 0x.*nothing is done$' out)" = 1 ] ||
        fail "what is said of blocks that are none under $backend: $(cat out)"
done

# ---- A module that calls the library would come back to itself ---------------------------------------
mkdir modules
cat >modules/caller.c <<'END'
#include <dispatchalloc.h>
#include <dispatchalloc/module.h>
static void *take(size_t size, size_t align, void *ctx) { (void)ctx; return dal_instance_alloc(dal_system(), size, align); }
static void give(void *ptr, size_t size, size_t align, void *ctx) { (void)ctx; dal_instance_dealloc(dal_system(), ptr, size, align); }
static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    allocator->alloc = take;
    allocator->dealloc = give;
    return 0;
}
static const struct dal_backend caller = {
    DAL_BACKEND_HEADER, .name = "caller", .version = "1", .summary = "calls the library", .create = create,
};
DAL_MODULE(caller);
END
# shellcheck disable=SC2086 # flags
$CC -shared -fPIC -fvisibility=hidden $include modules/caller.c -o modules/caller.so
caller=$(cd modules && pwd -P)/caller.so
code=0
"$tool" run -b "$caller" true >out 2>&1 || code=$?
like "run of a module that calls the library" "2 dispatchalloc: module $caller cannot serve *: it calls dal_system() *" "$code $(cat out)"
LD_PRELOAD=$DISPATCHALLOC_INTERPOSER:$caller DISPATCHALLOC_MALLOC=$caller env true >out 2>&1
like "such a module preloaded" "dispatchalloc: *module $caller cannot serve malloc: it calls dal_system() *\"system\" serves" "$(head -n 1 out)"

# ---- What programs expect of glibc's malloc ------------------------------------------------------
$CC -fno-builtin -Wno-deprecated-declarations "$sources/answers.c" -o answers -ldl 2>said ||
    echo "the C library is not asked: $(tail -n 1 said)"
for backend in $backends; do
    [ -e answers ] || continue
    case $backend in *system) whose=own ;; *) whose=other ;; esac
    timeout 60 "$tool" run -b "$backend" ./answers $whose >out 2>&1 || fail "under $backend: $(cat out)"
done

# ---- jemalloc's own calls, in a program that is linked with it -----------------------------------
if $CC -fno-builtin "$sources/jemalloc_calls.c" -o calls -ljemalloc 2>/dev/null; then
    ./calls own || fail "jemalloc's own calls alone"
    for backend in $backends; do
        case $backend in jemalloc) whose=own ;; fixed*) continue ;; *) whose=other ;; esac
        timeout 60 "$tool" run -b "$backend" ./calls $whose >out 2>err || fail "jemalloc's calls under $backend: $(cat out err)"
        case $whose in
        own) expect "what is said under $backend" '' "$(cat err)" ;;
        *) expect "what is said under $backend" \
            "dispatchalloc: a block of arena 7 of jemalloc, which nobody made: NULL" "$(cat err)" ;;
        esac
    done
    case " $backends " in *' jemalloc '*)
        # Blocks of those calls are to be seen by who looks at the others.
        for options in '--debug -b jemalloc' '-b stats:print=off+jemalloc'; do
            # shellcheck disable=SC2086 # words
            "$tool" run $options ./calls other >out 2>err || fail "jemalloc's calls under $options: $? $(cat out err)"
            expect "what is said under $options" \
                "dispatchalloc: a block of arena 7 of jemalloc, which nobody made: NULL" "$(cat err)"
        done
        ;;
    esac
    # What `run` starts may start one, which has not those calls preloaded: its own serve it whole.
    said='dispatchalloc: this program mixes calls of libjemalloc, such as mallocx(), with free(): *'
    for backend in arena:limit=1G $backends; do
        # A module over the system's libjemalloc has the same blocks.
        [ "$backend" != jemalloc ] || continue
        timeout 60 "$tool" run -b "$backend" sh -c './calls own' >out 2>err ||
            fail "jemalloc's calls under a shell under $backend: $? $(cat out err)"
        # shellcheck disable=SC2254 # a pattern
        case $(cat err) in $said) true ;; *) false ;; esac || fail "jemalloc's calls under a shell under $backend: $(cat err)"
    done
    ! DISPATCHALLOC_STRICT=on "$tool" run -b arena:limit=1G sh -c './calls own; exit $?' >out 2>err &&
        grep -q '^dispatchalloc: strict mode: aborting$' err ||
        fail "in strict mode somebody else serves: $(cat out err)"
    LD_PRELOAD=$DISPATCHALLOC_INTERPOSER DISPATCHALLOC_OFF=on ./calls own >out 2>err || fail "switched off: $? $(cat out err)"
    [ ! -s err ] || fail "switched off, it says $(cat err)"
    $NM -D --defined-only "${DISPATCHALLOC_INTERPOSER%/*}/libdispatchalloc-jemalloc.so" | sed 's/.* //' | sort >exported
    sed -n 's/^	\([a-z_]*\);$/\1/p' "$srcdir/preload/jemalloc.map" | sort | diff - exported ||
        fail "jemalloc.map (<) is not what is exported (>)"
else
    echo "there is no libjemalloc to link with: its own calls are not looked at"
fi
# Others detect jemalloc by its names.
"$tool" run -b system env >out
! grep -q libdispatchalloc-jemalloc out || fail "jemalloc's calls are in a program without it"

# ---- Its slots cannot be written -----------------------------------------------------------------
$CC "$sources/write.c" -o write
places=$($NM "$DISPATCHALLOC_INTERPOSER" 2>/dev/null | awk '$3 == "dal_slots_" { print $1 }')
if [ -n "$places" ]; then
    # shellcheck disable=SC2086 # words
    "$tool" run ./write $places >out 2>&1 || fail "slots that can be written: $(cat out)"
else
    echo "the interposer has no local symbols: where its slots are is not known"
fi
finish
