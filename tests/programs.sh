# SPDX-License-Identifier: MIT
# Real programs, unmodified, under every backend: what they make is the same as without the
# interposer, the interposer says that it serves each of them, and none leaves a process
# behind. tests/programs/NAME.sh has each program and its load; PROGRAMS_LOAD=full, which
# `make check-programs` sets, is a longer one. A first argument names the programs to try.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
load=${PROGRAMS_LOAD:-quick}
programs=${1:-"python3-threads python3-processes perl bash git gcc g++ c++ sqlite3 redis-server node rustc pkill php nginx named postgresql go-plugin rust-plugin"}
# A login of root on this machine is no business of a quick test.
[ "$load" != full ] || [ $# -gt 0 ] || programs="$programs sshd"
# (rustc would join the jobs of a make whose descriptors it has not.)
unset LD_PRELOAD DISPATCHALLOC_MALLOC MAKEFLAGS MFLAGS
. "$srcdir/tests/modules/find.sh"
backends="system arena fixed-arena stats debug guard limit profile$modules"
export tool load
command -v timeout >/dev/null 2>&1 || skip "there is no timeout to bound the programs with"

# spec_of BACKEND PROGRAM: nothing where the backend does not suit the program.
spec_of() {
    case $1:$2 in
    # What is never given back has to end soon; each thread and child of one that does not is
    # the business of other rows.
    fixed-arena:perl | fixed-arena:bash | fixed-arena:g[+ci]*) echo fixed-arena:capacity=2G ;;
    fixed-arena:*) ;;
    arena:*) echo arena:limit=3G ;;
    # A filter of system calls forbids its children to open one.
    stats:sshd) echo stats:print=off+system ;;
    # Where children are forbidden to map what it needs, or to open files, it is not tried.
    debug:sshd | guard:sshd | limit:sshd | profile:sshd) ;;
    debug:*) echo debug:fill=on,zones=16,quarantine=1M+system ;;
    guard:*) echo guard:every=5,slots=512+system ;;
    limit:*) echo limit:bytes=16G+system ;;
    profile:*) echo "profile:every=64K,file=$at/profile.%p+system" ;;
    # A file a process, in which the calls are counted.
    stats:*) echo "stats:file=$at/stats.%p+system" ;;
    *) echo "$1" ;;
    esac
}

# attempt PROGRAM SPEC: its output in $at/result, and what it says in $at/said. The directory
# has the same name each time, since some results have it in them.
attempt() {
    rm -rf "$at/run" "$at"/stats.* "$at"/profile.*
    mkdir "$at/run"
    : >"$at/said"
    code=0
    (cd "$at/run" && spec=$2 said=$at/said kept=$at timeout -k 5 "$limit" \
        sh "$srcdir/tests/programs/$1.sh") >"$at/result" 2>"$at/script-said" </dev/null || code=$?
    [ ! -s "$at/script-said" ] || [ $code = 77 ] || code="$code, $(cat "$at/script-said")"
    leftover "$1 under ${2:-nothing}"
}
case $load in full) limit=600 ;; *) limit=60 ;; esac
export spec said kept

# under DIRECTORY: the processes that have their directory there.
under() {
    # shellcheck disable=SC2012 # the names are numbers
    ls -ld /proc/[0-9]*/cwd 2>/dev/null | sed -n "s|.* /proc/\\([0-9]*\\)/cwd -> $1/.*|\\1|p"
}
none_under() { [ -z "$(under "$1")" ]; }
# leftover WHAT: helpers of a program that end when it has ended are given a moment.
leftover() {
    ! eventually none_under "$at" || return 0
    for process in $(under "$at"); do
        fail "$1 left a process: $(tr '\0' ' ' <"/proc/$process/cmdline" 2>/dev/null)"
        kill -9 "$process" 2>/dev/null || :
    done
}
# Also if the test itself is ended early.
lanes=
# shellcheck disable=SC2317 # it is reached by the trap
clean_up() {
    # shellcheck disable=SC2086 # numbers
    [ -z "$lanes" ] || kill $lanes 2>/dev/null || :
    for process in $(under "$work"); do kill -9 "$process" 2>/dev/null || :; done
    rm -rf "$work"
}
trap clean_up EXIT

# unserved SPEC: the programs that were started and did not say that the allocator serves.
unserved() {
    awk -v by=" (DISPATCHALLOC_MALLOC=$1)" '
        /^\+ / { if (mark != "" && !served) print mark; mark = $0; served = 0 }
        /^dispatchalloc: .* serves/ && index($0, by) == length($0) - length(by) + 1 { served = 1 }
        END { if (mark == "") print "nothing was started"; else if (!served) print mark }' "$at/said"
}
# What the programs themselves said. (git passes on what it hears from another git; rustc has an
# allocator in itself.)
words() {
    grep -v -e 'dispatchalloc: .* serve\(s (\|s the calls of that$\)' -e 'has a malloc or free of its own' "$at/said" || :
}

# verify PROGRAM BACKEND SPEC: prints ok or what is wrong.
verify() {
    attempt "$1" "$3"
    if [ "$code" != 0 ]; then
        echo "exit status $code"
        tail -n 5 "$at/said"
    elif ! diff "$at/expected" "$at/result" >"$at/difference"; then
        echo "the output differs:"
        head -n 10 "$at/difference"
        tail -n 5 "$at/said"
    elif [ -n "$(unserved "$3")" ]; then
        echo "not served: $(unserved "$3" | head -n 3)"
    elif words >"$at/words" && ! diff "$at/expected-words" "$at/words" >"$at/difference"; then
        echo "it said:"
        head -n 10 "$at/difference"
    elif [ "$2:$1" != stats:sshd ] && [ "$2" = stats ] && ! cat "$at"/stats.* 2>/dev/null |
        awk '/^  calls alloc/ { calls += $3 } END { exit calls < 100 }'; then
        echo "hardly a call was counted"
    else
        echo ok
    fi
}

# row PROGRAM: its line of the table.
row() {
    attempt "$1" ''
    case $code in
    0) ;;
    77)
        cat "$at/result"
        return 0 ;;
    *)
        fail "$1 without the interposer: exit status $code: $(tail -n 5 "$at/said" "$at/result")" >&2
        echo "failed by itself"
        return 0 ;;
    esac
    cp "$at/result" "$at/expected"
    words >"$at/expected-words"
    for backend in $backends; do
        spec=$(spec_of "$backend" "$1")
        [ -n "$spec" ] || { printf '%-12s' -; continue; }
        verify "$1" "$backend" "$spec" >"$at/verdict"
        if [ "$(cat "$at/verdict")" = ok ]; then
            printf '%-12s' ok
        else
            fail "$1 under $spec: $(cat "$at/verdict")" >&2
            printf '%-12s' failed
        fi
    done
    echo
}

# In a spec + has a meaning.
place_of() { echo "$work/$1" | tr + p; }

# lane PROGRAM...: one after the other.
lane() {
    for program; do
        at=$(place_of "$program")
        mkdir "$at"
        row "$program" >"$at/row"
    done
}

# Two at a time.
one='' two=''
for program in $programs; do
    one="$one $program"
    swap=$one one=$two two=$swap
done
# shellcheck disable=SC2086 # lists
lane $one &
lanes=$!
# shellcheck disable=SC2086
lane $two &
lanes="$lanes $!"
# shellcheck disable=SC2086
wait $lanes
lanes=

printf '%-18s' program
# shellcheck disable=SC2086
printf '%-12s' $backends
echo
for program in $programs; do
    printf '%-18s%s\n' "$program" "$(cat "$(place_of "$program")/row")"
    [ -s "$(place_of "$program")/row" ] || fail "$program was not tried"
done
finish
