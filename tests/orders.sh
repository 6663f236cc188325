# SPDX-License-Identifier: MIT
# orders.sh: the memory orders by which the library hands things from thread to thread suffice on
# any machine that keeps the rules of C11, and no weaker ones would: with those of one file made
# relaxed, on either side, ThreadSanitizer finds the race (tests/race/orders.c).
set -eu
. "$srcdir/tests/lib.sh"
not_sanitized "the library is built anew for this"
# What the library tells a sanitizer, for builds without one, would hide the orders of seats.
flags="$CPPFLAGS -O1 -fsanitize=thread -DDAL_TELL_NO_SANITIZER -I$builddir $include"
TSAN_OPTIONS=halt_on_error=1:exitcode=66
export TSAN_OPTIONS
unset DISPATCHALLOC_BACKEND

mkdir "$work/objects" "$work/weak"
echo 'int main(void) { return 0; }' >"$work/trivial.c"
# shellcheck disable=SC2086 # compilers and flags are words
$CC $flags "$work/trivial.c" -o "$work/trivial" 2>/dev/null && "$work/trivial" 2>/dev/null ||
    skip "there is no ThreadSanitizer that works"

# shellcheck disable=SC2086
compile() {
    $CC $flags "$@" -I"$srcdir/lib" -DDAL_BACKEND_DIRECTORY='"/nowhere"' -DDAL_COMMAND='"/nowhere"' -DDAL_COMMAND_BESIDE='"nowhere"' -c ||
        give_up "does not compile: $*"
}

# object FILE: where the object of a source is.
object() { echo "$work/objects/$(echo "$1" | tr / _).o"; }

# run SCENARIO: its exit status is in $status, what was said in $work/said.
# shellcheck disable=SC2086
run() {
    $CC $flags "$work"/objects/*.o -o "$work/orders" -lpthread -ldl || give_up "$1 does not link"
    status=0
    timeout 60 "$work/orders" "$1" >"$work/said" 2>&1 || status=$?
}

# weaken SCENARIO SIDE OTHER FILE [SOURCE]: the scenario has a race if no order of the file has this
# side, release or acquire, any more. A header is compiled into a source.
weaken() {
    source=${5-$4} weak=$work/weak/$4
    mkdir -p "$(dirname "$weak")"
    sed "s/memory_order_$2/memory_order_relaxed/g; s/memory_order_acq_rel/memory_order_$3/g" \
        "$4" >"$weak"
    ! cmp -s "$4" "$weak" || fail "$4 has no $2"
    [ "$source" != "$4" ] || source=$weak
    compile -I"$work/weak/lib" -I"$srcdir/$(dirname "$4")" "$source" -o "$(object "${5-$4}")"
    run "$1"
    grep -q 'WARNING: ThreadSanitizer: data race' "$work/said" ||
        fail "$1: nothing is found (status $status) where $4 has no $2"
    compile "${5-$4}" -o "$(object "${5-$4}")"
    rm "$weak"
}
no_release() { weaken "$1" release acquire "$2"; }
no_acquire() { weaken "$1" acquire release "$2" ${3+"$3"}; }

cd "$srcdir"
for file in $core_sources tests/race/orders.c; do
    case $file in
    *.c) compile "$file" -o "$(object "$file")" ;;
    esac
done
for scenario in state hook family backend idle returned part seat; do
    run "$scenario"
    [ "$status" = 0 ] || fail "$scenario: status $status: $(head -30 "$work/said")"
done

no_release state lib/choice/choice.c
no_acquire state lib/choice/choice.c
no_release hook lib/choice/hook.c
no_acquire hook lib/choice/hook.h lib/front/front.c
no_release family lib/front/unsized.c
no_acquire family lib/front/unsized.c
no_release backend lib/registry/registry.c
no_acquire backend lib/registry/registry.c
no_release idle backends/arena/heap_states.c
no_acquire idle backends/arena/heap_states.c
no_release returned backends/arena/heap_own.c
no_acquire returned backends/arena/heap_own.c
for scenario in part seat; do
    no_release $scenario lib/service/thread_record.c
    no_acquire $scenario lib/service/thread_record.c
done
finish
