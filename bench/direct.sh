# SPDX-License-Identifier: MIT
# To be preloaded for a comparison; after tests/modules/lib.sh.

# loaded MODULE: the file of a module that `run` loads. jemalloc has one for the start of programs,
# where it was built from source.
loaded() {
    file=$builddir/backends/$1/start/.libs/$1.so
    [ -e "$file" ] || file=$builddir/backends/$1/.libs/$1.so
    echo "$file"
}

# direct MODULE: the library with the plain names that has the allocator of that, the same build of
# it.
direct() {
    archive=$builddir/backends/jemalloc/start/private/lib/libjemalloc_pic.a
    if [ "$1" != jemalloc ] || ! [ -e "$archive" ]; then
        ldd "$(loaded "$1")" |
            sed -n 's/^.* => \(\/.*lib[a-z]*malloc[^ ]*\) .*/\1/p' | head -n 1
        return
    fi
    # The module has the functions under names of its own.
    set --
    for name in malloc free calloc realloc memalign posix_memalign aligned_alloc malloc_usable_size; do
        set -- "$@" "-Wl,--defsym=$name=dal_je_$name"
    done
    $CC -shared -o "$work/libjemalloc.so" -Wl,--whole-archive "$archive" -Wl,--no-whole-archive \
        "$@" -lpthread -ldl
    echo "$work/libjemalloc.so"
}
