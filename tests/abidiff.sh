# SPDX-License-Identifier: MIT
# What abidiff (libabigail) says of the library and the one of the next version that
# tests/growth/lib.sh makes of it: nothing but that there are more functions, and members at the
# end of the structures which tests/growth/abidiff.suppr names. That it says more of a change that
# would need a new soname is seen first.
set -eu
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/growth/lib.sh"
not_sanitized "libraries are compiled with plain flags"
[ -n "$shared" ] || skip "no shared library was built"
[ -n "$OBJDUMP" ] || skip "there is no objdump, to ask for the name of the library"
command -v abidiff >/dev/null 2>&1 || skip "there is no abidiff (Debian's package: abigail-tools)"
library=$builddir/.libs/libdispatchalloc.so
$OBJDUMP -h "$library" | grep -q '\.debug_info' ||
    skip "the library was built without -g, which tells abidiff of the structures"
copy_tree "$work/this"

# compatible TREE OLD NEW: what is left to say is in $work/said. (A type that no header has is
# private.)
compatible() {
    abidiff --suppressions "$growth/abidiff.suppr" --no-added-syms \
        --headers-dir1 "$work/this/include" --headers-dir2 "$1/include" "$2" "$3" >"$work/said" 2>&1
}

# ---- Changes that need a new soname ---------------------------------------------------------------
# In a library of two functions, one of which has every structure as a parameter: abidiff does not
# look behind a structure that the suppressions name.
cat >"$work/few.c" <<'END'
#include <dispatchalloc.h>

#define PARAMETERS                                                                        \
    struct dal_layout layout, struct dal_arena_checkpoint checkpoint,                     \
        struct dal_instance *instance, struct dal_instance_storage *storage,              \
        struct dal_arena *arena, struct dal_fixed_arena *fixed, struct dal_allocator *a,  \
        struct dal_malloc_family *b, struct dal_backend *c, struct dal_link_choice *d,    \
        struct dal_option *e, struct dal_option_value *f, struct dal_backend_request *g,  \
        struct dal_instance_calls *h, struct dal_spec_item *i, struct dal_stats *j,       \
        struct dal_fail_report *n,                                                        \
        struct dal_arena_options *k, struct dal_arena_stats *l, struct dal_services *m,           \
        struct dal_thread_record *record, struct dal_thread_listener *listener,           \
        struct dal_limit_listener *limit_listener

void few(PARAMETERS);
void few(PARAMETERS)
{
}

#ifndef GONE
void other(void);
void other(void)
{
}
#endif
END
# few TREE OUT FLAGS...
few() {
    headers=$1/include out=$2
    shift 2
    # shellcheck disable=SC2086 # compilers and flags are words
    $CC -I"$headers" -w -g -O0 -fPIC -shared -Wl,-soname,few.so "$work/few.c" -o "$out" "$@" || exit 1
}

few "$work/this" "$work/few.so"
compatible "$work/this" "$work/few.so" "$work/few.so" || fail "itself: $(cat "$work/said")"

# found WHAT WORDS FLAGS..., after a change in $work/changed
found() {
    what=$1 words=$2
    shift 2
    few "$work/changed" "$work/changed.so" "$@"
    if compatible "$work/changed" "$work/few.so" "$work/changed.so"; then
        fail "not found: $what"
    elif ! grep -q "$words" "$work/said"; then
        fail "$what: no word of \"$words\" in
$(cat "$work/said")"
    fi
    rm -rf "$work/changed"
}
change() {
    cp -R "$work/this" "$work/changed"
    tree=$work/changed
}

change
edit "$tree/include/dispatchalloc/instance.h" '^struct dal_instance [{]' alloc_natural 'void *probe;'
found "a slot in the head of an instance" "'struct dal_instance'"
change
edit "$tree/include/dispatchalloc/instance.h" '^struct dal_allocator [{]' ' realloc DAL_ZERO_;' 'void *probe;'
found "a slot between others" "'struct dal_allocator'"
change
edit "$tree/include/dispatchalloc/backend.h" '^struct dal_option_value [{]' 'number;' 'void *grown;'
found "a member between others" "'struct dal_option_value'"
change
append instance.h dal_instance_storage 'void *grown;'
found "a longer storage, which is in memory of the program" "'struct dal_instance_storage'"
change
append layout.h dal_layout 'size_t grown;'
found "a longer layout, which is passed by value" "'struct dal_layout'"
for structure in dal_arena dal_arena_checkpoint; do
    change
    append arena.h $structure 'uint64_t grown;'
    found "a longer $structure, which is in memory of the program" "'struct $structure'"
done
for structure in dal_thread_record dal_thread_listener; do
    change
    append service.h $structure 'uintptr_t grown;'
    found "a longer $structure, which is in memory of a module" "'struct $structure'"
done
change
append limit.h dal_limit_listener 'uintptr_t grown;'
found "a longer dal_limit_listener, which is in memory of the program" "'struct dal_limit_listener'"
change
found "a function that is gone" "function void other" -DGONE

# ---- The next version -----------------------------------------------------------------------------
cp -R "$work/this" "$work/next"
add_slot "$work/next"
append_members "$work/next"
few "$work/next" "$work/few-next.so"
compatible "$work/next" "$work/few.so" "$work/few-next.so" ||
    fail "the structures of the next version: $(cat "$work/said")"
compile_next "$work/next" "$work/library" -O0 -g
compatible "$work/next" "$library" "$work/library/libdispatchalloc.so" ||
    fail "the next version: $(cat "$work/said")"
finish
