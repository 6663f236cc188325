# SPDX-License-Identifier: MIT
# What each module costs: instructions of an alloc(32)+dealloc pair through the front over the
# malloc and free of the same build of the same allocator, called in the same way.
set -eu
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/modules/lib.sh"
. "$srcdir/bench/budget.sh"

# shellcheck disable=SC2086
$CC $CFLAGS -fno-plt $include "$srcdir/bench/module_pair.c" -o "$work/pair" $shared -ldl

try "$work/pair"

# The module keeps its jemalloc to itself: the archive that it was linked from, in a library.
archive=$builddir/backends/jemalloc/private/lib/libjemalloc_pic.a
[ ! -e "$archive" ] || $CC -shared -o "$work/libjemalloc.so" -Wl,--whole-archive "$archive" \
    -Wl,--no-whole-archive -lpthread -ldl

# library MODULE: the file that its own library is in.
library() {
    ldd "$builddir/backends/$1/.libs/$1.so" | sed -n 's/^.* => \(\/.*lib[a-z]*malloc[^ ]*\) .*/\1/p' |
        head -n 1
}

# front MODULE [variable]: one pair by the front, which has to be served by the module.
front() {
    DISPATCHALLOC_BACKEND=$1 slope "$work/pair" ${2-} || return 1
    ! grep -q '^dispatchalloc: ' "$work/said" || fail "$(grep '^dispatchalloc: ' "$work/said")"
}

hold_heading "over the allocator itself"
for module in $modules; do
    case $module in
    jemalloc)
        if [ -e "$archive" ]; then
            direct=$(slope "$work/pair" "$work/libjemalloc.so" dal_je_malloc dal_je_free)
        else
            direct=$(slope "$work/pair" "$(library jemalloc)" malloc free)
        fi ;;
    mimalloc) direct=$(slope "$work/pair" "$(library mimalloc)" mi_malloc mi_free) ;;
    tcmalloc) direct=$(slope "$work/pair" "$(library tcmalloc)" tc_malloc tc_free) ;;
    tbb) direct=$(slope "$work/pair" "$(library tbb)" scalable_malloc scalable_free) ;;
    esac
    constant=$(front "$module")
    variable=$(front "$module" variable)
    [ "$direct" -ge 10 ] || fail "$module: $direct instructions cannot be"
    [ "$constant" -gt "$direct" ] || fail "$module: the front cannot be free"
    budgeted=$(budgeted "$module")
    hold "module.$budgeted.constant" $((constant - direct))
    hold "module.$budgeted.variable" $((variable - direct))
done
finish
