# SPDX-License-Identifier: MIT
# What the platforms share. tests/platforms/NAME.sh builds the library in a directory of its own,
# runs there what can run, and ends with one line:
#
#     NAME: N passed, N failed, N skipped; N of N test programs
#
# (The last number is that of the whole suite on Debian 12: the difference is not run here.)
# NAME.known, if there is one, lists what is known to fail and what may be skipped, a line each with the
# reason:
#
#     fail tests/check_x:test_y  why
#     skip tests/z               why
#     emulated tests/x:test_y    why: may fail where an emulator runs the tests, which is a skip then
#
# (emulated.known has what they all have of those.)
#
# Whatever else fails or is skipped fails the run, and so does a listed one that is gone: mend the
# list with what it is about. Only what an emulator does otherwise goes by its version and by chance,
# and is none of our business: the run says what is gone of it, and passes. A check of a libcheck
# program counts by itself.
#
# Usage:
#     . "${0%/*}/lib.sh"
#     need PACKAGE:WHAT...          what it cannot do without, see has()
#     emulate EMULATOR...           unit tests run under it, if the processor cannot run them
#     configure CC=... [ARGUMENT]   configure and build
#     run_tests TEST...             unit is all libcheck programs but $left_out, $shell_tests those
#                                   scripts that look at what is built and what runs
#     finish
#
# What it needs is installed if root calls it, as ./quickstart does. Without it the platform is
# skipped with status 77. PLATFORM_LIMIT is how many seconds a test may take; with PLATFORM_SHORT=yes
# what takes long is left out, so that the whole takes some three minutes.
set -eu
platforms=$(cd "${0%/*}" && pwd)
source=$(cd "$platforms/../.." && pwd)
name=${0##*/}
name=${name%.sh}
directory=${PLATFORMS_DIRECTORY:-$source/build/platforms}/$name
known=$platforms/$name.known
mkdir -p "$directory"
unset DISPATCHALLOC_BACKEND DISPATCHALLOC_MALLOC MAKEFLAGS MFLAGS MAKELEVEL
jobs=-j$(nproc 2>/dev/null || echo 2)
limit=${PLATFORM_LIMIT-300}
RACE_RUNS=${RACE_RUNS-25} CHOICE_EVERY=${CHOICE_EVERY-7}
export RACE_RUNS CHOICE_EVERY

shell_tests='tests/front.sh tests/fixed.sh tests/link-choice.sh tests/call-site.sh tests/symbols.sh
    tests/structure.sh tests/typed-misuse.sh tests/preload.sh tests/preload-start.sh
    tests/preload-symbols.sh tests/run.sh tests/run-debug.sh tests/loader.sh tests/secure.sh
    tests/tool.sh tests/stats-print.sh tests/stats-family.sh tests/examples.sh tests/headers.sh'

[ "${PLATFORM_SHORT-}" != yes ] || shell_tests='tests/symbols.sh tests/structure.sh tests/preload.sh
    tests/run.sh tests/stats-family.sh'

# Set by a platform that runs unit tests alone: half as much to build.
shared_only=''

# Programs of tests that are made, if not all.
programs=''

# Unit tests that a platform leaves out, and those that take long.
left_out=''
long_unit_tests='tests/conformance tests/check_conformance_finds'

say() { echo "$name: $*"; }

has() {
    case $1 in
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# need PACKAGE:WHAT...: WHAT is a command or an absolute path.
need() {
    missing=''
    for pair; do has "${pair#*:}" || missing="$missing ${pair%%:*}"; done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ] && has apt-get; then
        # shellcheck disable=SC2086 # a list of words
        quietly install apt-get install -y --no-install-recommends $missing || {
            quietly update apt-get update
            quietly install apt-get install -y --no-install-recommends $missing
        } || :
    fi
    for pair; do
        has "${pair#*:}" || { say "skipped: it needs Debian's package ${pair%%:*}"; exit 77; }
    done
}

# quietly WHAT COMMAND...: what it says is shown if it fails.
quietly() {
    what=$1
    shift
    DEBIAN_FRONTEND=noninteractive "$@" >"$directory/$what.log" 2>&1 </dev/null || {
        tail -n 30 "$directory/$what.log"
        return 1
    }
}

# In an unpacked tree that is not configured itself.
bootstrap() {
    [ ! -e "$source/config.status" ] || { say "the source directory is configured itself"; exit 1; }
    [ -e "$source/configure" ] || (cd "$source" && quietly bootstrap ./bootstrap)
}

# emulate COMPILER EMULATOR...: unless what the compiler makes runs by itself.
emulate() {
    echo 'int main(void) { return 0; }' >"$directory/trivial.c"
    $1 "$directory/trivial.c" -o "$directory/trivial.exe" || { say "$1 does not work"; exit 1; }
    shift
    [ -n "${always_emulated-}" ] || ! "$directory/trivial.exe" 2>/dev/null || return 0
    "$@" "$directory/trivial.exe" || { say "$1 cannot run its programs"; exit 1; }
    UNIT_RUNNER="$*" CK_TIMEOUT_MULTIPLIER=6
    export UNIT_RUNNER CK_TIMEOUT_MULTIPLIER
}

# configure ARGUMENT...
configure() {
    bootstrap
    rm -rf "$directory/build"
    mkdir -p "$directory/build"
    cd "$directory/build"
    quietly configure "$source/configure" --with-jemalloc=no $shared_only "$@" ||
        { say "it cannot be configured"; exit 1; }
    quietly make make "$jobs" || { say "it does not build"; exit 1; }
}

# libcheck HOST CC...: libcheck for a platform that Debian has no package for, of its source.
libcheck() {
    host=$1
    shift
    [ ! -e "$directory/check/lib/libcheck.a" ] || { find_libcheck; return; }
    "$source/backends/jemalloc/fetch.sh" "$directory/check-source" check >"$directory/fetch.log" ||
        { say "skipped: $(cat "$directory/fetch.log")"; exit 77; }
    (
        cd "$directory/check-source/source" &&
            { [ -e configure ] || quietly check-bootstrap autoreconf -i; } &&
            quietly check-configure ./configure --host="$host" --prefix="$directory/check" \
                --disable-shared --disable-subunit --disable-build-docs CC="$*" &&
            quietly check-make make "$jobs" -C lib &&
            quietly check-install make "$jobs" -C src install &&
            cp check_stdint.h "$directory/check/include"
    ) || { say "libcheck does not build"; exit 1; }
    find_libcheck
}

find_libcheck() {
    CHECK_CFLAGS="-I$directory/check/include"
    CHECK_LIBS="$directory/check/lib/libcheck.a -lpthread -lm"
    export CHECK_CFLAGS CHECK_LIBS
}

# run_tests TEST...: unit for all libcheck programs. Results are collected by finish.
run_tests() {
    [ "$1" != unit ] || {
        shift
        [ "${PLATFORM_SHORT-}" != yes ] || left_out="$left_out $long_unit_tests"
        for test in $(ask unit_tests); do
            case " $left_out " in *" $test "*) ;; *) set -- "$@" "$test" ;; esac
        done
    }
    quietly programs make "$jobs" -k check-am TESTS= ${programs:+"check_PROGRAMS=$programs"} || :
    printf '%s\n' "$@" | sed 's/\.sh$//' >"$directory/wanted"
    # What is wrong on a platform may hang there.
    quietly tests make "$jobs" -k check-TESTS TESTS="$*" ${programs:+"check_PROGRAMS=$programs"} \
        SH_LOG_COMPILER="timeout -k 5 $limit \$(SHELL)" \
        LOG_COMPILER="timeout -k 5 $limit \$(SHELL) \$(top_srcdir)/tests/unit.sh" || :
}

# The value of a variable of the Makefile.
ask() {
    printf '%s\n' 'include Makefile' "asked: ; @echo \$($1)" | make -s -f - asked
}

# "pass 1 TEST", "fail 1 TEST[:CHECK]" or "skip 1 TEST" for each; passed checks are counted.
results() {
    while read -r test; do
        result=$(sed -n 's/^:global-test-result: //p' "$test.trs" 2>/dev/null || :)
        checks=$(sed -n 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/\1 \2 \3/p' \
            "$test.log" 2>/dev/null | tail -n 1)
        # shellcheck disable=SC2086 # three numbers, or none
        set -- $checks
        case $result:$# in
        SKIP:*) echo "skip 1 $test" ;;
        PASS:0) echo "pass 1 $test" ;;
        PASS:3) echo "pass $1 $test" ;;
        *:3)
            echo "pass $(($1 - $2 - $3)) $test"
            if [ $(($2 + $3)) -gt 0 ]; then
                sed -n 's/^[^ ]*:[0-9]*:[FE]:[^:]*:\([^:]*\):.*/\1/p' "$test.log" | sort -u |
                    sed "s|^|fail 1 $test:|"
            else
                echo "fail 1 $test"
            fi ;;
        *) echo "fail 1 $test" ;;
        esac
    done <"$directory/wanted"
}

# all_tests: how many there are in all, wherever they can run.
all_tests() {
    cat "$source"/*/*.mk "$source"/*/*/*.mk | awk '
        { while (sub(/\\$/, "") && (getline more) > 0) $0 = $0 more }
        /^(unit|shell)_tests \+=/ { count += NF - 2 }
        END { print count }'
}

finish() {
    results >"$directory/results"
    judge
}

# Compare with what is known, say what is not, and end.
judge() {
    [ -s "$directory/wanted" ] || { say "no test was run"; exit 1; }
    [ -e "$known" ] || known=''
    cat "$platforms/emulated.known" ${known:+"$known"} >"$directory/known"
    awk -v name="$name" -v emulated="${UNIT_RUNNER:+1}" -v all="$(all_tests)" '
        FILENAME == ARGV[1] { wanted[$1] = 1; programs += /^tests/; next }
        FILENAME == ARGV[2] {
            if (/^#/ || NF == 0) next
            if (($1 != "fail" && $1 != "skip" && $1 != "emulated") || NF < 3) {
                print "cannot be read: " $0
                bad = 1
                next
            }
            if ($1 == "emulated" && !emulated) next
            test = $2
            sub(/:.*/, "", test)
            kind = $1
            one = ($1 == "skip" ? "skip " : "fail ") $2
            $1 = $2 = ""
            if ($0 !~ /^ *the same$/) why = $0
            if (test in wanted) {
                known[one] = kind
                reason[one] = why
            }
            next
        }
        ($1 " " $3) in known {
            one = $1 " " $3
            seen[one] = 1
            if (known[one] == "emulated") {
                print "skipped: " $3 ":" reason[one]
                $1 = "skip"
            }
            count[$1] += $2
            next
        }
        { count[$1] += $2 }
        $1 == "pass" { next }
        { print "not known to " $1 ": " $3; bad = 1 }
        END {
            for (one in known)
                if (!(one in seen)) {
                    print "listed, but does not: " one
                    if (known[one] != "emulated") bad = 1
                }
            printf "%s: %d passed, %d failed, %d skipped", name, count["pass"], count["fail"], count["skip"]
            print programs ? "; " programs " of " all " test programs" : ""
            exit bad
        }' "$directory/wanted" "$directory/known" "$directory/results" || {
        say "see the logs below $directory, and tests/platforms/$name.known"
        exit 1
    }
    exit 0
}
