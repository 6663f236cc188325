# SPDX-License-Identifier: MIT
# A library of the next version, made of this one mechanically: each structure that may grow has
# one member more, and there is one slot more. And headers of a version before. Source it after
# tests/lib.sh.
growth=$srcdir/tests/growth

# edit FILE FROM AT LINES
edit() {
    awk -v from="$2" -v at="$3" -v text="$4" -f "$growth/edit.awk" "$1" >"$work/edited" || exit 1
    cat "$work/edited" >"$1"
}

# drop FILE FROM AT
drop() {
    awk -v from="$2" -v at="$3" -v drop=1 -f "$growth/edit.awk" "$1" >"$work/edited" || exit 1
    cat "$work/edited" >"$1"
}

# append HEADER STRUCTURE MEMBER, after its last one
append() { edit "$tree/include/dispatchalloc/$1" "^struct $2 [{]" '^[}];' "    $3"; }

# without HEADER STRUCTURE MEMBER
without() { drop "$tree/include/dispatchalloc/$1" "^struct $2 [{]" "[ *(]$3( DAL_ZERO_)?[;)]"; }

# copy_tree TREE: what the library is made of, writable and complete with what configure made.
copy_tree() {
    mkdir -p "$1"
    (cd "$srcdir" && tar cf - include lib arenas backends layers) | (cd "$1" && tar xf -)
    chmod -R u+w "$1"
    cp "$builddir/config.h" "$1"
    cp "$builddir/include/dispatchalloc/version.h" "$1/include/dispatchalloc"
}

# add_slot TREE: a slot called `probe`, one of those that make or resize blocks, so that a layer
# which hooks alloc has it derived. Its place is the last one of each list.
add_slot() {
    tree=$1
    instance=$tree/include/dispatchalloc/instance.h
    append instance.h dal_allocator 'size_t (*probe)(size_t number, void *ctx);'
    edit "$instance" '^#define DAL_SLOT_ALLOC' '^$' '#define DAL_SLOT_PROBE (UINT64_C(1) << 63)'
    # shellcheck disable=SC1003 # the line goes on
    edit "$instance" '^#define DAL_SLOTS_SIZING' 'DAL_SLOT_GROW_ZEROED' '     DAL_SLOT_PROBE | \\'
    # shellcheck disable=SC1003 # the line goes on
    edit "$instance" '^#define DAL_SLOTS_[(]' '^    FORK[(]' \
        '    TAIL(probe, DAL_SLOT_PROBE, size_t, (size_t number), (number), 1, number, 1, 0) \\'
    edit "$instance" '^DAL_API ' '^DAL_END_DECLS_' \
        'DAL_API size_t dal_instance_probe(const struct dal_instance *instance, size_t number);'
    cat >>"$tree/lib/chain/derive.c" <<'END'

size_t dal_derived_probe_(size_t number, void *ctx)
{
    (void)ctx;
    return number + 1;
}
END
}

# append_members TREE: to every structure but struct dal_allocator. What the library fills, it fills.
append_members() {
    tree=$1
    append arena.h dal_arena_options 'size_t grown_bytes;'
    append arena.h dal_arena_stats 'size_t grown_count;'
    append backend.h dal_backend 'const char *grown;'
    append backend.h dal_backend_request 'uint64_t grown;'
    append backend.h dal_option 'const char *grown;'
    append backend.h dal_option_value 'uint64_t grown;'
    append global.h dal_link_choice 'const char *grown;'
    append instance.h dal_malloc_family 'void (*grown_function)(void);'
    append fail.h dal_fail_report 'uint64_t grown;'
    append stats.h dal_stats 'uint64_t grown;'
    sed 's/^#define TOTALS(X) .*/& X(grown)/' "$tree/layers/stats/keys.c" >"$work/edited"
    ! cmp -s "$work/edited" "$tree/layers/stats/keys.c" || { echo "no TOTALS in keys.c"; exit 1; }
    cat "$work/edited" >"$tree/layers/stats/keys.c"
    append service.h dal_services 'uint64_t (*grown)(void);'
    append spec.h dal_spec_item 'uint64_t grown;'
    edit "$tree/lib/chain/stack.c" 'struct dal_backend_request request = [{]' '^    [}];' \
        '        .grown = 42,'
    edit "$tree/arenas/arena/arena.c" '^size_t dal_arena_stats_read_sized' 'memset[(]stats' \
        '    known.grown_count = 42;'
}

# take_members_away TREE: the headers of a version before, for programs and modules.
take_members_away() {
    tree=$1
    without arena.h dal_arena_options flags
    without arena.h dal_arena_options reserved_
    without backend.h dal_backend needs_request_bytes
    without backend.h dal_backend needs_calls_bytes
    without backend.h dal_backend needs_services_bytes
    without backend.h dal_backend reserved_2_
    without backend.h dal_backend_request calls
    without backend.h dal_backend_request services
    without instance.h dal_allocator alloc_natural
    fixed=$tree/include/dispatchalloc/fixed.h
    drop "$fixed" 'dal_fixed_alloc_natural_[(]' 'return allocator->alloc_natural'
    drop "$fixed" 'dal_fixed_alloc_natural_[(]' ': [(]allocator->alloc[)]'
    edit "$fixed" 'dal_fixed_alloc_natural_[(]' '^[}]' \
        '    return (allocator->alloc)(size, align, allocator->ctx);'
}

# compile_library TREE OUT FLAGS...: with the compiler and the options of the build.
compile_library() {
    (
        unset MAKEFLAGS MFLAGS MAKELEVEL
        library_tree=$1 library=$2
        shift 2
        cd "$builddir" && $MAKE -s -f Makefile -f "$growth/library.mk" growth-library \
            growth_tree="$library_tree" growth_library="$library" growth_flags="$*"
    )
}

# compile_next TREE DIRECTORY FLAGS...: the library of a tree, to be linked and loaded from a
# directory as that of the build is from .libs.
compile_next() {
    next_tree=$1 next=$2
    shift 2
    soname=$($OBJDUMP -p "$builddir/.libs/libdispatchalloc.so" | awk '$1 == "SONAME" { print $2 }')
    mkdir -p "$next"
    compile_library "$next_tree" "$next/$soname" "-Wl,-soname,$soname" \
        "-Wl,--version-script=$next_tree/lib/libdispatchalloc.map" "$@"
    ln -s "$soname" "$next/libdispatchalloc.so"
}
