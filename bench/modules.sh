# SPDX-License-Identifier: MIT
# What each module costs: instructions of an alloc(32)+dealloc pair through the front over the
# malloc and free of the same build of the same allocator, called in the same way.
set -eu
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/modules/lib.sh"
[ -n "$VALGRIND" ] || skip "there is no valgrind to count with"
case " $CFLAGS " in
*" -O0 "*) skip "built with -O0" ;;
*" -O"*) ;;
*) skip "built without -O" ;;
esac
limit=16

# shellcheck disable=SC2086
$CC $CFLAGS -fno-plt $include "$srcdir/bench/module_pair.c" -o "$work/pair" $shared -ldl

# count ARGUMENT...: instructions of a run of as many pairs as the first argument says.
count() {
    $VALGRIND --tool=callgrind --callgrind-out-file=/dev/null "$work/pair" "$@" \
        >"$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }
    sed -n 's/^==[0-9]*== Collected : \([0-9]*\)$/\1/p' "$work/said"
}

# pair [LIBRARY MALLOC FREE]: instructions of one pair.
pair() {
    few=$(count 1000 "$@") || return 1
    many=$(count 11000 "$@") || return 1
    echo $(((many - few) / 10000))
}

count 1 >/dev/null || skip "callgrind does not run here: $(tail -n 1 "$work/said")"

# The module keeps its jemalloc to itself: the archive that it was linked from, in a library.
archive=$builddir/backends/jemalloc/private/lib/libjemalloc_pic.a
[ ! -e "$archive" ] || $CC -shared -o "$work/libjemalloc.so" -Wl,--whole-archive "$archive" \
    -Wl,--no-whole-archive -lpthread -ldl

# library MODULE: the file that its own library is in.
library() {
    ldd "$builddir/backends/$1/.libs/$1.so" | sed -n 's/^.* => \(\/.*lib[a-z]*malloc[^ ]*\) .*/\1/p' |
        head -n 1
}

echo "instructions of a pair of alloc(32) and dealloc"
echo
echo "module     direct    front   over"
for module in $modules; do
    case $module in
    jemalloc)
        if [ -e "$archive" ]; then
            direct=$(pair "$work/libjemalloc.so" dal_je_malloc dal_je_free)
        else
            direct=$(pair "$(library jemalloc)" malloc free)
        fi ;;
    mimalloc) direct=$(pair "$(library mimalloc)" mi_malloc mi_free) ;;
    tcmalloc) direct=$(pair "$(library tcmalloc)" tc_malloc tc_free) ;;
    tbb) direct=$(pair "$(library tbb)" scalable_malloc scalable_free) ;;
    esac
    front=$(DISPATCHALLOC_BACKEND=$module pair)
    ! grep -q '^dispatchalloc: ' "$work/said" || fail "$(grep '^dispatchalloc: ' "$work/said")"
    printf '%-8s %8d %8d %+6d\n' "$module" "$direct" "$front" $((front - direct))
    [ "$direct" -ge 10 ] || fail "$module: $direct instructions cannot be"
    [ "$front" -gt "$direct" ] || fail "$module: the front cannot be free"
    [ $((front - direct)) -le $limit ] ||
        fail "$module: the front costs more than $limit instructions a pair"
done
finish
