# SPDX-License-Identifier: MIT
# dispatchalloc compare: what it runs, how often and in which order, what it tells, and that
# nothing is left running. tests/check_compare.c has the rules by which it judges.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
unset DISPATCHALLOC_MALLOC DISPATCHALLOC_STRICT DISPATCHALLOC_VERBOSE LD_PRELOAD
umask 022
mkdir "$work/modules"
modules=$(cd "$work/modules" && pwd -P)
DISPATCHALLOC_MODULE_PATH=$modules
LC_ALL=C
export DISPATCHALLOC_MODULE_PATH LC_ALL work
waste=fixed-arena:capacity=64M

# try STATUS OUTPUT MESSAGE ARGUMENT...: patterns of what compare prints and says.
try() {
    wanted=$1 output=$2 message=$3
    shift 3
    code=0
    "$tool" compare "$@" >"$work/out" 2>"$work/err" || code=$?
    [ "$code" = "$wanted" ] || fail "$*: exit status $code, not $wanted: $(cat "$work/out" "$work/err")"
    # shellcheck disable=SC2254 # patterns
    case $(cat "$work/out") in $output) ;; *) fail "$*: printed: $(cat "$work/out")" ;; esac
    # shellcheck disable=SC2254
    case $(cat "$work/err") in $message) ;; *) fail "$*: said: $(cat "$work/err")" ;; esac
}
# ended PID: nobody may care for the end of what was orphaned.
ended() {
    kill -0 "$1" 2>/dev/null || return 0
    case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in Z*) return 0 ;; esac
    return 1
}
# gone PID WHAT: it ended, or will soon.
gone() {
    ! eventually ended "$1" || return 0
    fail "$2 was left running"
    kill -9 "$1"
}
help="
Try 'dispatchalloc compare --help' for more information."
exec </dev/null

# ---- The command line --------------------------------------------------------------------
try 0 'Usage: dispatchalloc compare *' '' --help
try 2 '' "dispatchalloc: 'compare' needs a PROGRAM$help" -n 3
try 2 '' "dispatchalloc: invalid number of runs '0': it is expected from 1 to 1000$help" -n 0 true
try 2 '' "dispatchalloc: invalid number of runs '1001': *" --runs=1001 true
try 2 '' "dispatchalloc: invalid number of runs 'x': *" -n x true
try 2 '' "*--json and --output exclude each other$help" --json --output true
try 2 '' "dispatchalloc: *$help" --nonsense true
try 2 '' 'dispatchalloc: spec "sytem": no backend or layer is called "sytem" (did you mean "system"?)*' -b sytem true
try 127 '' "dispatchalloc: cannot run 'no-such-program': No such file or directory" -b system no-such-program
try 126 '' "dispatchalloc: cannot run '/': Permission denied" -b system /
printf '#!/no/such/interpreter\n' >"$work/script"
chmod +x "$work/script"
try 127 '' "dispatchalloc: cannot run '$work/script': its interpreter '/no/such/interpreter': No such file or directory" -b system "$work/script"
echo 'int main(void) { return 0; }' >"$work/main.c"
if $CC -static "$work/main.c" -o "$work/static" 2>/dev/null; then
    try 2 '' "*it is statically linked*" -b system "$work/static"
fi
DISPATCHALLOC_INTERPOSER=/no/such try 2 '' 'dispatchalloc: the interposer /no/such: No such *' -b system true

# ---- What is run ---------------------------------------------------------------------------
# A warm-up and two rounds, each in an order of its own; system is added.
log='echo "$DISPATCHALLOC_MALLOC" >>"$work/order"'
try 0 '*verdict: none, as 2 rounds are too few *' '' -n 2 -b stats:print=off+system -b "$waste" sh -c "$log"
expect "the order of the runs" "system stats:print=off+system $waste stats:print=off+system $waste system \
$waste system stats:print=off+system" "$(tr '\n' ' ' <"$work/order" | sed 's/ $//')"
rm "$work/order"
try 0 '*verdict: none, as there is nothing to compare' '' -n 1 -b system -- sh -c "$log"
expect "system is not added twice" 2 "$(wc -l <"$work/order" | tr -d ' ')"

# One spec each time; its commas are its own.
try 0 "*
stats:print=off+arena:limit=64M,chunk=1M *
fixed-arena:capacity=1M *
system *
arena:limit=1M *verdict*" '' -n 1 -b stats:print=off+arena:limit=64M,chunk=1M \
    --backend=fixed-arena:capacity=1M -b system -b arena:limit=1M true
expect "no more and no less than what was given" 7 "$(wc -l <"$work/out" | tr -d ' ')"
try 2 '' 'dispatchalloc: spec "": it is empty' -b system -b '' true
try 2 '' 'dispatchalloc: spec "sytem": *' -b system -b sytem true
try 2 '' "dispatchalloc: -b takes one SPEC, not 'system,arena'; *'-b system -b arena'*" -b system,arena true

# On a terminal, and there only, it tells how far it is.
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    script -qec "'$tool' compare -n 2 -b system -b arena:limit=1G true" /dev/null >"$work/out" </dev/null
    for line in 'warm-up: system' 'round 1 of 2: system' 'round 2 of 2: arena:limit=1G'; do
        tr '\r' '\n' <"$work/out" | grep -q "^$line *$" || fail "no progress '$line': $(cat "$work/out")"
    done
    tail -n 1 "$work/out" | grep -q '^verdict: none' || fail "after the progress: $(cat "$work/out")"
else
    echo "there is no script(1): progress is not tested"
fi

# Modules of every kind: of what is found a layer stays away, what cannot be opened is named, and
# one that cannot be started does not have another serve in its name.
module() {
    name=$1
    shift
    $CC -shared -fPIC -fvisibility=hidden -I"$builddir/include" -I"$srcdir/include" \
        "-DNAME=\"$name\"" "$@" "$srcdir/tests/tool/module.c" -o "$modules/$name.so"
}
module amiable
module upright
# A terminal is not to get what a spec has in it, nor what a program says.
raw=$(printf 'upright:note=a\033b\302\233c\233d')
try 0 "*upright:note=a[?]b[?][?]c[?]d *" '' -n 1 -b "$raw" true
try 1 '*' '*said[?]!31m	and [?][?]so
on*' -n 1 sh -c 'printf "said\033!31m\tand \302\233so\non\n" >&2; exit 1'
module sulking -DSULKING
module clear -DLAYER
echo "not code" >"$modules/junk.so"
try 2 '' 'dispatchalloc: spec "sulking": *it is not in the mood (3)' -n 1 -b sulking true
try 0 '*' "dispatchalloc: 'junk' is left out: *
dispatchalloc: spec \"sulking\": *it is not in the mood (3)
dispatchalloc: 'sulking' is left out" -n 1 true
rows=$(sed -n '3,$s/ .*//p' "$work/out" | tr '\n' ' ')
case $rows in
*system*amiable*upright*) ;;
*) fail "not found, or not by name: $rows" ;;
esac
case $rows in *arena* | *stats* | *clear* | *junk* | *sulking*) fail "not to be there: $rows" ;; esac
rm "$modules"/*.so

# The environment is the caller's, and what is in LD_PRELOAD stays.
echo 'int dal_test_other;' | $CC -shared -fPIC -xc - -o "$work/other.so"
LD_PRELOAD=$work/other.so HELLO=there try 0 "$DISPATCHALLOC_INTERPOSER:$work/other.so there
*" '' -n 1 -b system --output sh -c 'echo "$LD_PRELOAD" "$HELLO"'

# ---- What is told --------------------------------------------------------------------------
cat >"$work/turnover.c" <<'END'
#include <stdlib.h>
#include <string.h>
int main(void)
{
    for (int i = 0; i < 400; i++) {
        char *block = malloc(100000);
        if (!block)
            return 1;
        memset(block, i, 100000);
        free(block);
    }
    return 0;
}
END
$CC -fno-builtin "$work/turnover.c" -o "$work/turnover"
try 0 "*backend*median*ratio*
system *1.00*
$waste *
verdict: *; peak memory: system is best" '' -b "$waste" "$work/turnover"
# The arena never frees: its 40 MB are seen.
ratio=$(awk '$1 != "system" && /^fixed/ { print ($10 > 5) }' "$work/out")
expect "a backend that never frees takes more than five times the memory: $(cat "$work/out")" 1 "$ratio"
try 0 '*; peak memory: no difference beyond noise' '' -b system -b system "$work/turnover"

slow_if() { echo "case \$DISPATCHALLOC_MALLOC in $1) sleep 0.2 ;; esac"; }
try 0 '*verdict: time: stats:print=off+system (0.?? of system'"'"'s) is best; CPU time: *; peak memory: *' '' \
    -b stats:print=off+system sh -c "$(slow_if system)"
try 0 '*verdict: time: system is best; *' '' -b stats:print=off+system sh -c "$(slow_if 'stats*')"

# A failure is told in its row, and neither tried again nor judged.
code="$log"'; case $DISPATCHALLOC_MALLOC in stats*) printf "sorry\033\n" >&2; exit 3 ;; esac'
rm "$work/order"
try 1 '*stats:print=off+system  failed: exit status 3
*verdict: none, as there is nothing to compare' "dispatchalloc: 'sh' failed under stats:print=off+system: exit status 3
sorry[?]
dispatchalloc: \`dispatchalloc doctor sh' with the same arguments tells whether *" -b stats:print=off+system sh -c "$code"
expect "it is not run again" 1 "$(grep -c stats "$work/order")"
later='echo >>"$work/counted"; [ "$(wc -l <"$work/counted")" != 7 ]'
try 1 '*failed in round 3: exit status 1*' '*failed under stats*' -b stats:print=off+system sh -c "$later"
try 1 '*failed: killed by signal 11 (Segm*verdict: none, as the program fails under system' '*signal 11*' \
    -b system sh -c 'kill -SEGV $$'
# What stops would stand still for ever: it is ended, and not said to be killed by that.
try 1 '*failed: stopped by signal [0-9]* (Stopped (signal)), and was ended
verdict: none, as the program fails under system' '*stopped by signal *, and was ended
*' \
    -b system sh -c 'kill -STOP $$'
try 1 '*failed: stopped by signal [0-9]* (Stopped (tty input)), and was ended
*' '*' -b system sh -c 'kill -TTIN $$'

# ---- JSON --------------------------------------------------------------------------------
bad=$(printf 'a"b\\c\td \303\251 \377')
try 1 '*' '*' --json -n 6 -b "$waste" -b stats:print=off+system sh -c \
    'case $DISPATCHALLOC_MALLOC in stats*) exit 3; esac; exec "$work/turnover" "$@"' "$bad"
if command -v python3 >/dev/null 2>&1; then
    said=$(python3 - "$work/out" <<'END' 2>&1
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    told = json.load(file)
assert next(iter(told.items())) == ("format", 1), told
assert told["command"][0] == "sh" and told["command"][3] == 'a"b\\c\td \u00e9 \ufffd', told["command"]
assert told["rounds"] == 6 and told["interrupted"] is False and told["baseline"] == "system"
system, waste, stats = told["backends"]
assert [b["spec"].split(":")[0] for b in told["backends"]] == ["system", "fixed-arena", "stats"]
assert system["failure"] is None and stats["failure"] == "exit status 3" and stats["rounds"] == 0
assert "wall_seconds" not in stats
for metric in "wall_seconds", "cpu_seconds", "peak_resident_bytes", "page_faults":
    for backend in system, waste:
        numbers = backend[metric]
        assert len(numbers["values"]) == backend["rounds"] == 6
        assert numbers["minimum"] == min(numbers["values"]) and numbers["maximum"] == max(numbers["values"])
        assert numbers["minimum"] <= numbers["median"] <= numbers["maximum"]
assert system["wall_seconds"]["difference"] == "none" and system["wall_seconds"]["ratio"] == 1
memory = waste["peak_resident_bytes"]
assert memory["difference"] == "more" and 40e6 < memory["median"] < 70e6, memory
assert 9000 < waste["page_faults"]["median"] < 20000, waste["page_faults"]
assert told["verdict"].endswith("peak memory: system is best"), told["verdict"]
END
    ) || fail "JSON: $said"
else
    echo "python3 is not here: JSON is not read"
fi

# ---- Input and output ----------------------------------------------------------------------
seq 1000 >"$work/input"
: >"$work/counted"
count='wc -l | tr -d " " >>"$work/counted"'
try 0 '*' '' -n 2 -b system sh -c "$count" <"$work/input"
{ read -r _ && try 0 '*' '' -n 2 -b system sh -c "$count"; } <"$work/input"
expect "a file is read from the same place in each run" "1000 1000 1000 999 999 999" \
    "$(tr '\n' ' ' <"$work/counted" | sed 's/ $//')"
seq 10 | try 0 'lines: 0
*' 'dispatchalloc: standard input is not a file *: the program gets /dev/null' -n 1 -b system --output \
    sh -c 'echo lines: "$(wc -l | tr -d " ")"'
try 0 '*backend*' '' -n 1 -b system sh -c 'echo out; echo err >&2'
! grep -q '^out' "$work/out" || fail "without --output the program wrote"
try 0 'out
out
*backend*' 'err
err' -n 1 -b system --output sh -c 'echo out; echo err >&2'

# Standard output that is closed, or full, does not swallow the result unnoticed.
lost="2 dispatchalloc: write error: Bad file descriptor"
code=0
"$tool" compare -n 1 -b system true 2>"$work/err" >&- || code=$?
expect "without standard output" "$lost" "$code $(cat "$work/err")"
code=0
"$tool" compare --json -n 1 -b system true 2>"$work/err" <&- >&- || code=$?
expect "without standard input and output" "$lost" "$code $(cat "$work/err")"
if [ -c /dev/full ]; then
    code=0
    "$tool" compare -n 1 -b system false 2>"$work/err" >/dev/full || code=$?
    expect "a failed program on a full device" "2 dispatchalloc: write error: No space left on device" \
        "$code $(tail -n 1 "$work/err")"
fi

# ---- Nothing is left behind ------------------------------------------------------------------
try 0 '*' '' -n 1 -b system sh -c 'sleep 300 & echo $! >"$work/pid"'
gone "$(cat "$work/pid")" "a background process"
if command -v setsid >/dev/null 2>&1 && [ -e "/proc/$$/task/$$/children" ]; then
    try 0 '*' '' -n 1 -b system sh -c 'setsid sh -c "sleep 300 & echo \$! >\$work/pid; wait" &
        while ! [ -s "$work/pid" ]; do sleep 0.1; done'
    gone "$(cat "$work/pid")" "a daemon"
fi

# What it says is kept, in a file that cannot grow without end.
(ulimit -f 1; "$tool" compare -n 1 -b system sh -c 'exec head -c 10000 /dev/zero >&2' 2>&1 || echo $?) | cat >"$work/out"
expect "compare with ulimit -f" \
    "dispatchalloc: what the program writes to standard error goes to a file here, which may not be as large as that takes (ulimit -f)
2" "$(cat "$work/out")"

# interrupt SIGNAL CODE: in its second round, a program says where it is and waits.
interrupt() {
    rm -f "$work/pid" "$work/counted"
    "$tool" compare -n 9 -b system sh -c 'echo >>"$work/counted"
        [ "$(wc -l <"$work/counted")" -lt 3 ] && exit
        '"$2"' echo $$ >"$work/pid.new"; mv "$work/pid.new" "$work/pid"; while :; do sleep 0.1; done' >"$work/out" 2>"$work/err" &
    pid=$!
    eventually [ -e "$work/pid" ] || fail "the third run did not start"
    kill -"$1" "$pid"
    code=0
    wait "$pid" 2>/dev/null || code=$?
    gone "$(cat "$work/pid")" "the program after SIG$1"
}
interrupt TERM ''
expect "the exit status after SIGTERM" 143 "$code"
case $(cat "$work/out") in
*"
system  "*1.00*"verdict: none"*) ;;
*) fail "after SIGTERM: $(cat "$work/out" "$work/err")" ;;
esac
interrupt TERM 'trap "" TERM;'
expect "the exit status after SIGTERM that the program ignores" 143 "$code"
if [ "$(uname)" = Linux ]; then
    interrupt KILL ''
fi

# ---- Limits, servers and more rows -------------------------------------------------------------
try 1 '*system *failed: it took longer than 1 s*' "dispatchalloc: 'sh' failed under system: it took longer than 1 s*" \
    -n 1 -b system --timeout=1 sh -c 'sleep 20 & wait'
try 2 '' "*invalid timeout '0'*" --timeout=0 true
try 0 '*
system *
(bare) *
verdict: none, as there is nothing to compare' '' -n 1 -b system --bare true
rm -f "$work/order"
try 0 '*' '' -n 1 -b system --bare sh -c "$log"
expect "what runs without the interposer" "system ,,system " "$(sed 's/^$/,/' "$work/order" | tr '\n' ' ' | sed 's/, ,/,,/; s/,, /,,/')"
try 0 '*verdict: *

time (ms)
 *system *|*#* *

CPU (ms)
*peak memory (MiB)
 *system *|##################################################*' '' -n 1 -b system --chart true
try 2 '' '*--json and --chart exclude each other*' --json --chart true
try 2 '' '*--load and --ready go together*' --load=true true
try 2 '' '*--load and --ready go together*' --ready=true true
# A server that is up after a while, has its load, and ends by a signal.
cat >"$work/server" <<'END'
#!/bin/sh
trap 'exit 0' TERM
sleep 0.2
echo "$DISPATCHALLOC_MALLOC" >"$work/up"
while :; do sleep 0.02; done
END
chmod +x "$work/server"
rm -f "$work/up" "$work/loads"
load='cat "$work/up" >>"$work/loads"; rm "$work/up"; sleep 0.1'
ready='test -e "$work/up"'
try 0 '*verdict: none, as 1 round is too few *' '' -n 1 -b system -b stats:print=off+system --load "$load" --ready "$ready" "$work/server"
expect 'servers that had their load' 'system stats:print=off+system stats:print=off+system system ' "$(tr '\n' ' ' <"$work/loads")"
try 0 '*"median": 0.1*' '' -n 1 -b system --json --load "$load" --ready "$ready" "$work/server"
try 1 '*failed: the load ended with status 3*' '*the load ended with status 3*' -n 1 -b system --load "$load; exit 3" --ready "$ready" "$work/server"
try 1 '*failed: it ended before its load did, and was not ready*' '*' -n 1 -b system --load true --ready "$ready" true
try 1 '*failed: it was not ready within 1 s*' '*' -n 1 -b system --timeout=1 --load true --ready false "$work/server"
rm -f "$work/up"
try 1 '*failed: the load took longer than 1 s*' '*' -n 1 -b system --timeout=1 --load "$load; sleep 20; true" --ready "$ready" "$work/server"
rm -f "$work/up"
try 2 '' "*--ready succeeds before 'true' is started: another one is there" -n 1 -b system --load true --ready true true

finish
