# SPDX-License-Identifier: MIT
# What the layer `stats` prints, when, and where to. tests/stats_user does as it is told and
# prints its process id last.
set -eu
. "$srcdir/tests/lib.sh"
user=$builddir/tests/stats_user$EXEEXT
# Blocks that are live at the end are what is counted here.
ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
export ASAN_OPTIONS

complain() {
    fail "$test: $*"
    echo "--- standard output"; cat "$work/out"
    echo "--- standard error"; cat "$work/err"
}

# run SPEC WORD...: the program under a spec; its process id goes to $pid.
run() {
    spec=$1; shift
    status=0
    DISPATCHALLOC_BACKEND=$spec "$user" "$@" >"$work/out" 2>"$work/err" || status=$?
    pid=$(tail -n 1 "$work/out")
}

# The lines "  KEY  NUMBER ..." of a report, with blanks squeezed.
squeeze() { sed 's/  */ /g; s/^ //' "$1"; }

# has FILE LINE: the report has the line, blanks aside.
has() { squeeze "$1" | grep -Fqx -- "$2" || complain "no line \"$2\" in $1"; }
headers() { grep -c '^dispatchalloc: .* in process ' "$1" || :; }
prints() { [ "$(headers "$1")" -eq "$2" ] || complain "$(headers "$1") reports in $1, not $2"; }
silent() { [ ! -s "$work/err" ] || complain "not silent"; }
exits() { [ "$status" -eq "$1" ] || complain "exit status $status, not $1"; }

test='at exit to standard error, with process and stack'
run stats+system alloc=100 alloc=5000 free alloc=0
exits 0
{
    printf 'dispatchalloc: stats+system in process %s\n' "$pid"
    cat <<'END'
live bytes 100
live blocks 2
peak bytes 5100
peak blocks 2
calls alloc 3 0 failed
calls dealloc 1 0 failed
sizes 0 to 0 1 1 live
sizes 64 to 127 1 1 live
sizes 4096 to 8191 1 0 live
END
} >"$work/expected"
squeeze "$work/err" | diff "$work/expected" - || complain "another report"

test='one line each, numbers aligned'
[ "$(awk 'NR > 1 { print match($0, /[0-9]+( +[0-9]+ (failed|live))?$/) + RLENGTH }' "$work/err" |
    wc -l)" -eq 9 ] || complain "not nine lines"
[ "$(sed -n '2,5p' "$work/err" | awk '{ print length }' | sort -u | wc -l)" -eq 1 ] ||
    complain "not aligned"

test='after the exit handlers of the program'
run stats+system atexit
exits 0
[ "$(head -n 1 "$work/err")" = "exit handler" ] || complain "before the exit handler"
has "$work/err" "live bytes 3000000"

test='print=off is silent'
run stats:print=off+system alloc=100
exits 0
silent

test='what was never used does not print'
run stats+system
exits 0
silent

test='what the environment outranks does not print'
run stats:print=off+system spec=stats+system alloc=100
exits 0
silent

test='stats alone watches what the program chose'
run stats spec=fixed-arena:capacity=64K alloc=100
exits 0
prints "$work/err" 1
has "$work/err" "dispatchalloc: stats+fixed-arena in process $pid"

test='instances that live print each for itself'
run stats+system alloc=100 private=stats+fixed-arena
exits 0
prints "$work/err" 2
has "$work/err" "dispatchalloc: stats+fixed-arena in process $pid"
has "$work/err" "live bytes 5"
has "$work/err" "live bytes 100"

test='stacked twice prints twice'
run stats+stats+system alloc=100
exits 0
has "$work/err" "dispatchalloc: stats+stats+system in process $pid"
has "$work/err" "dispatchalloc: stats+system in process $pid"

test='a forked child prints with its own process id'
run stats+system alloc=100 fork
exits 0
prints "$work/err" 2
has "$work/err" "dispatchalloc: stats+system in process $pid"
has "$work/err" "live bytes 100"
has "$work/err" "live bytes 1000100"
[ "$(grep -c "in process $pid\$" "$work/err")" -eq 1 ] || complain "both with one process id"

test='_exit and abort print nothing'
run stats+system alloc=100 _exit
exits 0
silent
run stats+system alloc=100 abort
[ "$status" -ne 0 ] || complain "survived abort"
prints "$work/err" 0

test='closed standard error is no failure'
run stats+system alloc=100 close2
exits 0
silent

test='a standard error that nobody reads is no failure'
mkfifo "$work/pipe"
status=0
(
    # Opened to be read, too, so that it can be opened at all; then closed for that.
    exec 4<>"$work/pipe" 3>"$work/pipe" 4>&-
    ! (trap '' PIPE; echo >&3) 2>/dev/null || fail "$test: somebody reads it"
    DISPATCHALLOC_BACKEND=stats+system "$user" alloc=100 >/dev/null 2>&3
) || status=$?
exits 0

test='file=%p is one file a process'
(cd "$work" && run stats:file="$work/%p.txt"+system alloc=100 fork && exits 0 && silent &&
    printf '%s\n' "$pid" >pid)
pid=$(cat "$work/pid")
[ "$(find "$work" -name '[0-9]*.txt' | wc -l)" -eq 2 ] || complain "not two files"
has "$work/$pid.txt" "dispatchalloc: stats+system in process $pid"
has "$work/$pid.txt" "live bytes 100"

test='%% is %, other % are themselves, the path is that at exit'
mkdir "$work/elsewhere"
run 'stats:file=a%%p-%z.txt+system' alloc=100 chdir="$work/elsewhere"
exits 0
silent
has "$work/elsewhere/a%p-%z.txt" "live bytes 100"

test='what the file held before goes, what the process wrote stays'
echo old >"$work/file"
run stats:signal=USR2,file="$work/file"+system alloc=100 kill alloc=200 kill alloc=300
exits 0
silent
! grep -q old "$work/file" || complain "old text"
prints "$work/file" 3
has "$work/file" "live bytes 100"
has "$work/file" "live bytes 600"

test='two layers may share a file'
run stats:file="$work/file"+stats:file="$work/file"+system alloc=100
exits 0
prints "$work/file" 2

test='a file that cannot be opened is told in one line'
run stats:file="$work/none/file"+system alloc=100
exits 0
[ "$(cat "$work/err")" = \
    "dispatchalloc: stats: cannot write to $work/none/file: no such file or directory" ] ||
    complain "another line"

test='a signal prints, and so does exit'
run stats:signal=USR2+system alloc=100 kill alloc=200
exits 0
prints "$work/err" 2
has "$work/err" "live bytes 100"
has "$work/err" "live bytes 300"

test='a signal prints with print=off as well'
run stats:signal=USR2,print=off+system alloc=100 kill alloc=200
exits 0
prints "$work/err" 1
has "$work/err" "live bytes 100"

test='the handler that the program sets afterwards wins'
run stats:signal=USR2+system alloc=100 handler kill
exits 0
prints "$work/err" 1
[ "$(head -n 1 "$work/out")" = handler ] || complain "not the program's handler"

test='a handler that is there stays, and one line says so'
run '' handler spec=stats:signal=USR2,print=off+system kill alloc=100
exits 0
[ "$(head -n 1 "$work/out")" = handler ] || complain "not the program's handler"
grep -q '^dispatchalloc: stats: nothing is printed on signal USR2: the program uses it$' \
    "$work/err" || complain "no line"

test='a signal that is ignored stays so, and one line says so'
(trap '' USR2; run stats:signal=USR2+system alloc=100 kill; exits 0; prints "$work/err" 1
    grep -q 'on signal USR2: the program uses it' "$work/err" || complain "no line")

test='a bad signal is told with what is accepted'
run stats:signal=KILL+system alloc=100
exits 0
grep -q '"signal" of "stats" cannot be "KILL"; accepted is one of USR1|USR2' "$work/err" || complain "no such line"

finish
