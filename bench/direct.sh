# SPDX-License-Identifier: MIT
# direct MODULE: the library with the plain names that has the allocator of a module, the same
# build of it; to preload instead of the module. After tests/modules/lib.sh.
direct() {
    archive=$builddir/backends/jemalloc/private/lib/libjemalloc_pic.a
    if [ "$1" != jemalloc ] || ! [ -e "$archive" ]; then
        ldd "$builddir/backends/$1/.libs/$1.so" |
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
