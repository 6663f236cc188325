# SPDX-License-Identifier: MIT
# What the tests of the modules share, after tests/lib.sh: $modules, those that were built, and
# where they are; $tool; $program NAME SOURCE makes a program linked only with the library.
[ -n "$shared" ] || skip "no shared library was built"
not_sanitized "the allocators that the modules are over are not"
need_tool
. "$srcdir/tests/modules/find.sh"
[ -n "$modules" ] || skip "no module was built"
# The system's jemalloc needs room to be opened by a running program; our own does not. And it has
# budgets of its own: budgeted MODULE is the name in bench/budgets.
jemalloc=jemalloc
[ -e "$builddir/backends/jemalloc/private/done" ] || {
    jemalloc=jemalloc-system
    GLIBC_TUNABLES=glibc.rtld.optional_static_tls=4096
    export GLIBC_TUNABLES
}
budgeted() { case $1 in jemalloc) echo "$jemalloc" ;; *) echo "$1" ;; esac; }

# program NAME: $work/NAME of tests/modules/NAME.c
program() {
    # shellcheck disable=SC2086
    $CC $CFLAGS $include "$srcdir/tests/modules/$1.c" -o "$work/$1" $shared -lpthread
}

program serve
for module in $modules; do
    said=$(DISPATCHALLOC_BACKEND=$module "$work/serve" 2>&1) || :
    case $said in
    *" is refused: "*) skip "the build directory is not safe to load from: $said" ;;
    esac
done
