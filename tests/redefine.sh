# SPDX-License-Identifier: MIT
# DAL_REDEFINE_MALLOC renames functions and no words: tests/redefine.c compiles as C and as C++ of
# every year, needs nothing of the C library's malloc family, and runs, optimized by whom it be.
set -eu
. "$srcdir/tests/lib.sh"
[ -n "$shared" ] || skip "no shared library was built"
not_sanitized "the program is compiled without"

cp "$srcdir/tests/redefine.c" "$work/redefine.cpp"
cp "$srcdir/tests/redefine.c" "$work/redefine.c"
family='malloc|calloc|realloc|reallocarray|free|aligned_alloc|posix_memalign|malloc_usable_size'
count=0

try() { # COMPILER STANDARD SUFFIX FLAGS
    # shellcheck disable=SC2086 # compilers and flags are words
    quietly $1 -std=$2 $4 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wredundant-decls $include \
        "$work/redefine.$3" -o "$work/redefine" $shared || {
        fail "does not compile: $1 -std=$2 $4"
        return 0
    }
    count=$((count + 1))
    $NM -u "$work/redefine" | grep -E " ($family)(@|\$)" && fail "needs it: $1 -std=$2 $4"
    # A block of the C library's that the family gets would end in a crash, or in a loop.
    for backend in system arena stats+system; do
        DISPATCHALLOC_BACKEND=$backend timeout 20 "$work/redefine" 2>"$work/said" ||
            fail "$backend, $1 -std=$2 $4: status $?"
    done
}

compiles() { # COMPILER STANDARD LANGUAGE
    # shellcheck disable=SC2086
    echo "int main(void) { return 0; }" | $1 -std=$2 -x"$3" -fsyntax-only - 2>/dev/null
}

# all SUFFIX LANGUAGE STANDARD...: with each compiler of a list, the first standard with our header
# first as well.
all() {
    suffix=$1 language=$2
    shift 2
    while read -r compiler; do
        for standard in "$@"; do
            compiles "$compiler" "$standard" "$language" || continue
            try "$compiler" "$standard" "$suffix" "-O2 -DSYSTEM_HEADERS_FIRST"
            if [ "$standard" = "$1" ]; then
                try "$compiler" "$standard" "$suffix" -O0
            else
                # shellcheck disable=SC2086
                quietly $compiler -std=$standard -Wall -Wextra $include -fsyntax-only \
                    "$work/redefine.$suffix" || fail "our header first: $compiler -std=$standard"
            fi
        done
    done <"$work/compilers"
}

compilers >"$work/compilers"
all c c c11 gnu17 c2x
cxx_compilers >"$work/compilers"
all cpp c++ c++11 c++17 c++20 c++23
versions gcc clang >"$work/compilers"
all c c c2x
versions g++ clang++ >"$work/compilers"
all cpp c++ c++20
compiler_versions >"$work/compilers"
while read -r compiler; do
    case $compiler in
    *clang*) ;;
    *) try "$compiler" gnu11 c "-O2 -flto" ;;
    esac
done <"$work/compilers"
[ $count -ge 4 ] || fail "only $count programs were made"

# ---- What comes too late is refused, and not half renamed --------------------------------------
cat >"$work/late.c" <<'EOF'
#include <stdlib.h>
void *before(void);
void *before(void) { return malloc(3); }
#define DAL_REDEFINE_MALLOC
#include <dispatchalloc/unsized.h>
EOF
while read -r compiler; do
    case $compiler in
    *clang*)
        # shellcheck disable=SC2086
        ! $compiler $include -c "$work/late.c" -o "$work/late.o" 2>"$work/said" ||
            fail "$compiler takes a rename after a call"
        grep -q "after its first use" "$work/said" || fail "$compiler: $(cat "$work/said")" ;;
    *)
        # gcc renames what came before as well.
        # shellcheck disable=SC2086
        $compiler $include -c "$work/late.c" -o "$work/late.o" || fail "$compiler: late"
        ! $NM -u "$work/late.o" | grep -q " malloc\$" || fail "$compiler leaves a malloc behind" ;;
    esac
done <"$work/compilers"
for header in system jemalloc; do
    printf '#include <stdlib.h>\n#define DAL_REDEFINE_MALLOC\n#include <dispatchalloc/allocator/%s.h>\n' \
        $header >"$work/both.c"
    # shellcheck disable=SC2086
    ! $CC $include -fsyntax-only "$work/both.c" 2>"$work/said" || fail "allocator/$header.h is redefined"
done
printf '%s\n' '#include <dispatchalloc/allocator/system.h>' '#define DAL_REDEFINE_MALLOC' \
    '#include <dispatchalloc/unsized.h>' >"$work/both.c"
# shellcheck disable=SC2086
! $CC $include -fsyntax-only "$work/both.c" 2>"$work/said" || fail "the inline system allocator calls itself"
echo "$count programs"
finish
