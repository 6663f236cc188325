# SPDX-License-Identifier: MIT
# dispatchalloc profile: a program whose profile is known, whatever serves it and however it ends; one
# that runs, switched and read; files that hold anything; words that are wrong.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
[ -e /proc/self/maps ] || skip "there is no /proc of Linux's"
is_foreign && skip "the compiler's programs are not for this system"
is_glibc || skip "stacks are followed with the GNU C library alone"
has_libdw() { grep -q '^LIBDW_LIBS = .*-ldw' "$builddir/Makefile"; }
unset DISPATCHALLOC_MALLOC DISPATCHALLOC_BACKEND
TMPDIR=$work/temporary
export TMPDIR
mkdir "$TMPDIR"
source=$work/known.c
cp "$srcdir/tests/profile/known.c" "$source"
known=$work/known
# shellcheck disable=SC2086 # a compiler is words
$CC -g -O1 -fno-optimize-sibling-calls -Wl,--build-id "$source" -o "$known"
line_of() { grep -n "/\* $1 \*/" "$source" | cut -d: -f1; }
cd "$work"

# profile WORD...: the exit status goes to $code, what is printed to $work/out and $work/said.
profile() {
    code=0
    called="profile $*"
    "$tool" profile "$@" >"$work/out" 2>"$work/said" </dev/null || code=$?
}
exits() { expect "$called: exit status ($(cat "$work/said"))" "$1" "$code"; }
says() { like "$called: said" "$1" "$(cat "$work/said")"; }
prints() { like "$called: printed" "$1" "$(cat "$work/out")"; }
leaves_nothing() { expect "$called: what is left in TMPDIR" '' "$(ls "$TMPDIR")"; }
# by_place TITLE FILE: what a part of the table says: amount, share, blocks, function.
by_place() {
    awk -v title="$1" 'index($0, title) == 1 { is_in = 1; next }
        is_in && /^$/ { exit }
        is_in && !/function, file and line/ { sub(/:[0-9]*$/, ""); print }' "$2" |
        $SED "s|$source||; s/  */ /g; s/^ //; s/ \$//"
}

# ---- A program -------------------------------------------------------------------------------------
profile --every=1 -o p.raw -o p.pb -o p.folded -o p.json -o p.svg -o p.html -- "$known" 3
exits 3
prints ''
leaves_nothing
says "$known 3
peak:       586.0 KiB in 102 blocks, after * s of * s
allocated:  742.2 KiB in 5101 blocks
at the end: 97.7 KiB in 100 blocks
*"
inner=inner
has_libdw || inner=outer
expect 'held at the peak' "488.3 KiB 83.3% 1 $inner
97.7 KiB 16.7% 100 keep
32 B 0.0% 1 churn" "$(by_place 'Held at the peak' said)"
expect 'never given back' '97.7 KiB 100.0% 100 keep' "$(by_place 'Never given back' said)"
expect 'lived for no time' '5000 100.0% 5000 churn' "$(by_place 'Lived for no time' said)"
if has_libdw; then
    for place in inner keep churn; do
        grep -q " $place $source:$(line_of $place)\$" said || fail "the line of $place: $(cat said)"
    done
fi
# What the C library starts a program by is its own matter.
folded() { $SED -n 's/^.*;main;/main;/p' "$1" | sort; }
! has_libdw || expect 'folded' 'main;churn 32
main;keep 100000
main;outer;inner 500000' "$(folded p.folded)"
for file in p.pb p.json p.svg p.html p.raw; do
    [ -s $file ] || fail "$file is empty"
done
if command -v python3 >/dev/null 2>&1; then
    python3 - p.json >dhat 2>&1 <<'EOF' || fail "DHAT: $(cat dhat)"
import json, sys
told = json.load(open(sys.argv[1]))
assert told["bklt"] and told["pid"] > 0 and 0 <= told["tg"] <= told["te"], told
points = {tuple(told["ftbl"][f].split(": ")[1].split(" ")[0] for f in point["fs"])[:1]: point
          for point in told["pps"]}
assert points[("churn",)]["tbk"] == 5000 and points[("churn",)]["tl"] > 0, points
assert (points[("churn",)]["mb"], points[("churn",)]["mbk"]) == (32, 1), points
assert "tl" not in points[("keep",)], points
EOF
fi
if command -v go >/dev/null 2>&1; then
    go tool pprof -unit=B -sample_index=alloc_space -top p.pb >top 2>err || fail "pprof: $(cat err)"
    expect 'pprof' "500000B $inner
160000B churn
100000B keep" "$(awk '$1 ~ /^[1-9]/ && $2 ~ /%$/ { print $1, $6 }' top)"
    like 'build id' "*Build ID: $(readelf -n "$known" 2>/dev/null | $SED -n 's/.*Build ID: //p')*" "$(cat top)"
fi
# What the layer keeps to its user stays so; a file that is replaced keeps what it allows.
mode() { ls -l "$1" | cut -c 1-10; }
expect 'the mode of p.raw' '-rw-------' "$(mode p.raw)"
expect 'the mode of p.folded' "$(: >plain; mode plain)" "$(mode p.folded)"
expect 'nothing is left beside' '' "$(find . -maxdepth 1 -name 'p.*.*' ! -name '*.gz')"
if command -v python3 >/dev/null 2>&1; then
    python3 - p.pb "$known" >mapping 2>&1 <<'EOF' || fail "pprof, the first mapping: $(cat mapping)"
import sys
def fields(data):
    at = 0
    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]; at += 1
            value |= (byte & 127) << shift; shift += 7
            if byte < 128:
                return value
    while at < len(data):
        key = number()
        value = number()
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        yield key >> 3, value
whole = list(fields(open(sys.argv[1], "rb").read()))
texts = [value.decode() for field, value in whole if field == 6]
first = dict(fields(next(value for field, value in whole if field == 3)))
assert texts[first[5]] == sys.argv[2], texts[first[5]]
EOF
fi
# In holes, where the file system has some.
[ "$(du -k p.raw | cut -f1)" -lt 1024 ] || echo "p.raw has no holes here"

# ---- Its file, read again --------------------------------------------------------------------------
mv p.folded first.folded
profile p.raw -o p.folded -q
exits 0
cmp p.folded first.folded || fail 'folded: read again it is another one'
profile p.raw
exits 0
prints '*peak:       586.0 KiB in 102 blocks, after * s, last sample * s*'
expect 'the table of a file' "$(by_place 'Held at the peak' said)" ''
expect 'the table of a file' '97.7 KiB 100.0% 100 keep' "$(by_place 'Never given back' out)"
profile -s p.raw
expect 'by symbols' '97.7 KiB 100.0% 100 keep' "$(by_place 'Never given back' out)"
if has_libdw && command -v objcopy >/dev/null 2>&1; then
    cp "$known" stripped
    id=$(readelf -n stripped | $SED -n 's/.*Build ID: //p')
    mkdir -p "debug/.build-id/${id%"${id#??}"}"
    objcopy --only-keep-debug stripped "debug/.build-id/${id%"${id#??}"}/${id#??}.debug"
    objcopy --strip-all stripped
    profile --every=1 -d "$work/debug" -- ./stripped
    expect 'debug files apart' '97.7 KiB 100.0% 100 keep' "$(by_place 'Never given back' said)"
    profile --every=1 -d debug -- ./stripped
    expect 'debug files by a relative path' '97.7 KiB 100.0% 100 keep' "$(by_place 'Never given back' said)"
    profile --every=1 -- ./stripped
    like 'no debug files' '97.7 KiB 100.0% 100 stripped+0x*' "$(by_place 'Never given back' said)"
fi

# ---- By chance -------------------------------------------------------------------------------------
# The large block is sampled with probability 1 - 1e-53.
profile --every=4K -o p.folded -- "$known"
exits 0
says '*peak: * by * samples, after*allocated: * by * samples
at the end: * by * samples
These are estimates: one sample in 4.0 KiB.*'
large=$(awk '/inner|outer/ { sum += $NF } END { print sum }' p.folded)
expect 'the large block' 500000 "$large"
like 'the sample behind it' "*488.3 KiB * 1 1 $inner*" "$(by_place 'Held at the peak' said)"
profile --every=1024G -- true
exits 2
says '*nothing was sampled, of one block in 1.0 TiB: --every=1 looks at each'
leaves_nothing

# ---- Where there is no more room -------------------------------------------------------------------
profile --every=1 --blocks=64 --sites=2 -- "$known"
exits 0
says "dispatchalloc: the profile: * sampled blocks had no place among the live ones, * --blocks, makes room
dispatchalloc: the profile: * samples have no stack, * --sites, makes more
*"
profile --every=1 --blocks=200 --sites=200 -- "$known"
expect 'nothing is lost' "$known" "$(head -n 1 said)"

# Of a stack, too; and it ends at who has called the allocator, whose own frames are none of it.
profile --every=1 -o p.folded -- "$known" deep
exits 0
says "dispatchalloc: the profile: 1 of * stack* cut at 32 frames: the layer's option stacks=, here --frames, keeps up to 64
*"
expect 'a stack that is cut' "[truncated]$(printf ";descend%.0s" 1 2 3 4 5 6 7 8 9 10) 4096" \
    "$(grep descend p.folded | $SED 's/\(;descend\)\{10,\}/;descend;descend;descend;descend;descend;descend;descend;descend;descend;descend/')"
profile --every=1 --frames=64 -o p.folded -- "$known" deep
! grep -q cut said || fail "64 frames: $(cat said)"
like 'a stack that is whole' '*;main;descend;*;descend 4096' "$(grep descend p.folded)"

# ---- However it ends -------------------------------------------------------------------------------
profile --every=1 -- "$known" kill
exits 137
expect 'killed: held at the end' "488.3 KiB 83.3% 1 $inner
97.7 KiB 16.7% 100 keep" "$(by_place 'Never given back' said)"
leaves_nothing
profile --every=1 -- "$work/none"
exits 127
profile -- "$source"
exits 126
leaves_nothing

# ---- Who serves ------------------------------------------------------------------------------------
. "$srcdir/tests/modules/find.sh"
for backend in arena limit:bytes=1G+arena debug+system guard+system $modules; do
    profile --every=1 -b $backend -o p.folded -- "$known"
    exits 0
    expect "over $backend" "$(folded first.folded)" "$(folded p.folded)"
done
expect 'DISPATCHALLOC_MALLOC' 'nonsense' \
    "$(DISPATCHALLOC_MALLOC=nonsense "$tool" profile "$known" 2>&1 | $SED -n 's/.*called "\(.*\)"; known.*/\1/p')"

# ---- What a program starts -------------------------------------------------------------------------
profile --every=1 -- sh -c "$known 5; exit 4"
exits 4
says "*its child * (known) has allocated more, 742.2 KiB: --child=known tells of that"
profile --every=1 --child=known -- sh -c "$known 5; exit 4"
exits 4
says "$known 5
*"
profile --every=1 --child=other -- sh -c "$known 5"
exits 5
says "*no process that is called 'other' has taken a sample"

# One that is left running.
profile --every=1 --child=known -- sh -c "$known serve >running & sleep 1"
exits 0
says '*now: * in * blocks*
Live now:*'
kill "$($SED 's/ready //' running)"
# Its time is that of the program, not of its last sample.
profile --every=1 -- sh -c "exec sh -c ': \$(:); exec sleep 1'"
says '*peak: *, after 0.* s of [1-9]*.* s*'

# Those that have ended take no room, and are not forgotten.
cat >many.sh <<'EOF'
for _ in 1 2 3 4 5 6 7 8 9 10; do ./known; done
for _ in 1 2 3 4 5 6 7 8 9 10; do
    sleep 1.1
    ls "$TMPDIR"/*/ | wc -l >left
    [ "$(cat left)" -gt 6 ] || break
done
exit 4
EOF
profile --every=1 --child=known -- sh many.sh
exits 4
says "./known
peak:       586.0 KiB in 102 blocks*"
[ "$(cat left)" -le 6 ] || fail "$(cat left) files are left while it runs"

# ---- Code that is made at run time --------------------------------------------------------------
# (Its map is left behind by node.)
if command -v node >/dev/null 2>&1; then
    echo 'const kept = [];
        function handle(i) { kept.push(Buffer.from(String(i).repeat(3000))); }
        for (let i = 0; i < 2000; i++) handle(i);' >jit.js
    profile --every=32K -o jit.folded -- sh -c 'echo $$ >jit.process; exec node --perf-basic-prof jit.js'
    exits 0
    grep -q ';[^;]*handle[^;]*jit.js' jit.folded || fail "no name of JavaScript: $(head -n 3 jit.folded)"
    rm -f "/tmp/perf-$(cat jit.process).map"
fi

# ---- As if it had been started without ---------------------------------------------------------------
expect 'standard input' 'some words' "$(echo 'some words' | "$tool" profile --every=1 -- cat 2>/dev/null)"
if command -v python3 >/dev/null 2>&1; then
    python3 - "$tool" >terminal 2>&1 <<'EOF' || fail "a terminal: $(cat terminal)"
import os, pty, signal, sys
process, terminal = pty.fork()
if process == 0:
    # It is ignored in what a shell starts in the background.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(sys.argv[1], [sys.argv[1], "profile", "--every=1", "--", "sh", "-c",
                           "read word; exec sh -c 'echo got $0; read rest' $word"])
os.write(terminal, b"hello\n")
said = b""
while b"got hello" not in said:
    said += os.read(terminal, 1000)
os.write(terminal, b"\x03")
try:
    while data := os.read(terminal, 1000):
        said += data
except OSError:
    pass
status = os.waitpid(process, 0)[1]
assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT, (status, said)
assert b"peak: " in said, said
EOF
fi

# A signal to the group comes once, as one to the command does: timeout(1) sends both.
if command -v timeout >/dev/null 2>&1; then
    cat >count.c <<'EOF'
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
static volatile sig_atomic_t count;
static void add(int number)
{
    count += number == SIGTERM;
}
int main(void)
{
    signal(SIGTERM, add);
    free(malloc(100));
    for (int i = 0; i < 20; i++)
        usleep(100000);
    return 40 + count;
}
EOF
    $CC count.c -o count
    "$tool" profile --every=1 -- ./count 2>said &
    command=$!
    sleep 0.5
    kill "$command"
    code=0
    wait $command || code=$?
    expect 'a signal to the command' 41 "$code"
    timeout 0.5 sh -c 'trap : TERM; "$0" profile --every=1 -- ./count 2>said; echo $? >counted' "$tool" || :
    eventually test -s counted
    expect 'a signal to the group' 41 "$(cat counted)"
fi

# ---- One that runs ---------------------------------------------------------------------------------
mkfifo ready
"$tool" profile --off --every=64K -- "$known" serve >ready 2>served &
command=$!
exec 3<ready
read -r _ process <&3
# Its file is there from its first allocation on.
has_file() { "$tool" profile -p $process >/dev/null 2>&1; }
eventually has_file || fail "no file: $("$tool" profile -p $process 2>&1)"
profile -p $process
exits 0
prints "*allocated:  0 B in 0 blocks by 0 samples
now:        0 B in 0 blocks by 0 samples
*Live now: nothing"
profile -p $process --on
exits 0
prints "$process (known): one sample in 64.0 KiB from now on"
has_samples() {
    "$tool" profile -p $process -o before.folded && [ "$(awk '{ sum += $NF } END { print sum }' before.folded)" -gt 200000 ]
}
eventually has_samples || fail "no samples: $(cat before.folded)"
profile -p $process -o before.raw
has_more() {
    "$tool" profile -p $process -o after.raw && "$tool" profile diff before.raw after.raw -q |
        grep -q '^  *+.* request'
}
eventually has_more || fail "no more: $("$tool" profile diff before.raw after.raw)"
profile -p $process --off
exits 0
prints "$process (known): no samples from now on"
# What was drawn before is still counted: one sample of each thread at most.
sleep 0.2
profile -p $process -o one.folded
sleep 0.2
profile -p $process -o other.folded
cmp one.folded other.folded || fail 'it is off, and goes on'
kill -USR1 $command
read -r answer <&3
expect 'a signal that is passed on' usr1 "$answer"
start=$(date +%s)
kill -TERM $command
read -r answer <&3
expect 'it had its time' done "$answer"
exec 3<&-
code=0
wait $command || code=$?
expect 'the status of who takes its time' 7 "$code"
[ $(($(date +%s) - start)) -ge 2 ] || fail 'it did not take its time'
like 'what it leaves' "*Never given back:
* request*" "$(cat served)"
leaves_nothing
profile -p $process
exits 2
says "*process $process: no such process"
profile -p $$
exits 1
says "*process $$ has no file of the layer profile: *"
# Without the command, by the layer alone.
"$tool" run -b "profile:every=64K,file=$work/raw.%p" "$known" serve >ready &
command=$!
exec 3<ready
read -r _ process <&3
eventually has_file || fail "no file: $("$tool" profile -p $process 2>&1)"
profile -p $process -o lone.raw
exits 0
rm "$work/raw.$process"
profile -p $process -o lone.folded
exits 0
profile -p $process --off
exits 2
says "*it cannot be switched: *"
kill -KILL $command
exec 3<&-
wait $command 2>/dev/null || :

# ---- Words -----------------------------------------------------------------------------------------
# wrong MESSAGE WORD...
wrong() {
    message=$1
    shift
    profile "$@"
    exits 2
    says "dispatchalloc: $message*"
}
wrong "'profile' needs a PROGRAM, a FILE or -p PID"
wrong "p.txt: the end of its name says no form that is known: .pb.gz or .pb (pprof), *or .raw*" -o p.txt true
wrong 'no/p.svg: No such file or directory' -o no/p.svg true
wrong "invalid number of bytes '0': it is expected from 1 to 1099511627776" --every=0 true
wrong "invalid number of blocks '1'" --blocks=1 true
wrong "invalid number of sites '2M'" --sites=2M true
wrong "invalid number of frames '65': it is expected from 1 to 64
" --frames=65 true
wrong "invalid process number '1x'" -p 1x
wrong '--on and --off exclude each other' -p 1 --on --off
wrong '-p takes a process, and no program' -p 1 true
wrong "'diff' takes two files" diff before.raw
wrong "extra operand 'after.raw'" before.raw after.raw
wrong "--output means nothing for 'diff'" diff before.raw after.raw -o p.svg
wrong '--every means nothing for a process that runs (-p)' -p $$ --every=1
wrong '--frames means nothing for a process that runs (-p)' -p $$ --frames=3
wrong '--backend means nothing for a process that runs (-p)' -p $$ -b nosuch
wrong '--on means nothing for a PROGRAM that is run' --on true
wrong '--child means nothing for a FILE' --child=x p.raw
wrong '--off means nothing for a FILE' p.raw --off
mkdir d.html
wrong 'd.html: Is a directory' -o d.html true
wrong 'none.raw: No such file or directory' none.raw
wrong 'spec "profile+system": the layer profile is what this command itself puts over it' -b profile+system true
wrong "spec \"arna\": no backend or layer is called \"arna\" (did you mean \"arena\"?)" -b arna true
wrong "'profile' has no option '--evry=1' (did you mean '--every'?)" --evry=1 true
DISPATCHALLOC_OFF=1
export DISPATCHALLOC_OFF
wrong 'DISPATCHALLOC_OFF=1 is set, under which nothing is profiled' true
unset DISPATCHALLOC_OFF
like "did you mean" "*(did you mean 'profile'?)*" "$("$tool" profil true 2>&1)"
# A program that is called as what else may stand there.
profile --every=1 -- diff before.raw before.raw
exits 0
printf '#!/bin/sh\nexit 6\n' >odd.raw
chmod +x odd.raw
profile --every=1 -- ./odd.raw
exits 6
wrong 'odd.raw: is no file of the layer profile' odd.raw
echo words >notes
for file in notes ./notes "$work/notes"; do
    profile $file
    exits 126
    says "dispatchalloc: $file: is no file of the layer profile, or one of another version, and cannot be executed"
done
if [ "$(id -u)" != 0 ]; then
    cp p.raw closed
    chmod 0 closed
    profile ./closed
    exits 126
    says "dispatchalloc: ./closed: cannot be read as a file of the layer profile, nor executed: Permission denied"
fi
wrong 'linked.raw: is a symbolic link' "$(ln -s p.raw linked.raw; echo linked.raw)"

# ---- Files that hold anything ------------------------------------------------------------------------
# Whatever they hold: an answer or a message, and no crash.
head -c 3000 p.raw >short.raw
head -c 40000 p.raw >cut.raw
: >empty.raw
for file in short cut empty; do
    wrong "$file.raw: is no file of the layer profile" $file.raw
done
if command -v python3 >/dev/null 2>&1; then
    python3 - "$tool" p.raw >spoilt 2>&1 <<'EOF' || fail "a file with anything in it: $(cat spoilt)"
import random, subprocess, sys
tool, path = sys.argv[1:]
whole = open(path, "rb").read()
used = max(i for i in range(0, len(whole), 64) if whole[i:i + 64].strip(b"\0")) + 64
random.seed(17)
for run in range(40):
    spoilt = bytearray(whole)
    for _ in range(1 << run % 8):
        at = random.choice([random.randrange(2048, 2400), random.randrange(2048, used),
                            random.randrange(used)])
        spoilt[at] = random.choice([0, 1, 127, 255, random.randrange(256)])
    with open("spoilt.raw", "wb") as file:
        file.write(spoilt)
    outputs = [] if run % 2 else ["-o", "s.pb", "-o", "s.html", "-o", "s.json", "-o", "s.svg"]
    ended = subprocess.run([tool, "profile", "-s", "spoilt.raw"] + outputs, capture_output=True)
    assert ended.returncode in (0, 2), (run, ended)
EOF
fi
finish
