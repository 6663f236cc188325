# SPDX-License-Identifier: MIT
# What `dispatchalloc status` reads of the counters of a process, while it runs and after it ended.
set -eu
. "$srcdir/tests/lib.sh"
need_tool
[ -n "$(sed -n '/RssAnon/p' /proc/self/status 2>/dev/null)" ] || skip "there is no /proc of Linux's"
before=''
user=$builddir/tests/.libs/stats_user
[ -x "$user" ] || user=$builddir/tests/stats_user$EXEEXT
XDG_RUNTIME_DIR=$work/runtime
export XDG_RUNTIME_DIR
mkdir -m 700 "$XDG_RUNTIME_DIR"
ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
export ASAN_OPTIONS

# start SPEC WORD...: the program under a spec, until it waits; its process is $pid.
start() {
    spec=$1; shift
    rm -f "$work/pid"; mkfifo "$work/pid"
    # shellcheck disable=SC2086 # a command before it, or none
    DISPATCHALLOC_BACKEND=$spec $before "$user" "$@" pause >"$work/pid" 2>"$work/err" &
    read -r pid <"$work/pid"
}
end() { kill "-$1" $pid; wait $pid 2>/dev/null || :; }

# status OPERAND...: what is printed goes to $out, with blanks squeezed.
status() {
    code=0
    "$tool" status "$@" >"$work/out" 2>"$work/said" || code=$?
    out=$(sed 's/  */ /g' "$work/out")
    called=$*
}
says() { like "$called: said" "$1" "$(cat "$work/said")"; }
shows() { like "$called: printed" "$1" "$out"; }
exits() { expect "$called: exit status ($(cat "$work/said"))" "$1" "$code"; }

# ---- While it runs, and however it ended ---------------------------------------------------------
for signal in TERM KILL; do
    start 'stats:share=on,label=mine+system' alloc=100 alloc=5000 free
    for operand in $pid stats_user "$XDG_RUNTIME_DIR/dispatchalloc/$pid" --all; do
        status $operand
        exits 0
        shows "*$pid (running): stats_user: stats+system \"mine\"
 program: $user
 command: $user alloc=100 alloc=5000 free pause*
 file: $XDG_RUNTIME_DIR/dispatchalloc/$pid
 serves: stats * + system *
 chosen by: DISPATCHALLOC_BACKEND=stats:share=on,label=mine+system
 live_bytes 100
 live_blocks 1
 peak_bytes 5100
 peak_blocks 2
 alloc.calls 2
 dealloc.calls 1
 size.64-127.obtained 1
 size.64-127.live 1
 size.4096-8191.obtained 1
 live bytes are * % of the * that are resident (RssAnon)*"
    done
    end $signal
    for operand in $pid stats_user "$XDG_RUNTIME_DIR/dispatchalloc/$pid" -a; do
        status $operand
        exits 0
        shows "*$pid (not running): stats_user: stats+system \"mine\"
*live_bytes 100*alloc.calls 2*"
    done
    rm "$XDG_RUNTIME_DIR/dispatchalloc/$pid"
done

# ---- What memory is --------------------------------------------------------------------------------
# (Of a program with a sanitizer most is the sanitizer's.)
if [ -z "$sanitized" ]; then
start stats:share=on+system alloc=100
status $pid; expect 'what is told by little memory' '' "$(sed -n 's/.*(RssAnon)//p' "$work/out")"
end TERM
start stats:share=on+system touch=50000000
status $pid; shows '*live bytes are 9? % of the * that are resident (RssAnon): memory is in blocks that the program has not given back'
end TERM
start stats:share=on+fixed-arena:capacity=64M touch=50000000 free
status $pid; shows '*live bytes are 0 % of the * (RssAnon): most memory was given back, and the allocator keeps it,*'
end TERM
start stats:share=on+system alloc=100 map=50000000
status $pid; shows '*live bytes are 0 % of the * (RssAnon): most memory does not come by malloc*'
end TERM
fi

# ---- Several, hidden, and none ---------------------------------------------------------------------
# Two copies of the library in a process count in a file each.
if [ -n "${DISPATCHALLOC_INTERPOSER-}" ] && [ -z "$sanitized" ]; then
    rm -rf "$XDG_RUNTIME_DIR/dispatchalloc"
    before="env LD_PRELOAD=$DISPATCHALLOC_INTERPOSER DISPATCHALLOC_MALLOC=stats:share=on,label=below+system"
    start stats:share=on,label=above+system alloc=100
    before=''
    status $pid; exits 0
    shows '*"above"*'; shows '*"below"*'
    expect 'files of two copies' "$pid $pid.$pid" "$(cd "$XDG_RUNTIME_DIR/dispatchalloc" && echo *)"
    end KILL
    status --all; shows '*"above"*'; shows '*"below"*'
    # By one path, with a line feed in it.
    same="stats:print=off,file=$work/of%0Atwo"
    before="env LD_PRELOAD=$DISPATCHALLOC_INTERPOSER DISPATCHALLOC_MALLOC=$same,label=below+system"
    start "$same,label=above+system" alloc=100
    before=''
    expect 'files of one path' 2 "$(find "$work" -name 'of?two*' | wc -l)"
    end TERM
fi

# A process that its own user may not look into: its file can be read. (By a name of its own: tests
# that run beside this one have such programs too.)
cp "$user" "$work/unseen"
as_user=''
[ "$(id -u)" != 0 ] || as_user='setpriv --reuid=65534 --regid=65534 --clear-groups'
theirs=$work/theirs
mkdir -m 700 "$theirs"
chmod 711 "$work"
[ -z "$as_user" ] || chown 65534:65534 "$theirs"
if $as_user "$tool" list >/dev/null 2>&1; then
    rm -f "$work/pid"; mkfifo "$work/pid"
    DISPATCHALLOC_BACKEND=stats:share=$theirs/+system $as_user "$work/unseen" alloc=100 hide pause >"$work/pid" 2>"$work/err" &
    read -r pid <"$work/pid"
    for operand in $pid unseen --all; do
        code=0
        $as_user "$tool" status -d "$theirs" $operand >"$work/out" 2>"$work/said" || code=$?
        out=$(sed 's/  */ /g' "$work/out") called="as a user: $operand"
        exits 0; shows "*$pid (running): unseen: *live_bytes 100*"
    done
    rm "$theirs/$pid"
    code=0
    $as_user "$tool" status -d "$theirs" unseen >"$work/out" 2>"$work/said" || code=$?
    expect 'a hidden process' "2 dispatchalloc: process $pid, of a program \"unseen\": Permission denied" "$code $(cat "$work/said")"
    end TERM
fi

# ---- What is left by a process that goes on ----------------------------------------------------------
# As another program, and as the same.
cp "$user" "$work/other"
start stats:share=on+system alloc=100 exec="$work/other" pause
for operand in $pid stats_user "$XDG_RUNTIME_DIR/dispatchalloc/$pid"; do
    status --remove $operand
    exits 0
    shows "*$pid (goes on as another program, this is of the one before): stats_user: *live_bytes 100*"
done
[ -e "$XDG_RUNTIME_DIR/dispatchalloc/$pid" ] || fail "a file of a process that goes on was removed"
end KILL
says "*dispatchalloc: $XDG_RUNTIME_DIR/dispatchalloc/$pid is not removed (goes on as another program, *"
status --remove $pid; exits 0; shows "$pid (not running): *"; says ''
[ ! -e "$XDG_RUNTIME_DIR/dispatchalloc/$pid" ] || fail "not removed"
start system alloc=100 ended="stats:print=off,file=$work/closed+system" pause
status "$work/closed"; exits 0; shows "$pid (running, but no longer counting here): *"
end KILL
status "$work/closed"; exits 0; shows "$pid (not running): *"

# In a namespace of processes of its own, where its number is another.
if unshare -p -f true 2>/dev/null; then
    before='unshare -p -f --kill-child'
    start stats:share=on,label=inner$$+system alloc=100
    before=''
    outer=$!
    status --all; exits 0
    expect 'times that it is listed' 1 "$(grep -c ': stats+system "inner'$$'"$' "$work/out")"
    shows '* (running): stats_user: stats+system "inner'$$'"*'
    expect 'its number' "$(sed -n 's/ (running): stats_user: stats+system "inner'$$'"$//p' "$work/out")" \
        "$("$tool" status "$XDG_RUNTIME_DIR/dispatchalloc/$pid" | sed -n '1s/ (running): .*//p')"
    kill -KILL $outer; wait $outer 2>/dev/null || :
    eventually sh -c '! "$1" status --all | grep -q "(running).*inner$2\""' sh "$tool" $$ ||
        fail "the process in the namespace goes on"
    status --remove --all; shows "*$pid (in another namespace of processes): *"
    says "*dispatchalloc: $XDG_RUNTIME_DIR/dispatchalloc/$pid is not removed (in another namespace of processes)*"
    [ -e "$XDG_RUNTIME_DIR/dispatchalloc/$pid" ] || fail "a file of another namespace was removed"
    rm "$XDG_RUNTIME_DIR/dispatchalloc/$pid"
fi

# A file that was removed while its process runs.
start stats:share=on+system alloc=100
rm "$XDG_RUNTIME_DIR/dispatchalloc/$pid"
status $pid; exits 0; shows "*$pid (running): *
 file: $XDG_RUNTIME_DIR/dispatchalloc/$pid (deleted)
*live_bytes 100*"
: >"$XDG_RUNTIME_DIR/dispatchalloc/$pid"
status --all; exits 0
end TERM

# Where nothing can be opened nothing is said to be missing.
for files in 4 5; do
    (ulimit -n $files; ! "$tool" status --all >"$work/out" 2>"$work/said")
    expect "with $files descriptors" "dispatchalloc: processes and files cannot be looked at: Too many open files" \
        "$(cat "$work/said" "$work/out")"
    code=0
    (ulimit -n $files; exec "$tool" status --all --json) >"$work/out" 2>"$work/said" || code=$?
    expect "with $files descriptors" "2 dispatchalloc: processes and files cannot be looked at: Too many open files" \
        "$code $(cat "$work/said")"
    expect "the end of JSON with $files descriptors" "  ]
}" "$(tail -n 2 "$work/out")"
done

# ---- What names are ----------------------------------------------------------------------------------
odd="$work/a
b"
cp "$user" "$odd"
kept=$user user=$odd
start stats:share=on+system alloc=100
status $pid; shows "*$pid (running): a?b: *"; shows "* program: $work/a?b
 command: $work/a?b alloc=100 pause
*"
end TERM
user=$kept
# Of a long command line the beginning is there.
# shellcheck disable=SC2046 # many words
start stats:share=on+system alloc=100 $(yes alloc=1 | head -n 400)
status $pid; shows "* command: $user alloc=100 alloc=1 alloc=1 *"
end TERM
ln -s "$work" "$work/to"
DISPATCHALLOC_BACKEND="stats:share=$work/to//+system" "$user" alloc=1 2>"$work/err" || :
like 'a directory by a link' '*is a symbolic link*' "$(cat "$work/err")"
DISPATCHALLOC_BACKEND="stats:file=$work/new/+system" "$user" alloc=1 2>"$work/err" || :
like 'a directory as file=' '*"file" cannot be "*/new/", which is a directory*' "$(cat "$work/err")"
[ ! -e "$work/new" ] || fail "a directory was made"

# ---- Where it is, and who may see it ---------------------------------------------------------------
start stats:share="$work/elsewhere"+system alloc=100
status $pid; exits 0; shows '*live_bytes 100*'
end TERM
status $pid; exits 2
status -d "$work/elsewhere" $pid; exits 0; shows "$pid (not running)*live_bytes 100*"
status --directory="$work/elsewhere" stats_user; exits 0; shows "*$pid (not running)*"
status nobody_is_called_so; exits 1; expect 'nobody' '' "$out"
status "$work/pid"; exits 2
status "$work/none/none"; exits 2
ln -s "$work/elsewhere/$pid" "$work/link"
status "$work/link"; exits 2; like 'a link' '*is a symbolic link' "$(cat "$work/said")"
status --all 1; exits 2
# What is no file is not opened: who waits at a FIFO goes on to wait.
mkfifo "$work/waits"
(echo >"$work/waits"; echo >"$work/woken") 2>/dev/null &
writer=$!
status "$work/waits"; exits 2
[ ! -e "$work/woken" ] || fail "who writes to a FIFO was woken"
kill $writer; wait $writer 2>/dev/null || :
status --remove -d "$work/elsewhere" 1 || :
[ -e "$work/elsewhere/$pid" ] || fail "what was not shown was removed"
# What is no longer the file that the process made is nobody's to remove.
original=$work/elsewhere/$pid
cp "$original" "$work/copy"
status --remove "$work/copy"; exits 0; shows "$pid (a copy of its file): *"
says "dispatchalloc: $work/copy is not removed (a copy of its file)"
start stats:share=on+system alloc=100
cp "$XDG_RUNTIME_DIR/dispatchalloc/$pid" "$XDG_RUNTIME_DIR/dispatchalloc/copy"
status --remove --all; exits 0; shows "*$pid (a copy of its file): *"; shows "*$pid (running): *"
says "dispatchalloc: $XDG_RUNTIME_DIR/dispatchalloc/copy is not removed (a copy of its file)"
end KILL
for copy in "$work/copy" "$XDG_RUNTIME_DIR/dispatchalloc/copy"; do
    [ -e "$copy" ] || fail "$copy was removed"
    rm "$copy"
done
mv "$XDG_RUNTIME_DIR/dispatchalloc/$pid" "$work/removed"
# Its device may be called otherwise after the system was started again.
at=$(head -n 1 "$work/removed" | sed 's/ on [0-9]*$/ on /' | tr -d '\n' | wc -c)
printf 0 | dd of="$work/removed" bs=1 seek="$at" conv=notrunc 2>/dev/null
status --remove "$work/removed"; exits 0; shows "$pid (not running)*"
[ ! -e "$work/removed" ] || fail "not removed"

# ---- A file that says what it likes ------------------------------------------------------------------
cp "$original" "$work/forged"
printf '\nprogram: \033[2J\ncommand: \033[2J\n' | dd of="$work/forged" bs=1 seek=60 conv=notrunc 2>/dev/null
status "$work/forged"; exits 0
! grep -q "$(printf '\033')" "$work/out" || fail "a control character reaches the terminal"
status --json "$work/forged"
! grep -q "$(printf '\033')" "$work/out" || fail "a control character is in JSON"
head -c 1000 "$original" >"$work/short"
status "$work/short"; exits 2

# ---- JSON --------------------------------------------------------------------------------------------
if command -v python3 >/dev/null 2>&1; then
    start stats:share=on+system alloc=100
    for operand in $pid --all; do
        status --json $operand; exits 0
        python3 - "$work/out" $pid <<'END' || fail "--json $operand: $(cat "$work/out")"
import json, sys
found = json.load(open(sys.argv[1]))
assert found["format"] == 1
counted = [one for one in found["found"]
           if "counts" in one and one["running"] and one["process"] == int(sys.argv[2])]
assert len(counted) == 1, counted
assert counted[0]["counts"]["live_bytes"] == 100
assert counted[0]["counts"]["size.64-127.live"] == 1
assert counted[0]["resident_anonymous_bytes"] > 0
END
    done
    end TERM
    status --json nobody_is_called_so; exits 1
    expect 'nobody' '{"format": 1, "found": []}' "$(python3 -c 'import json,sys; print(json.dumps(json.load(open(sys.argv[1]))))' "$work/out")"
fi

# ---- For a collector -----------------------------------------------------------------------------
# Two of them, whose labels have what is to be escaped. The end of each is told by # EOF, every sample
# is of the family above it and each family is there once: what promtool or the parser of
# prometheus_client refuses, where there is one, they refuse as well.
start "stats:share=on,label=a%22b\\c+system" alloc=100 alloc=5000 free
first=$pid
start 'stats:share=on,lifetimes=on+system' alloc=100
status --openmetrics $first $pid; exits 0
cat >"$work/openmetrics.awk" <<'END'
function bad(why) { print NR ": " why ": " $0; failed = 1 }
ended { bad("after the end") }
/^# EOF$/ { ended = 1; next }
/^# TYPE / { if (seen[$3]++) bad("a family twice"); family = $3; type = $4; next }
/^# UNIT / { if ($3 != family || $3 !~ $4 "$") bad("unit"); next }
/^# HELP / { if ($3 != family) bad("help"); next }
/^[a-z_]+\{([a-z]+="([^"\\]|\\["\\n])*",?)+\} [0-9.e+]+$/ {
    name = $0; sub(/\{.*/, "", name)
    wanted = family (type == "counter" ? "_total" : type == "histogram" ? "_bucket" : "")
    if (name != wanted) bad("not of its family, " wanted)
    if (samples[$0]++) bad("a sample twice")
    next
}
{ bad("no line of the form") }
END { if (!ended) print "no # EOF"; exit failed || !ended }
END
awk -f "$work/openmetrics.awk" "$work/out" >"$work/said" || fail "--openmetrics: $(cat "$work/said")"
if command -v promtool >/dev/null 2>&1; then
    # It reads the older form of a text, in which the description of a counter would name its _total:
    # it says that (3), and nothing else.
    promtool check metrics <"$work/out" >"$work/said" 2>&1 || [ $? = 3 ] || fail "promtool: $(cat "$work/said")"
    expect 'what promtool says' '' "$(grep -v '_total no help text$' "$work/said" || :)"
elif python3 -c 'import prometheus_client' 2>/dev/null; then
    python3 - "$work/out" <<'END' || fail "the parser of prometheus_client refuses it"
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
assert list(text_string_to_metric_families(open(sys.argv[1]).read()))
END
fi
grep -qF 'dispatchalloc_calls_total{process="'"$first"'",program="stats_user",name="stats+system",label="a\"b\\c",file="'"$first"'",operation="alloc"} 2' \
    "$work/out" || fail "no calls: $(grep calls_total "$work/out")"
grep -qF ',le="127.0"} 1' "$work/out" || fail "no bucket of a block of 100 bytes"
status --openmetrics nobody_is_called_so; exits 1
expect 'the end, where there is nothing' '# EOF' "$(tail -n 1 "$work/out")"

# ---- The difference of two readings ------------------------------------------------------------------
cp "$XDG_RUNTIME_DIR/dispatchalloc/$first" "$work/earlier"
status --since="$work/earlier" $first; exits 0
expect 'what has changed of the same' 0 "$(grep -c '^  [a-z_.0-9-]*  *[+-][0-9]*$' "$work/out" || :)"
status --since="$work/earlier" $pid; exits 0
shows "*
 since: $work/earlier ($first, stats+system)
 peak_bytes -5000
 peak_blocks -1
 alloc.calls -1
 dealloc.calls -1
 size.4096-8191.obtained -1"
status --since="$work/none" $pid; exits 2; says "dispatchalloc: $work/none: No such file or directory"
status --since="$work/earlier" --json $pid; exits 0; shows '*"since": "'"$work"'/earlier",
 "changes": {"peak_bytes": -5000, *'

# ---- Again and again ---------------------------------------------------------------------------------
code=0
timeout -s INT 3 "$tool" status --watch=1 $first $pid >"$work/out" 2>"$work/said" </dev/null || code=$?
case $code in 0 | 124) ;; *) fail "--watch: exit status $code: $(cat "$work/said")" ;; esac
[ "$(grep -c ' counting, 200B live$' "$work/out")" -ge 2 ] || fail "--watch: $(cat "$work/out")"
sed 's/  */ /g' "$work/out" >"$work/squeezed"
grep -q "^ $first 100B 4.98K 1 .* stats_user stats+system a\"b.c\$" "$work/squeezed" || fail "--watch: $(cat "$work/out")"
for options in '--watch=0' '--watch=x' '--watch --json' '--openmetrics --json' '--watch --since=x' '--watch --remove'; do
    # shellcheck disable=SC2086 # words
    status $options; exits 2
done
# On a terminal: q, and a signal, give it back as it was.
if command -v python3 >/dev/null 2>&1; then
    python3 - "$tool" $first <<'END' || fail "--watch on a terminal"
import fcntl, os, pty, select, signal, struct, sys, termios, time
def watch(act):
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("4H", 10, 50, 0, 0))
    before = termios.tcgetattr(child)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(child, termios.TIOCSCTTY, 0)
        for number in range(3): os.dup2(child, number)
        os.execv(sys.argv[1], [sys.argv[1], "status", "--watch=1", sys.argv[2]])
    out, acted, end = b"", False, time.time() + 20
    while time.time() < end:
        if select.select([parent], [], [], 0.1)[0]: out += os.read(parent, 65536)
        if not acted and b"LIVE" in out:
            acted = True
            assert not termios.tcgetattr(child)[3] & termios.ECHO
            said = act(parent, child, pid)
            if isinstance(said, bytes): out += said
        if os.waitpid(pid, os.WNOHANG)[0]: break
    else:
        os.kill(pid, signal.SIGKILL); raise SystemExit("it goes on: %r" % out)
    while select.select([parent], [], [], 0.1)[0]: out += os.read(parent, 65536)
    assert termios.tcgetattr(child) == before, "the terminal is another"
    assert out.startswith(b"\x1b[?1049h") and out.endswith(b"\x1b[?1049l"), out
    assert all(len(line) < 70 for line in out.split(b"\r\n")), out
    return out
watch(lambda parent, child, pid: os.write(parent, b"q"))
watch(lambda parent, child, pid: os.write(parent, b"\x03"))
watch(lambda parent, child, pid: os.kill(pid, signal.SIGTERM))
narrow = b"\n     PID    LIVE    \x1b"
def resize(parent, child, pid):
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("4H", 10, 20, 0, 0))
    os.kill(pid, signal.SIGWINCH)
    out, end = b"", time.time() + 10
    while narrow not in out and time.time() < end:
        if select.select([parent], [], [], 0.1)[0]: out += os.read(parent, 65536)
    os.write(parent, b"q")
    return out
assert narrow in watch(resize)
END
fi
end TERM
kill $first; wait $first 2>/dev/null || :
finish
