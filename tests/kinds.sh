# SPDX-License-Identifier: MIT
# The tables of doc/faults.md: which kind of fault is found by which layer, over every backend, by malloc
# under `run`, by the front and by instances. "yes" is found each time, and told by its words; "half" by
# the side on which a guarded block lies, so in some of many runs; "no" is found by no run.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
. "$srcdir/tests/modules/find.sh"
# shellcheck disable=SC2086 # flags
build() { $CC -O1 -g -fno-builtin -w $include "$srcdir/tests/kinds/kinds.c" "$@"; }
build -o "$work/malloc"
for way in front instance; do
    build "-D$(echo $way | tr a-z A-Z)" -o "$work/$way" -L"$builddir/.libs" -ldispatchalloc
done
LD_LIBRARY_PATH=$builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
backends="system arena:limit=256M"
for module in $("$tool" list --names); do
    case $module in jemalloc | mimalloc | tcmalloc | tbb) backends="$backends $module" ;; esac
done

# What is said of a kind; more than one where layers tell it in their own words.
words_of() {
    case $1 in
    # What is far away may be nearer to another block.
    *:4096) echo 'SIG[A-Z]*: [a-z]* [0-9]* bytes (behind|before)' ;;
    write_behind*) echo 'written to behind its end|SIG[A-Z]*: [a-z]* [0-9]* bytes behind the end' ;;
    read_behind*) echo 'SIG[A-Z]*: [a-z]* [0-9]* bytes behind the end' ;;
    write_before*) echo 'written to in front of its beginning|SIG[A-Z]*: [a-z]* [0-9]* bytes before the beginning' ;;
    read_before*) echo 'SIG[A-Z]*: [a-z]* [0-9]* bytes before the beginning' ;;
    write_released*) echo 'written to after it was given back|use after release: [a-z]* 7 bytes' ;;
    read_released*) echo 'use after release: [a-z]* 7 bytes' ;;
    release_twice* | resize_released) echo 'that was given back already' ;;
    release_inside) echo '(16 bytes into|at 16 of) a live block of 48 bytes' ;;
    release_data) echo 'in the data of .*(data.0x10)' ;;
    release_stack) echo 'on the stack of this thread' ;;
    wrong_size) echo 'given as 40 bytes at alignment 16, but a block of 48 bytes' ;;
    wrong_align) echo 'at alignment 64, but a block of 48 bytes at alignment 16' ;;
    wrong_instance) echo 'a live block of 48 bytes of another instance' ;;
    read_unset) echo '0xeb was read' ;;
    esac
}

# run_once WAY LAYER BACKEND KIND
run_once() {
    case $1 in
    malloc) timeout 60 "$tool" run -b "$2+$3" "$work/malloc" "$4" ;;
    front) DISPATCHALLOC_BACKEND=$2+$3 timeout 60 "$work/front" "$4" ;;
    instance) KINDS_SPEC=$2+$3 timeout 60 "$work/instance" "$4" ;;
    esac >"$work/out" 2>&1 </dev/null || :
}
is_found() { grep -aEq "$(words_of "$1")" "$work/out"; }

# hold EXPECTED WAY LAYER BACKEND KIND
hold() {
    expected=$1
    shift
    case $expected in
    half) tries=40 ;;
    *) tries=1 ;;
    esac
    while [ $tries -gt 0 ]; do
        run_once "$@"
        ! is_found "$4" || break
        # A jemalloc of the system's is for those that it is in from the start.
        ! grep -aq 'cannot be opened' "$work/out" || return 0
        tries=$((tries - 1))
    done
    case $expected:$tries in
    no:0) ;;
    no:*) fail "$*: found: $(head -n 3 "$work/out")" ;;
    *:0) fail "$*: not found: $(head -n 3 "$work/out")" ;;
    esac
}

# A table's rows are KIND (in quotes of code), and a word for each of its columns.
layer_of() {
    case $1 in
    1) echo debug ;;
    2) echo debug:zones=16,fill=on,quarantine=8M ;;
    3) echo guard:every=1,per_second=1000000 ;;
    esac
}
table=none rows=0
while IFS='|' read -r _ kind one two three _; do
    case $kind in
    *'by malloc'*) table=malloc ;;
    *'by the front'*) table='front instance' ;;
    *'by an instance'*) table=instance ;;
    *'`'*) ;;
    *) continue ;;
    esac
    kind=$(echo "$kind" | tr -d ' `')
    case $kind in *by*) continue ;; esac
    rows=$((rows + 1))
    for way in $table; do
        for backend in $backends; do
            column=0
            for word in $one $two $three; do
                column=$((column + 1))
                hold "$word" "$way" "$(layer_of $column)" "$backend" "$kind"
            done
        done
    done
done <"$srcdir/doc/faults.md"
[ $rows -ge 40 ] || fail "doc/faults.md has $rows rows of kinds"
# Nothing is said of a program without a fault.
for backend in $backends; do
    for column in 1 2 3; do
        for way in malloc front instance; do
            run_once $way "$(layer_of $column)" "$backend" nothing
            [ $way = malloc ] || continue
            expect "nothing, $way, $(layer_of $column)+$backend" '' "$(cat "$work/out")"
        done
    done
done
finish
