# SPDX-License-Identifier: MIT
# dispatchalloc run --debug: each fault is named, each only as often as promised, and a program
# without one runs as it does by itself, under every allocator.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
. "$srcdir/tests/modules/find.sh"

# The allocators that there are; a module that its host cannot open (Debian's jemalloc, where
# it is the module's) is left out.
specs="system arena:limit=2G fixed-arena:capacity=1G stats:print=off+system stats:print=off+arena:limit=2G"
for module in $("$tool" list --names); do
    case $module in jemalloc | mimalloc | tcmalloc | tbb) specs="$specs $module" ;; esac
done

compile() { $CC -O1 -g -fno-builtin -w "$@" -lpthread -ldl; }
compile "$srcdir/tests/debugged/faults.c" -o "$work/faults"
compile "$srcdir/tests/debugged/clean.c" -o "$work/clean"
compile "$srcdir/tests/preload/family.c" -o "$work/family"
compile -shared -fPIC "$srcdir/tests/debugged/plugin.c" -o "$work/plugin.so"
compile -shared -fPIC -DMAPPED "$srcdir/tests/debugged/plugin.c" -o "$work/mapped-plugin.so"
PLUGIN=$work/plugin.so
export PLUGIN

# debugged SPEC PROGRAM...: status in $code, standard output and error in $work/out and err.
debugged() {
    spec=$1 code=0
    shift
    timeout 300 "$tool" run --debug -b "$spec" "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
}

# reports: what is said without the stacks.
reports() { grep -v -e '^    #' -e '^  [a-z]* by ' "$work/err"; }

# fault CASE CALL WHAT [ORIGIN]: the one report, and a summary.
spec=system
fault() {
    debugged "$spec" "$work/faults" "$1"
    [ $code != 77 ] || return 0
    expect "$1 under $spec: exit status" 0 $code
    like "$1 under $spec" "dispatchalloc: debug[[][0-9]*[]]: $2(0x*)*: $3
dispatchalloc: debug[[][0-9]*[]]: 1 fault at 1 place, 1 of them told above" "$(reports)"
    # A jump, and not a call, leaves no frame.
    case $CFLAGS in *-O[23s]*)
        [ "$2" != free ] || grep -q '^    #0 0x.* in give_back (.*/faults+0x' "$work/err" ||
            fail "$1 under $spec: its place is not told: $(cat "$work/err")"
        ;;
    esac
    [ -z "${4-}" ] || grep -q "^  allocated by $4:" "$work/err" || fail "$1 under $spec: by whom: $(cat "$work/err")"
}
dropped='; it is left alone'
stranger='and no block that is known here: one that was given back long ago, or one of another allocator'
# Which blocks are the C library's is seen of glibc's.
if is_glibc; then
    heap='in [[]heap], ' large=" (it looks like one of the C library's own malloc)"
else
    heap='in an anonymous mapping of *K, ' large=
fi

fault stack free "on the stack of this thread$dropped"
fault stack_of_thread free "on the stack of this thread$dropped"
fault stack_of_main free "on the stack of the main thread$dropped"
fault global_data free "in the data of $work/faults+0x* (data+0x4)$dropped"
fault zeroed_data free "in the data of $work/faults+0x* (zeroed+0xfa8)$dropped"
fault constant free "in the constants of $work/faults+0x* (constants+0x0)$dropped"
fault code free "in the code of $work/faults+0x* (give_back+0x0)$dropped"
fault thread_local free "in the thread-local storage of this thread$dropped"
fault small_number free "not mapped: a small number, not an address$dropped"
fault wild free "not mapped$dropped"
fault mapping free "in an anonymous mapping of *K, $stranger$dropped"
fault of_libc free "$heap$stranger$dropped"
fault large_of_libc free "in an anonymous mapping of *K, $stranger$large$dropped"
fault of_plugin free "in the data of $work/plugin.so+0x* (pool+0x*)$dropped"
PLUGIN=$work/mapped-plugin.so
fault of_plugin free "in an anonymous mapping of *K, $stranger$dropped"
fault cut_file free "in *, $stranger$dropped"
fault past_us malloc 'given out while it is a live block of 3000 bytes; something gave it back past this layer' malloc
for spec in $specs; do
    fault interior free "8 bytes into a live block of 100 bytes$dropped" malloc
    fault interior_of_large free "66060288 bytes into a live block of 67108864 bytes$dropped" malloc
    fault end_of_block free "at the end of a live block of 100 bytes$dropped" malloc
    fault twice free "a block of 40 bytes that was given back already, by free$dropped" malloc
    fault after_realloc free "a block of 40 bytes that was given back already, by realloc$dropped" malloc
    fault resized realloc '16 bytes into a live block of 100 bytes; NULL is returned, with errno EINVAL' calloc
    fault measured malloc_usable_size 'in the data of *; 0 is returned'
    fault at_exit free 'in the data of *'
    debugged "$spec" "$work/faults" nothing
    expect "nothing under $spec" "0" "$code$(cat "$work/err")"
done
spec=system

# ---- How much is said ---------------------------------------------------------------------
lines() { grep -c "$1" "$work/err" || :; }

debugged system "$work/faults" often
expect "often: lines" 4 "$(lines '^dispatchalloc: debug')"
like "often: the last of them" '*; more of this is only counted' "$(reports | sed -n 3p)"
like "often: summary" '*: 100000 faults at 1 place, 3 of them told above' "$(tail -n 1 "$work/err")"
debugged system "$work/faults" various
like "various: summary" '*: 5 faults at 5 places, 5 of them told above' "$(tail -n 1 "$work/err")"
debugged system "$work/faults" in_child
expect "in a child: two processes tell of a fault each" 2 "$(sort -u "$work/err" | grep -c ': 1 fault at 1 place')"
like "in a child: its own" '*(zeroed+0x0)*' "$(cat "$work/err")"
debugged system "$work/faults" in_vfork_child
like "in a child of vfork: summary" '*: 2 faults at 2 places, 2 of them told above' "$(tail -n 1 "$work/err")"
debugged system "$work/faults" at_once
expect "at once: each of 50 processes counts every fault" 50 "$(lines ': 4 faults at 1 place, 3 of them told above$')"

# The register has no memory left: then there is no block either, and nothing is taken for a fault.
for limit in 100000 100800 101600 102400; do
    # shellcheck disable=SC3045 # where it is not known the test fails
    (ulimit -v $limit && debugged system "$work/faults" exhausting && cat "$work/err" && echo "exit $code")
done >"$work/exhausting"
expect "exhausting" "exit 0" "$(sort -u "$work/exhausting")"

# ---- The switch ---------------------------------------------------------------------------
like "what it is short for" '*debug * + stats * + system * serves (DISPATCHALLOC_MALLOC=debug+stats:print=off+system)' "$("$tool" run -dvb stats:print=off+system true 2>&1)"
like "without a spec" '*debug * + system * serves (DISPATCHALLOC_MALLOC=debug)' "$("$tool" run --debug -v true 2>&1)"
# Without it nobody looks.
code=0
"$tool" run "$work/faults" global_data >"$work/out" 2>&1 || code=$?
[ $code != 0 ] || fail "the C library took a pointer into data"
# A program that cannot be served is refused as ever.
if $CC -static "$srcdir/tests/debugged/clean.c" -o "$work/static" -w -lpthread 2>/dev/null; then
    code=0
    said=$("$tool" run --debug "$work/static" 2>&1) || code=$?
    expect "static: exit status" 2 $code
    like "static" "*statically linked*" "$said"
fi
if [ -n "$CXX" ]; then
    $CXX -std=c++17 -O1 -w "$srcdir/tests/preload/own_malloc.cpp" -o "$work/own-malloc"
    debugged system "$work/own-malloc"
    expect "run of a program with its own malloc" "2dispatchalloc: '$work/own-malloc' cannot be run with another allocator: it has \
a malloc of its own, which comes before any other" "$code$(cat "$work/err")"
    debugged system sh -c "$work/own-malloc"
    expect "a malloc of its own" "0dispatchalloc: the program has a malloc or free of its own; what it does by them is not looked at" "$code$(cat "$work/err")"
fi

# ---- What operators and C23 say of a block ----------------------------------------------------
if [ -n "$CXX" ]; then
    for pie in -fPIE\ -pie -fno-pie\ -no-pie; do
        # shellcheck disable=SC2086
        $CXX -std=c++17 -O1 -fno-builtin -fsized-deallocation -w $pie \
            "$srcdir/tests/debugged/operators.cpp" -o "$work/operators"
        # operators CASE CALL WHAT [ORIGIN]
        operators() {
            debugged system "$work/operators" "$1"
            expect "$1 $pie: exit status" 0 $code
            like "$1 $pie" "dispatchalloc: debug[[][0-9]*[]]: $2(0x*)*: $3
dispatchalloc: *: 1 fault at 1 place, *" "$(reports)"
            [ -z "${4-}" ] || grep -q "^  allocated by $4:" "$work/err" || fail "$1 $pie: by whom: $(cat "$work/err")"
        }
        back='; it is given back as that'
        operators sized 'operator delete' "given as 16 bytes, but a block of 40 bytes$back" 'operator new'
        operators sized_array 'operator delete[[]]' "given as 11 bytes, but a block of 10 bytes$back" 'operator new'
        operators aligned 'operator delete' "given as alignment 128, but a block of 10 bytes at alignment 64$back" 'aligned operator new'
        operators sized_aligned 'operator delete' "given as 12 bytes at alignment 64, but a block of 10 bytes at alignment 64$back" 'aligned operator new'
        operators free_sized free_sized "given as 100 bytes, but a block of 10 bytes$back" malloc
        operators free_aligned_sized free_aligned_sized "given as 128 bytes at alignment 32, but a block of 128 bytes at alignment 64$back" 'an aligned allocation'
        again='; it is given back all the same'
        operators new_free free "a block of 10 bytes from operator new, which is for operator delete$again" 'operator new'
        operators new_realloc realloc "a block of 10 bytes from aligned operator new, which is for operator delete; it is resized all the same"
        operators malloc_delete 'operator delete' "a block of 10 bytes from malloc, which is for free$again" malloc
        for fault in new_free new_realloc malloc_delete; do
            expect "$fault with pairs=off" "" \
                "$("$tool" run -b debug:pairs=off+system "$work/operators" $fault 2>&1)"
        done
        operators delete 'operator delete' "3 bytes into a live block of 8 bytes$dropped" 'operator new'
        operators delete_array 'operator delete[[]]' "in the data of $work/operators+0x* (*block*)$dropped"
        for spec in $specs; do
            debugged "$spec" "$work/operators" nothing
            expect "operators under $spec" 0 "$code$(cat "$work/err")"
        done
    done
    # A program's own new may ask for more than it was asked for, and have no delete to it.
    cat >"$work/own-new.cpp" <<'END'
#include <cstdlib>
#include <new>
void *operator new(std::size_t size) { return std::malloc(size + 1); }
int main() { delete new int; delete[] new int[10]; return 0; }
END
    $CXX -std=c++17 -O0 -fsized-deallocation -w "$work/own-new.cpp" -o "$work/own-new"
    debugged system "$work/own-new"
    expect "an operator new alone" 0 "$code$(cat "$work/err")"
    $SED 's/operator new(/operator new[](/' "$work/own-new.cpp" >"$work/own-array.cpp"
    $CXX -std=c++17 -O0 -fsized-deallocation -w "$work/own-array.cpp" -o "$work/own-array"
    debugged system "$work/own-array"
    expect "an operator new[] alone" 0 "$code$(cat "$work/err")"
    $CXX -std=c++17 -O1 -fno-builtin -fsized-deallocation "$srcdir/tests/preload/operators.cpp" \
        -o "$work/all-operators" -lpthread
    $CXX -std=c++17 -O1 -fno-builtin -fsized-deallocation -DOWN_OPERATORS -w \
        "$srcdir/tests/preload/operators.cpp" -o "$work/own-operators" -lpthread
fi

# ---- No fault, no word ---------------------------------------------------------------------
# clean WHAT SPEC PROGRAM...: as it is without us, for which it runs by itself once.
clean() {
    what=$1 spec=$2
    shift 2
    plain=$work/plain-$(printf '%s\n' "$@" | cksum | tr ' ' -)
    [ -e "$plain" ] || "$@" >"$plain" 2>&1 </dev/null || fail "$what by itself: $(tail -n 3 "$plain")"
    debugged "$spec" "$@"
    expect "$what under $spec: exit status" 0 "$code"
    cat "$work/err" >>"$work/out"
    cmp "$work/out" "$plain" || fail "$what under $spec: $(tail -n 3 "$work/out")"
}
# A program of this machine may have another C library.
can_serve() { command -v "$1" >/dev/null 2>&1 && { ! is_foreign || "$tool" run "$1" --version >/dev/null 2>&1; }; }
# That somebody commits something changes nothing.
head=
[ ! -e "$srcdir/.git" ] || head=$(git -C "$srcdir" rev-parse HEAD 2>/dev/null) || head=
for spec in $specs; do
    case $spec in
    fixed-arena*) clean "clean blocks" "$spec" "$work/clean" 2000 ;;
    *) clean "clean blocks" "$spec" "$work/clean" ;;
    esac
    clean "the family" "$spec" "$work/family" 4096
    [ ! -e "$work/all-operators" ] || clean operators "$spec" "$work/all-operators"
    [ ! -e "$work/own-operators" ] || clean "own operators" "$spec" "$work/own-operators"
    case $spec in fixed-arena*) continue ;; esac
    ! can_serve python3 || clean python "$spec" python3 -c '
import json, multiprocessing, threading
done = []
def work():
    done.append(sum(len(json.dumps(list(range(n)))) for n in range(200)))
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(done)
with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(abs, range(-50, 0)))'
    ! can_serve bash || clean bash "$spec" bash -c '
for i in $(seq 30); do word=$(echo $i | tr 0-9 a-j); all="$all $word"; done; echo $all'
    [ -z "$head" ] || ! can_serve git || clean git "$spec" git -C "$srcdir" log -p -n 5 "$head"
    ! can_serve "${CC%% *}" || clean "the compiler" "$spec" $CC -O2 -S -o - -w "$srcdir/tests/debugged/faults.c"
done
# ---- In a handler with little stack ------------------------------------------------------------
compile "$srcdir/tests/debugged/small_stack.c" -o "$work/small_stack"
for spec in system arena:limit=2G; do
    debugged $spec "$work/small_stack"
    [ $code != 77 ] || break
    expect "small_stack under $spec: exit status" 0 $code
    expect "small_stack under $spec: faults" 6 "$(grep -c 'debug\[.*0x' "$work/err")"
done
finish
