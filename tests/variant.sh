# SPDX-License-Identifier: MIT
# variant.sh check-asan|check-tsan|check-clang|check-valgrind: build the library in a directory
# of that name and run the suite there, in another way: under valgrind the unit tests. Tests which
# cannot work so say why they skip.
set -eu
variant=$1
flags='-O2 -g' arguments='' runner=''
case $variant in
check-asan)
    flags='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined' ;;
check-tsan) flags='-O1 -g -fsanitize=thread' ;;
# The valgrind of Debian 12 cannot read what clang writes by default.
check-clang) CC=clang CXX=clang++ arguments=--enable-werror flags="$flags -gdwarf-4" ;;
check-valgrind)
    runner="$VALGRIND -q --error-exitcode=97 --trace-children=yes --trace-children-skip=*/sh,*/dash,*/bash,*/addr2line --errors-for-leak-kinds=definite --child-silent-after-fork=no --max-threads=1100" ;;
*) echo "variant.sh: what is $variant?" >&2; exit 2 ;;
esac

skip() {
    echo "$variant is skipped: $*"
    exit 0
}
[ ! -e "$srcdir/config.status" ] ||
    skip "the source directory is configured itself; build in a directory of its own"
[ "$variant" != check-valgrind ] || [ -n "$VALGRIND" ] || skip "there is no valgrind"
command -v "${CC%% *}" >/dev/null 2>&1 || skip "there is no ${CC%% *}"
directory=$builddir/$variant
mkdir -p "$directory"
cd "$directory"
echo 'int main(void) { return 0; }' >trivial.c
# shellcheck disable=SC2086 # compilers and flags are words
$CC $flags trivial.c -o trivial >/dev/null 2>&1 && ./trivial || skip "$CC $flags does not work here"

# Failing allocations give NULL under AddressSanitizer, too, and what is wrong ends the test.
ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}
TSAN_OPTIONS=halt_on_error=1:allocator_may_return_null=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}
export ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS
# Slower: what is rare is not looked for by repetition here, and every n-th of many combinations stands
# for all.
case $variant in
check-clang) ;;
check-valgrind)
    RACE_RUNS=${RACE_RUNS-3} CHOICE_EVERY=${CHOICE_EVERY-13} CONFORMANCE_EVERY=${CONFORMANCE_EVERY-13}
    CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER-20} ;;
*)
    [ "$variant" != check-tsan ] || CONFORMANCE_EVERY=${CONFORMANCE_EVERY-13} # some cases take half a minute
    RACE_RUNS=${RACE_RUNS-25} CHOICE_EVERY=${CHOICE_EVERY-3} CONFORMANCE_EVERY=${CONFORMANCE_EVERY-3}
    CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER-6} ;;
esac
export RACE_RUNS CHOICE_EVERY CONFORMANCE_EVERY CK_TIMEOUT_MULTIPLIER 2>/dev/null || true

# shellcheck disable=SC2086
[ -e Makefile ] || "$srcdir/configure" -q $arguments CC="$CC" CXX="$CXX" CXX_FOR_TESTS="$CXX" CFLAGS="$flags"
$MAKE -s
status=0
if [ -n "$runner" ]; then
    # check_pages counts page faults, of which valgrind's shadow has its own. Two ask the system's
    # malloc for what nobody has: valgrind's leaves errno alone then, and reports it. What
    # check_conformance_finds runs has its faults on purpose; conformance is the kit without them,
    # whose processes end by _exit() in the middle of things, so that leaks mean nothing there.
    most='$(filter-out tests/check_pages tests/check_unsized tests/check_instance_unsized \
        tests/check_conformance_finds tests/conformance,$(unit_tests))'
    $MAKE check UNIT_RUNNER="$runner --leak-check=full" TESTS="$most" || status=$?
    $MAKE check UNIT_RUNNER="$runner" TESTS=tests/conformance TEST_SUITE_LOG=test-suite-kit.log || status=$?
    $MAKE -s check-totals TESTS="$most tests/conformance"
else
    $MAKE check || status=$?
    $MAKE -s check-totals
fi
exit $status
