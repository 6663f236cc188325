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
headers() { grep -ac '^dispatchalloc: .* in process ' "$1" || :; }
prints() { [ "$(headers "$1")" -eq "$2" ] || complain "$(headers "$1") reports in $1, not $2"; }
silent() { [ ! -s "$work/err" ] || complain "not silent"; }
exits() { [ "$status" -eq "$1" ] || complain "exit status $status, not $1"; }

test='at exit to standard error, with process and stack'
run stats+system alloc=100 alloc=5000 free alloc=0
exits 0
{
    printf 'dispatchalloc: stats+system in process %s (stats_user)\n' "$pid"
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
has "$work/err" "dispatchalloc: stats+fixed-arena in process $pid (stats_user)"

test='instances that live print each for itself'
run stats+system alloc=100 private=stats+fixed-arena
exits 0
prints "$work/err" 2
has "$work/err" "dispatchalloc: stats+fixed-arena in process $pid (stats_user)"
has "$work/err" "live bytes 5"
has "$work/err" "live bytes 100"

test='stacked twice prints twice'
run stats+stats+system alloc=100
exits 0
has "$work/err" "dispatchalloc: stats+stats+system in process $pid (stats_user)"
has "$work/err" "dispatchalloc: stats+system in process $pid (stats_user)"

test='a forked child prints with its own process id'
run stats+system alloc=100 fork
exits 0
prints "$work/err" 2
has "$work/err" "dispatchalloc: stats+system in process $pid (stats_user)"
has "$work/err" "live bytes 100"
has "$work/err" "live bytes 1000100"
[ "$(grep -c "in process $pid (stats_user)\$" "$work/err")" -eq 1 ] || complain "both with one process id"

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
has "$work/$pid.txt" "dispatchalloc: stats+system in process $pid (stats_user)"
has "$work/$pid.txt" "live bytes 100"

test='%% is %, other % are themselves, the path is that at the start'
mkdir "$work/elsewhere"
(cd "$work" && run 'stats:file=a%%p-%z.txt+system' alloc=100 chdir="$work/elsewhere" fork && exits 0 &&
    silent && printf '%s\n' "$pid" >pid)
pid=$(cat "$work/pid")
has "$work/a%p-%z.txt" "live bytes 100"
[ "$(find "$work" -name 'a%p-%z.txt.*' | wc -l)" -eq 1 ] || complain "not one file of the child"
has "$(find "$work" -name 'a%p-%z.txt.*')" "live bytes 1000100"

test='what the file held before goes'
echo old >"$work/file"
run stats:file="$work/file"+system alloc=100
exits 0
silent
! grep -q old "$work/file" || complain "old text"
has "$work/file" "live bytes 100"

test='layers, processes and instances that live have a file each'
run stats:file="$work/each"+stats:file="$work/each"+system alloc=100 fork private=stats:file="$work/each"
exits 0
[ "$(find "$work" -name 'each*' | wc -l)" -eq 5 ] || complain "not five files: $(ls "$work")"
for file in each each."$pid" each."$pid".2; do
    prints "$work/$file" 1
    grep -aq "^dispatchalloc: .*stats+system in process $pid (stats_user)\$" "$work/$file" ||
        complain "$file is of another process"
done

test='a file that cannot be made is told in one line, and standard error gets the report'
run stats:file="$work/none/file"+system alloc=100
exits 0
[ "$(head -n 1 "$work/err")" = \
    "dispatchalloc: stats: cannot write to $work/none/file: no such file or directory" ] ||
    complain "another line"
prints "$work/err" 1

test='the path that was tried is told, whatever the spec stands for'
# tells SPEC LINE, where "@" stands for the process
tells() {
    run "stats:print=off,$1+system" alloc=100
    exits 0
    [ "$(cat "$work/err")" = "dispatchalloc: stats: $(echo "$2" | sed "s/@/$pid/")" ] || complain "not $2"
}
tells file="$work/none/%p-%%" "cannot write to $work/none/@-%: no such file or directory"
(cd / && tells file=none/%p "cannot write to /none/@: no such file or directory")
for end in '' /; do
    tells share="$work/none/%%$end" "cannot write to $work/none/%/: no such file or directory"
done
export XDG_RUNTIME_DIR="$work/none"
tells share=on "cannot write to $work/none/dispatchalloc/: no such file or directory"
unset XDG_RUNTIME_DIR
tells share=on 'share=on: XDG_RUNTIME_DIR is not set: give a directory'
XDG_RUNTIME_DIR=relative tells share=on 'share=on: XDG_RUNTIME_DIR is no absolute path: give a directory'
XDG_RUNTIME_DIR=/$(printf '%02000d' 0) tells share=on 'share=on: XDG_RUNTIME_DIR is too long: give a directory'

test='a label is in the report, and reaches no terminal as it is'
run "$(printf 'stats:label=par\033ser')+system" alloc=100
exits 0
prints "$work/err" 1
has "$work/err" "dispatchalloc: stats+system \"par?ser\" in process $pid (stats_user)"

test='an instance that ends with live blocks says so'
run '' ended=stats:label=mine+system ended=stats:print=off+system
exits 0
[ "$(cat "$work/err")" = 'dispatchalloc: stats+system "mine" ends with live blocks: 1, of 5 bytes' ] ||
    complain "another line"

test='standard error that became a file of the program holds what the program wrote'
for how in trunc=RDWR trunc=WRONLY; do
    run stats+system alloc=100 "$how=$work/database"
    exits 0
    [ "$(cat "$work/database")" = "record" ] || complain "$how: $(cat "$work/database")"
    silent
done

test='standard error that a program points elsewhere is written where nothing can be harmed'
run stats+system alloc=100 append="$work/log"
exits 0
prints "$work/log" 1
mkfifo "$work/read"
cat "$work/read" >"$work/log" &
run stats+system alloc=100 trunc=WRONLY="$work/read"
wait $!
prints "$work/log" 1

test='standard error that is read and written from the start is written'
status=0
DISPATCHALLOC_BACKEND=stats+system "$user" alloc=100 >/dev/null 2<>"$work/log" || status=$?
exits 0
prints "$work/log" 1

test='a limit on the length of files kills nobody'
# (ThreadSanitizer has its own way with signals.)
limits='0 1'
case $sanitized in *thread*) limits='' ;; esac
for blocks in $limits; do
    for spec in stats:file="$work/limited"+system stats+system; do
        status=0
        (ulimit -f $blocks && DISPATCHALLOC_BACKEND=$spec exec "$user" alloc=100 exit >/dev/null 2>"$work/err") ||
            status=$?
        exits 0
    done
done

test='what the program forbids itself afterwards keeps nothing from the file'
counts='fixed-arena:capacity=64K'
if [ -z "$sanitized" ] && { "$user" filter exit 2>/dev/null || [ $? = 137 ]; }; then
    run stats:file="$work/filtered"+$counts alloc=100 filter alloc=200 exit
    exits 137 # the end of a process is not allowed either
    prints "$work/filtered" 1
    has "$work/filtered" "live bytes 300"
else
    echo "calls cannot be filtered here: not tested"
fi
mkdir "$work/root"
words="chdir=$work/root closeall"
[ "$(id -u)" != 0 ] || words="chroot=$work/root closeall nobody"
# shellcheck disable=SC2086 # words
run stats:file="$work/gone"+$counts alloc=100 $words alloc=200 exit
exits 0
prints "$work/gone" 1
has "$work/gone" "live bytes 300"

test='processes that start at one time have a file each'
for _ in 1 2 3 4 5 6 7 8 9 10; do
    DISPATCHALLOC_BACKEND=stats:file="$work/many"+system "$user" alloc=100 pause >>"$work/pids" &
done
started() { [ "$(wc -l <"$work/pids")" -eq 10 ]; }
eventually started || complain "they do not start"
[ "$(find "$work" -name 'many*' | wc -l)" -eq 10 ] || complain "not ten files: $(ls "$work")"
# shellcheck disable=SC2046 # numbers
kill $(cat "$work/pids")
wait

test='the choice of the program is what is counted in the file'
run stats:file="$work/chosen" spec=fixed-arena:capacity=64K alloc=100
exits 0
prints "$work/chosen" 1
has "$work/chosen" "dispatchalloc: stats+fixed-arena in process $pid (stats_user)"
[ "$(find "$work" -name 'chosen*' | wc -l)" -eq 1 ] || complain "not one file"

test='the path has the directory of the start, whatever is in its name'
mkdir "$work/50%p-%%"
(cd "$work/50%p-%%" && run stats:file=name+system alloc=100 && exits 0 && silent)
[ -e "$work/50%p-%%/name" ] || complain "no file"

test='words of a switch are no directories'
(cd "$work" && for word in off no false 0; do run stats:share=$word,print=off+system alloc=100; silent; done)
[ ! -e "$work/no" ] || complain "a directory"

test='a database in the place of standard error that is gone holds what the program wrote'
rm -f "$work/log"
status=0
DISPATCHALLOC_BACKEND=stats+system "$user" alloc=100 unlink="$work/log" trunc=RDWR="$work/db" \
    >/dev/null 2>"$work/log" || status=$?
exits 0
[ "$(cat "$work/db")" = record ] || complain "$(cat "$work/db")"

if [ -x "$builddir/tools/.libs/dispatchalloc" ]; then
    test='nothing is made by explaining a spec'
    need_tool
    echo old >"$work/kept"
    "$tool" explain stats:file="$work/kept"+system >/dev/null
    [ "$(cat "$work/kept")" = old ] || complain "the file is another"
fi

finish
