# SPDX-License-Identifier: MIT
# Every public header compiles alone, as C from 2011 on and C++ from 2011 on, without a word
# from the compiler; the umbrella has them all; including one twice is no error.
set -eu
. "$srcdir/tests/lib.sh"

headers=$(cd "$srcdir/include" && find . -name '*.h' | sed 's/^\.\///' | LC_ALL=C sort)
headers="$headers dispatchalloc/version.h"
# Those over another library take its own header, which may not be here.
for library in jemalloc/jemalloc.h mimalloc.h; do
    echo "#include <$library>" | $CC -E - >/dev/null 2>&1 || {
        echo "not here: $library"
        headers=$(echo "$headers" | grep -v "allocator/${library##*/}")
    }
done
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wundef -Wwrite-strings
    -Wcast-qual -Werror'
warnings_c='-Wstrict-prototypes -Wmissing-prototypes -Wvla'
warnings_cxx=''

mkdir "$work/alone"
for header in $headers; do
    name=$(echo "$header" | tr '/.' '__')
    # (ISO C wants a declaration in a file, and a header of macros has none.)
    printf '#include <%s>\n#include <%s>\nextern int nothing;\n' "$header" "$header" \
        >"$work/alone/$name.c"
    cp "$work/alone/$name.c" "$work/alone/$name.cpp"
done

# look COMMAND FILE...: a command of a compiler that generates nothing, over each file by itself. To
# start clang takes many times as long as to read a header, and for several files its driver starts
# it as often: so the driver is asked what it would do, and that is done for all of them at once.
look() {
    command=$1
    shift
    # shellcheck disable=SC2086 # words
    inner=$($command "-###" "$1" 2>&1 | tail -n 1)
    case $inner in
    *'"-cc1"'*)
        shift
        eval "$inner \"\$@\"" ;;
    *) $command "$@" ;;
    esac
}
cd "$work"
echo 'extern int one;' >one.c
echo '#include <stddef.h>' >two.c
echo 'extern size_t three;' >three.c

count=0
compile() { # COMPILER STANDARD SUFFIX WARNINGS LANGUAGE
    # shellcheck disable=SC2086
    if ! echo "int main(void) { return 0; }" | $1 -std=$2 -x${5} - -fsyntax-only 2>/dev/null; then
        echo "not here: $1 -std=$2"
        return
    fi
    count=$((count + 1))
    look "$1 -std=$2 $warnings $4 $include -fsyntax-only" "$work"/alone/*."$3" >"$work/said" 2>&1 &&
        [ ! -s "$work/said" ] || { head -n 20 "$work/said"; fail "$1 -std=$2"; }
    # What one file has is not there for the next, and the last one is looked at.
    ! look "$1 -std=$2 -x $5 -fsyntax-only" one.c two.c three.c >"$work/said" 2>&1 &&
        expect "$1 -std=$2: what lacks an include" three.c \
            "$(sed -n 's/^\([a-z]*\.c\):.*error:.*size_t.*/\1/p' "$work/said" | sort -u)" ||
        fail "$1 -std=$2: a file without its include compiles"
}

compilers >"$work/compilers"
while read -r compiler; do
    for standard in c11 c17 gnu17 c2x; do
        compile "$compiler" $standard c "$warnings_c" c
    done
done <"$work/compilers"
cxx_compilers >"$work/compilers"
while read -r compiler; do
    for standard in c++11 c++14 c++17 c++20; do
        compile "$compiler" $standard cpp "$warnings_cxx" c++
    done
done <"$work/compilers"
[ $count -ge 3 ] || fail "only $count compilers and standards were tried"
echo "$(echo "$headers" | wc -w) headers, $count compilers and standards"

# What an author writes by names compiles as C and C++20, options and what is left out included, and
# C++20 does not take the other form.
cat >"$work/backend.c" <<'EOF'
#include <dispatchalloc.h>
static void *take(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return dal_instance_alloc(dal_system(), size, align);
}
static void give(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    dal_instance_dealloc(dal_system(), ptr, size, align);
}
static const struct dal_allocator pool = {
    DAL_ALLOCATOR_HEADER_NAMED(NULL), .alloc = take, .dealloc = give,
};
static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    *allocator = pool;
    return 0;
}
static const struct dal_option options[] = {
    {.name = "keep", .type = DAL_OPTION_COUNT, .maximum = 9, .default_text = "1", .summary = "many"},
};
static const struct dal_backend backend = {
    DAL_BACKEND_HEADER_NAMED,
    .name = "pool", .version = "1", .summary = "a pool", .option_count = 1, .options = options,
    .create = create,
};
DAL_MODULE(backend);
_Static_assert(sizeof backend.abi == sizeof(uint32_t), "");
EOF
$SED 's/_Static_assert/static_assert/' "$work/backend.c" >"$work/backend.cpp"
$SED 's/_HEADER_NAMED/_HEADER/' "$work/backend.cpp" >"$work/mixed.cpp"
compilers >"$work/compilers"
while read -r compiler; do
    $compiler -std=c11 $warnings $warnings_c $include -fsyntax-only "$work/backend.c" >"$work/said" 2>&1 ||
        { cat "$work/said"; fail "$compiler: a backend by names"; }
done <"$work/compilers"
cxx_compilers >"$work/compilers"
while read -r compiler; do
    echo | $compiler -std=c++20 -xc++ -fsyntax-only - 2>/dev/null || continue
    $compiler -std=c++20 $warnings $include -fsyntax-only "$work/backend.cpp" >"$work/said" 2>&1 ||
        { cat "$work/said"; fail "$compiler -std=c++20: a backend by names"; }
    ! $compiler -std=c++20 $warnings $include -fsyntax-only "$work/mixed.cpp" >"$work/said" 2>&1 ||
        fail "$compiler -std=c++20 takes the form of C"
done <"$work/compilers"

for header in $headers; do
    case $header in
    dispatchalloc.h) continue ;;
    esac
    grep -q "^#include <$header>" "$srcdir/include/dispatchalloc.h" || case $header in
    # Needed by the others, of no use to a program.
    dispatchalloc/macros.h) ;;
    # For who uses that allocator.
    dispatchalloc/allocator/*) ;;
    *) fail "<dispatchalloc.h> leaves out <$header>" ;;
    esac
    grep -q "$header" "$srcdir/include/include.mk" || fail "include.mk leaves out <$header>"
done
finish
