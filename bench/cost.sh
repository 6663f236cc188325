# SPDX-License-Identifier: MIT
# What the library costs, in instructions of a pair of alloc(32) and dealloc, counted by
# callgrind, exact and repeatable, and held against bench/budgets. Both sides of a
# difference are compiled in the same way, with a PLT or without.
set -eu
. "$srcdir/tests/lib.sh"
[ -n "$shared" ] || skip "no shared library was built"
. "$srcdir/bench/budget.sh"

# pair PROGRAM WAY [SPEC]
pair() { DISPATCHALLOC_BACKEND=${3-} slope "$builddir/bench/$1" "$2"; }

try "$builddir/bench/pair" direct

# Whatever malloc and free take themselves.
hold_heading "over what it wraps"
for way in constant variable; do
    bare=$(pair pair $way)
    for layer in stats:print=off limit:bytes=1G fail debug:stacks=0 guard:every=16777216 profile:every=1024G; do
        with=$(pair pair $way $layer)
        hold "layer.${layer%%:*}.$way" $((with - bare))
        [ "$with" -gt "$bare" ] || fail "$layer is not there: $with instructions, $bare without it"
    done
done
# What stats counts another way: a pair of large blocks, of some that are as much as a thread may
# hold back, a pair of alloc_zeroed, and one realloc.
for way in large huge zeroed realloc realloc-large; do
    calls=1
    case $way in realloc*) calls=2 ;; esac
    hold "layer.stats.$way" \
        $((($(pair pair $way stats:print=off) - $(pair pair $way) + calls - 1) / calls))
done
one=$(pair pair constant stats:print=off)
hold layer.stats.lifetimes $(($(pair pair constant stats:print=off,lifetimes=on) - one))
hold layer.stats.twice $(($(pair pair constant stats:print=off+stats:print=off) - one))
echo

hold_to_libc
for program in pair pair_no_plt; do
    direct=$(pair $program direct)
    [ "$direct" -ge 10 ] || fail "$program: $direct instructions cannot be"
    [ "$direct" = "$(pair $program direct-variable)" ] || fail "$program: two ways to call malloc differ"
    case $program in
    pair) echo "callers with a PLT; malloc and free alone: $direct"; suffix= ;;
    *) echo; echo "callers without; malloc and free alone: $direct"; suffix=.no-plt ;;
    esac
    hold_heading "over malloc and free"
    for way in constant variable instance family; do
        hold "front.$way$suffix" $(($(pair $program $way) - direct))
    done
done

# A fixed choice in a file of its own, and link-time optimisation.
if [ -n "$archive" ]; then
    printf '%s\n' '#include <dispatchalloc.h>' '#include <dispatchalloc/allocator/system.h>' \
        'DAL_GLOBAL_ALLOCATOR_FIXED(dal_system_allocator);' >"$work/choice.c"
    # shellcheck disable=SC2086
    if $CC -O2 -flto $include "$srcdir/bench/pair.c" "$work/choice.c" -o "$work/fixed" $archive \
        2>"$work/said"; then
        direct=$(slope "$work/fixed" direct)
        variable=$(slope "$work/fixed" direct-variable)
        echo
        hold_heading "fixed, over malloc and free"
        hold fixed.constant $(($(slope "$work/fixed" constant) - direct))
        hold fixed.variable $(($(slope "$work/fixed" variable) - variable))
    else
        echo "no link-time optimisation here: $(tail -n 1 "$work/said")"
    fi
fi

echo
hold_heading "front and backend in all"
for backend in arena fixed-arena; do
    hold "backend.$backend" "$(pair pair constant $backend)"
done
finish
