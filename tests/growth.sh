# SPDX-License-Identifier: MIT
# The interface can grow. A library of the next version is made of this one, with a member more in
# every structure that grows and with a slot more; programs and modules of the version before, of
# this one and of the next give the same answers with both libraries. What only the next version
# knows is refused by this one with the numbers, unless it is empty.
set -eu
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/growth/lib.sh"
not_sanitized "libraries and programs are compiled with plain flags"
[ -n "$shared" ] || skip "no shared library was built"
[ -n "$OBJDUMP" ] || skip "there is no objdump, to ask for the name of the library"
unset DISPATCHALLOC_BACKEND DISPATCHALLOC_STRICT DISPATCHALLOC_VERBOSE DISPATCHALLOC_MODULE_PATH

# ---- Three versions of the headers, two of the library --------------------------------------------
copy_tree "$work/this"
cp -R "$work/this" "$work/before"
cp -R "$work/this" "$work/next"
take_members_away "$work/before"
add_slot "$work/next"
expect "files that a new slot changes" "include/dispatchalloc/instance.h lib/chain/derive.c" \
    "$(cd "$work/next" && find . -type f | sort | while read -r file; do
        cmp -s "$file" "../this/$file" || echo "${file#./}"
    done | tr '\n' ' ' | sed 's/ $//')"
append_members "$work/next"
mkdir "$work/library"
ln -s "$builddir/.libs" "$work/library/this"
compile_next "$work/next" "$work/library/next" -O0 ||
    { fail "the library of the next version does not build"; finish; }

# compile VERSION OUT SOURCE FLAGS...
compile() {
    headers=$work/$1/include out=$2 source=$3
    shift 3
    # shellcheck disable=SC2086 # compilers and flags are words
    $CC $CPPFLAGS -O1 -Wall -Wextra -Wno-missing-field-initializers -Werror -I"$headers" \
        "$growth/$source" -o "$out" "$@" $LDFLAGS || { fail "does not build: $out"; finish; }
}

# program VERSION OUT SOURCE FLAGS...: OUT-VERSION, linked with the library of its version.
program() {
    library=$work/library/$1
    [ "$1" != before ] || library=$work/library/this
    of=$1 named=$2 from=$3
    shift 3
    compile "$of" "$work/$named-$of" "$from" "$@" -L"$library" -ldispatchalloc
}

# module VERSION OUT SOURCE FLAGS...: in a directory OUT-VERSION of its own.
module() {
    of=$1 named=$2 from=$3
    shift 3
    mkdir -p "$work/$named-$of"
    compile "$of" "$work/$named-$of/${from%.c}.so" "$from" -shared -fPIC "$@"
}

# run LIBRARY COMMAND...
run() {
    (
        LD_LIBRARY_PATH=$work/library/$1
        DISPATCHALLOC_MODULE_PATH=$modules
        export LD_LIBRARY_PATH DISPATCHALLOC_MODULE_PATH
        shift
        "$@" 2>&1 || echo "exit $?"
    )
}

# ---- The matrix -----------------------------------------------------------------------------------
for version in before this next; do
    case $version in
    before) knows=-DNO_CALLS ;;
    this) knows= ;;
    next) knows=-DNEXT ;;
    esac
    # shellcheck disable=SC2086
    program $version program program.c $knows
    program $version chosen choice.c -DMACRO=DAL_GLOBAL_ALLOCATOR
    # The program has the front's functions itself, also for the library.
    program $version fixed choice.c -DMACRO=DAL_GLOBAL_ALLOCATOR_FIXED -rdynamic
    module $version pool pool.c
    # shellcheck disable=SC2086
    module $version layer layer.c $knows
done

modules=$work/pool-this:$work/layer-this
run this "$work/program-this" >"$work/answer"
grep -q BAD "$work/answer" && fail "this version by itself: $(cat "$work/answer")"
expect "the last of its answers" "the malloc family: good" "$(tail -n 1 "$work/answer")"
layered="layer: its child has a family
layer+own by 3, calls some"

count=0
for library in this next; do
    for version in before this next; do
        for pool in before this next; do
            for layer in before this next; do
                count=$((count + 1))
                modules=$work/pool-$pool:$work/layer-$layer
                run $library "$work/program-$version" >"$work/got"
                diff "$work/answer" "$work/got" ||
                    fail "program of $version, pool of $pool, layer of $layer, library of $library"
            done
        done
        what="of $version, library of $library"
        expect "choice $what" "own by 1, calls some" "$(run $library "$work/chosen-$version")"
        expect "fixed choice $what" "own by 1, calls some" "$(run $library "$work/fixed-$version")"
        for layer in before this next; do
            modules=$work/layer-$layer
            expect "choice $what, under a layer of $layer" "$layered" \
                "$(DISPATCHALLOC_BACKEND=layer run $library "$work/chosen-$version")"
        done
    done
done
echo "$count combinations"

# ---- The new slot ---------------------------------------------------------------------------------
program next slot slot.c
modules=$work/pool-this:$work/layer-this
expect "the new slot" "system: 11
arena handle: 11
arena statistics: 42
init: 0
without: 11
init: 0
own: 20
register: 0
arena: 11
fixed-arena: 11
stats:print=off+arena: 11
own: 20 native
stats:print=off+own: 11
layer: its child has no family
layer+own: 20 native
layer: its child has no family
layer+stats:print=off+pool: 11
set: 0
global: 20
NULL: 20" "$(run next "$work/slot-next")"

# ---- What only the next version has, in this one --------------------------------------------------
cat >"$work/sizes.c" <<'END'
#include <dispatchalloc.h>
#include <stdio.h>

int main(void)
{
    printf("pointer=%zu request=%zu calls=%zu services=%zu allocator=%zu option=%zu backend=%zu family=%zu\n",
           sizeof(void *), sizeof(struct dal_backend_request), sizeof(struct dal_instance_calls), sizeof(struct dal_services),
           sizeof(struct dal_allocator), sizeof(struct dal_option), sizeof(struct dal_backend),
           sizeof(struct dal_malloc_family));
    return 0;
}
END
$CC -I"$work/this/include" "$work/sizes.c" -o "$work/sizes"
eval "$("$work/sizes")"

# refused FLAG WORDS: what this library says to a pool of the next version that is made with FLAG,
# which the next library takes.
refused() {
    module next refused pool.c "-D$1"
    modules=$work/refused-next
    expect "$1, this library" "made for another version of the interface: $2" \
        "$(run this "$work/ask-this" pool)"
    expect "$1, the next library" "success: " "$(run next "$work/ask-this" pool)"
}
# shellcheck disable=SC2153 # VERSION is the library's
needs() { echo "it needs $(($1 + $3)) bytes of struct $2, libdispatchalloc $VERSION has $1"; }
has() { echo "its struct $2 has $(($1 + $3)) bytes, libdispatchalloc $VERSION knows $1 and the rest is not zero"; }

program this ask ask.c
file="module $work/refused-next/pool.so, version 1"
refused NEEDS_REQUEST "$file: $(needs "$request" dal_backend_request 8)"
refused NEEDS_CALLS "$file: $(needs "$calls" dal_instance_calls "$pointer")"
refused NEEDS_SERVICES "$file: $(needs "$services" dal_services "$pointer")"
refused FILLS_OPTION "$file: $(has "$option" dal_option 8)"
refused FILLS_BACKEND "$file: $(has "$backend" dal_backend "$pointer")"
refused FILLS_SLOT "\"pool\": $(has "$allocator" dal_allocator "$pointer")"
refused FILLS_SLOT_ALONE "\"pool\": $(has "$allocator" dal_allocator "$pointer")"

taken="init: success
create: success
arena, given: success
arena, not given: success
set: success"
why=$(has "$allocator" dal_allocator "$pointer")
program next empty filled.c
program next filled filled.c -DPROBE
program next family filled.c -DFAMILY
program next chosen-filled choice.c -DPROBE -DMACRO=DAL_GLOBAL_ALLOCATOR
program next fixed-filled choice.c -DPROBE -DMACRO=DAL_GLOBAL_ALLOCATOR_FIXED -rdynamic

other="made for another version of the interface"
expect "an empty slot, this library" "init: success
create: success
arena, given: $other
arena, not given: success
set: success" "$(run this "$work/empty-next")"
for filled in filled family; do
    [ $filled = filled ] || why=$(has "$family" dal_malloc_family "$pointer")
    expect "$filled, this library" "init: $other
create: $other
arena, given: $other
arena, not given: success
dispatchalloc: dal_global_set(\"custom\"): $why
set: $other" "$(run this "$work/$filled-next")"
    expect "$filled, the next library" "$taken" "$(run next "$work/$filled-next")"
done

at="(own) at $growth/choice.c:$(sed -n '/^MACRO/=' "$growth/choice.c"): $(has "$allocator" dal_allocator "$pointer")"
expect "a filled slot chosen, this library" \
    "dispatchalloc: DAL_GLOBAL_ALLOCATOR$at; \"system\" serves
system by 0, calls none" "$(run this "$work/chosen-filled-next")"
expect "a filled slot fixed, this library" "dispatchalloc: DAL_GLOBAL_ALLOCATOR_FIXED$at; aborting" \
    "$(run this "$work/fixed-filled-next" | head -n 1)"
for macro in chosen fixed; do
    expect "a filled slot $macro, the next library" "own by 1, calls some" \
        "$(run next "$work/$macro-filled-next")"
done

# ---- Once more under AddressSanitizer, which knows every object of the program --------------------
if echo 'int main(void) { return 0; }' >"$work/trivial.c" &&
    $CC -fsanitize=address "$work/trivial.c" -o "$work/trivial" 2>/dev/null && "$work/trivial"; then
    ASAN_OPTIONS=detect_leaks=0
    export ASAN_OPTIONS
    modules=$work/pool-next:$work/layer-next
    program this sanitized program.c -g -fsanitize=address
    for library in this next; do
        run $library "$work/sanitized-this" >"$work/got"
        diff "$work/answer" "$work/got" || fail "AddressSanitizer, library of $library"
    done
else
    echo "not here: -fsanitize=address"
fi
finish
