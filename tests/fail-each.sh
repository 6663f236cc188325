# SPDX-License-Identifier: MIT
# dispatchalloc fail-each: what it finds in small programs that do one thing wrong each, and in one that
# does nothing wrong; whose allocations fail; that it goes on where it was ended; that nothing is left.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
mkdir "$work/tmp"
TMPDIR=$work/tmp LC_ALL=C
export TMPDIR LC_ALL work
cat >"$work/program.c" <<'END'
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void *used(void *ptr)
{
    __asm__ volatile("" : "+r"(ptr) : : "memory");
    return ptr;
}

/* Calls that are not inlined, and not the last thing that a function does, are frames. */
#define FRAME __attribute__((noinline))

/* It can do without. */
FRAME static int handles(void)
{
    for (int i = 0; i < 5; i++) {
        char *block = used(malloc(40));

        free(used(block));
    }
    return 0;
}

FRAME static int refuses(const char *text)
{
    char *one = used(malloc(40));

    if (!one) {
        fprintf(stderr, "%s\n", text);
        exit(4);
    }
    free(one);
    return 0;
}

FRAME static int crashes(void)
{
    char *one = used(calloc(1, 48));

    one[3] = 'x';
    free(used(one));
    return 0;
}

FRAME static int aborts(void)
{
    void *one = used(malloc(56));

    if (!one)
        abort();
    free(one);
    return 0;
}

/* How often it was run, with this time, by the length of a file. */
static long runs(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    long length = file >= 0 && write(file, "x", 1) == 1 ? (long)lseek(file, 0, SEEK_END) : 0;

    close(file);
    return length;
}

/* In the fourth run, the second in which something fails, it ends its parent. */
FRAME static int crashes_and_ends(const char *path)
{
    long run = runs(path);

    crashes();
    for (int i = 0; i < 3; i++)
        free(used(malloc(40)));
    if (run == 4)
        kill(getppid(), SIGTERM);
    return 0;
}

FRAME static int hangs(void)
{
    void *one = used(malloc(72));

    while (!one)
        pause();
    free(one);
    return 0;
}

/* The same, where signals to its process group do not come. */
FRAME static int leaves_and_hangs(void)
{
    setpgid(0, getpgid(getppid()));
    return hangs();
}

/* Ends at once, but who runs it is stopped for longer than it may take. */
FRAME static int stops_who_runs_it(void)
{
    pid_t parent = getppid();
    void *one = used(malloc(72));

    if (!one && kill(parent, SIGSTOP) == 0 && fork() == 0) {
        usleep(1300000);
        kill(parent, SIGCONT);
        _exit(0);
    }
    free(one);
    return 0;
}

/* One that is in no group with it, and ends at once who would look for that. */
FRAME static int leaves_one(const char *path)
{
    void *one = used(malloc(72));
    pid_t left = one ? 0 : fork();

    if (!one && left == 0) {
        setsid();
        sleep(30);
        _exit(0);
    }
    if (!one) {
        FILE *file = fopen(path, "w");

        fprintf(file, "%ld\n", (long)left);
        fclose(file);
        while (getsid(left) != left)
            usleep(1000);
        kill(getppid(), SIGKILL);
        pause();
    }
    free(one);
    return 0;
}

/* If the second cannot be had the first is forgotten. */
FRAME static int leaks(void)
{
    void *one = used(malloc(88)), *two = used(malloc(104));

    if (two)
        free(one);
    free(two);
    return 0;
}

/* The same, told by a status, and with what else there was given back. */
FRAME static int leaks_and_tells(void)
{
    void *more[20];
    int status;

    for (int i = 0; i < 20; i++)
        more[i] = used(malloc(24));
    status = leaks();
    more[0] = used(realloc(more[0], 2000)) ? used(more[0]) : (status = 5, more[0]);
    for (int i = 1; i < 20; i++)
        free(more[i]);
    return status;
}

FRAME static int keeps(void)
{
    static void *volatile kept;

    kept = used(malloc(200));
    return 0;
}

/* Not in the first run, and in each other one. */
FRAME static int keeps_again(const char *path)
{
    static void *volatile kept;

    kept = used(malloc(200));
    if (runs(path) == 1)
        free(kept);
    return handles();
}

FRAME static int floods(void)
{
    static char much[1 << 16];
    char *one = used(malloc(64));

    while (!one && write(1, much, sizeof much) > 0)
        continue;
    free(one);
    return 0;
}

/* Two small blocks in the place of a large one. */
FRAME static int keeps_less(void)
{
    static void *volatile kept[2];

    kept[0] = used(malloc(3000));
    for (int i = 0, count = kept[0] ? 0 : 2; i < count; i++)
        kept[i] = used(malloc(40));
    return 0;
}

FRAME static int crashes_twice(void)
{
    for (int i = 0; i < 2; i++)
        crashes();
    return 0;
}

FRAME static int lies(void)
{
    char *one = used(malloc(120));

    printf("%s\n", one ? "all of it" : "half of it");
    fflush(stdout);
    free(one);
    return 0;
}

/* More each time that it is run. */
FRAME static int varies(const char *path)
{
    for (long i = runs(path); i > 0; i--)
        free(used(malloc(136)));
    return 0;
}

/* A child that is not to see anything fail, by fork alone or by exec. */
FRAME static int forks(char **program)
{
    int status = 1;
    pid_t child;

    handles();
    child = fork();
    if (child == 0 && program) {
        execv(program[0], program);
        _exit(9);
    }
    for (int i = 0; child == 0 && i < 20; i++) {
        void *block = used(malloc(152));

        if (!block)
            _exit(8);
        free(block);
    }
    if (child == 0)
        _exit(0);
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
        printf("the child: %d\n", status);
    return 0;
}

/* Goes where no file can be made any more, before it allocates again. */
FRAME static int wanders(void)
{
    struct rlimit none = {0, 0};

    handles();
    if (chdir("/") == 0 && setrlimit(RLIMIT_NOFILE, &none) == 0)
        return crashes();
    return 3;
}

FRAME static int reads(void)
{
    char *line = used(malloc(100));
    int count = 0;

    while (getchar() != EOF)
        count++;
    printf("%d characters\n", count);
    fflush(stdout);
    free(line);
    return 0;
}

/* Notes each run, and in the fifth waits to be ended. */
FRAME static int waits(const char *path)
{
    long run = runs(path);

    handles();
    refuses("no memory");
    while (run == 5)
        pause();
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "handles") == 0)
        return handles();
    if (strcmp(what, "refuses") == 0)
        return refuses("no memory");
    if (strcmp(what, "says") == 0)
        return refuses("no memory") || refuses("less");
    if (strcmp(what, "crashes") == 0)
        return crashes();
    if (strcmp(what, "aborts") == 0)
        return aborts();
    if (strcmp(what, "crashes_and_ends") == 0)
        return crashes_and_ends(argv[2]);
    if (strcmp(what, "hangs") == 0)
        return hangs();
    if (strcmp(what, "leaves_and_hangs") == 0)
        return leaves_and_hangs();
    if (strcmp(what, "stops_who_runs_it") == 0)
        return stops_who_runs_it();
    if (strcmp(what, "leaves_one") == 0)
        return leaves_one(argv[2]);
    if (strcmp(what, "leaks") == 0)
        return leaks();
    if (strcmp(what, "leaks_and_tells") == 0)
        return leaks_and_tells();
    if (strcmp(what, "keeps") == 0)
        return keeps();
    if (strcmp(what, "keeps_again") == 0)
        return keeps_again(argv[2]);
    if (strcmp(what, "exits") == 0)
        return handles() + atoi(argv[2]);
    if (strcmp(what, "floods") == 0)
        return floods();
    if (strcmp(what, "keeps_less") == 0)
        return keeps_less();
    if (strcmp(what, "crashes_twice") == 0)
        return crashes_twice();
    if (strcmp(what, "lies") == 0)
        return lies();
    if (strcmp(what, "varies") == 0)
        return varies(argv[2]);
    if (strcmp(what, "forks") == 0)
        return forks(argc > 2 ? argv + 2 : NULL);
    if (strcmp(what, "wanders") == 0)
        return wanders();
    if (strcmp(what, "reads") == 0)
        return reads();
    if (strcmp(what, "waits") == 0)
        return waits(argv[2]);
    return 7;
}
END
# shellcheck disable=SC2086
$CC $CFLAGS -g -O0 -fno-builtin "$work/program.c" -o "$work/program"
program=$work/program

# try STATUS OUTPUT MESSAGE ARGUMENT...: patterns of what fail-each prints and says.
try() {
    wanted=$1 output=$2 message=$3
    shift 3
    code=0
    timeout 120 "$tool" fail-each "$@" >"$work/out" 2>"$work/err" || code=$?
    [ "$code" = "$wanted" ] || fail "$*: exit status $code, not $wanted: $(cat "$work/out" "$work/err")"
    # shellcheck disable=SC2254 # patterns
    case $(cat "$work/out") in $output) ;; *) fail "$*: printed: $(cat "$work/out")" ;; esac
    # shellcheck disable=SC2254
    case $(cat "$work/err") in $message) ;; *) fail "$*: said: $(cat "$work/err")" ;; esac
}
help="
Try 'dispatchalloc fail-each --help' for more information."
exec </dev/null

# ---- The command line --------------------------------------------------------------------------
try 0 'Usage: dispatchalloc fail-each *' '' --help
try 2 '' "dispatchalloc: 'fail-each' needs a PROGRAM$help" --every
try 2 '' "*--json and --junit exclude each other$help" --json --junit true
try 2 '' "*invalid number of jobs '65': it is expected from 1 to 64$help" -j 65 true
try 2 '' "*invalid number of runs '0': *" --sample=0 true
try 2 '' "*invalid number of frames '65': *" --frames=65 true
try 2 '' "*invalid name of a program 'a/b': *" --child=a/b true
try 2 '' '*spec "fail+system": the layers fail and stats are what fail-each *' -b fail+system true
try 2 '' '*spec "sytem": *did you mean "system"*' -b sytem true
try 127 '' "*cannot run 'no-such-program': No such file or directory" no-such-program
try 2 '' "*'sh' fails where no allocation does: killed by signal 11 (Segmentation fault)" sh -c 'kill -SEGV $$'
try 2 '' "*'sh' takes longer than 1 seconds where nothing fails; *" --timeout=1 sh -c 'sleep 60; :'
DISPATCHALLOC_OFF=1 try 2 '' '*DISPATCHALLOC_OFF=1 is set*' true
try 2 '' "*no program called 'nobody' that '$program' starts allocates anything by malloc" --child=nobody "$program" handles

# ---- What is found -----------------------------------------------------------------------------
try 0 "$program: 5 allocations by 1 stack; 2 runs, each with one failing
2 of 2 runs:
       2 went on and ended the same" '' "$program" handles
try 0 "*5 runs, each *
       5 went on and ended the same" '' --every "$program" handles
try 0 "*5 allocations *; 3 runs, each *3 of 3 runs:*" '' --every --sample=3 "$program" handles
try 0 "*       1 gave up with another exit status" '' "$program" refuses
try 1 "*allocation 1, of 48 bytes: crashed: killed by signal 11 (Segmentation fault)
*#0 in crashes ($program+0x*
       1 crashed*" '' "$program" crashes
try 1 "*allocation 1, of 56 bytes: crashed: killed by signal 6 (Aborted)
*in aborts *" '' "$program" aborts
try 1 "*allocation 1, of 72 bytes: hung: it was ended after 5 seconds
*in hangs *
       1 hung" '' --timeout=5 "$program" hangs
try 1 "*allocation 1, of 72 bytes: hung: it was ended after 1 seconds
*" '' --timeout=1 "$program" leaves_and_hangs
try 0 "*       1 went on and ended the same" '' --timeout=1 "$program" stops_who_runs_it
try 1 "*allocation 1, of 3000 bytes: kept 1 block more than when nothing fails
*" '' "$program" keeps_less
try 1 "*allocations 1, 2, of 48 bytes: crashed: *" '' --every "$program" crashes_twice
try 1 "*allocation 2, of 104 bytes: kept 1 block, of 88 bytes, more than when nothing fails
*in leaks *
       1 kept blocks
       1 went on and ended the same" '' "$program" leaks
try 0 "*
what it keeps differs from run to run where nothing fails; *
       3 went on and ended the same" '' "$program" keeps_again "$work/again"
try 1 "*allocation 2[12], of *: kept 1 block, of *in leaks *" '' "$program" leaks_and_tells
try 1 "*allocation 1, of 120 bytes: ended as if all were well, with another result
*in lies *" '' "$program" lies
echo 'int main(void) { return 0; }' >"$work/none.c"
$CC "$work/none.c" -o "$work/none"
try 2 '' "*'$work/none' allocates nothing by malloc; *" "$work/none"
(ulimit -f 100; try 2 '' "*what '$program' allocates cannot be recorded: cannot write to $work/tmp/*/record/*: \
it would be larger than the process may make files (ulimit -f)" "$program" handles)
# What it has done to itself before is no matter, unless nothing can be recorded from the start.
(cd "$work" && TMPDIR=tmp try 1 "*allocation 6, of 48 bytes: crashed*" '' "$program" wanders)
: >"$work/noted"
try 2 '*' "*what 'sh' allocates cannot be recorded: cannot write to *" sh -c '
    echo >>"$work/noted"; [ "$(wc -l <"$work/noted")" -le 2 ] || ulimit -f 10; exec "$work/program" handles'
: >"$work/noted"
try 1 "*hung: it was ended after 5 seconds
*" '' --timeout=5 --sample=1 sh -c '
    echo >>"$work/noted"; [ "$(wc -l <"$work/noted")" -le 2 ] || exec sleep 60; exec "$work/program" handles'
# What is written without end, and what is where there is an end to files.
try 1 "*allocation 1, of 64 bytes: wrote without end: it was ended after 64 MiB
*in floods *
       1 wrote without end" '' "$program" floods
(ulimit -f 10000 && try 1 "*allocation 1, of 64 bytes: crashed: killed by signal 25 *" '' "$program" floods)
# One that ends who runs it, where something fails: what was found before is told.
try 2 "*allocation 1, of 48 bytes: crashed*
1 of 4 runs:
*" "*was ended by signal 15, which the program may have sent to its parent" --every "$program" crashes_and_ends "$work/ended"
rm "$work/ended"
try 2 '*<error type="incomplete" message="1 of 4 runs were made"/>*' '*' --every --junit \
    "$program" crashes_and_ends "$work/ended"
rm "$work/ended"
try 2 '*"planned": 4,*"runs": 1,*' '*' --every --json "$program" crashes_and_ends "$work/ended"
try 2 '*' "*was ended by signal 9, which the program may have sent to its parent" "$program" leaves_one "$work/left"
! kill -0 "$(cat "$work/left")" 2>/dev/null || fail "what a program has left is there when fail-each has ended"
# Under other allocators, and a layer.
. "$srcdir/tests/modules/find.sh"
for backend in $modules arena:limit=512M debug+system; do
    try 1 "*of 48 bytes: crashed*" '' -b "$backend" "$program" crashes
done

# What cannot be repeated.
try 3 '' "*'$program' makes * allocations, and the next time *; *--sample=N *" "$program" varies "$work/runs"
try 0 "*; 2 runs, each *
2 of 2 runs:*" "*'$program' makes * allocations, and the next time *" --sample=2 "$program" varies "$work/runs"

# --sample does not make up for another exit status.
for sample in '' --sample=2; do
    echo >"$work/status"
    # shellcheck disable=SC2086 # none, or one
    try 3 '*failures="1"*message="with nothing failing, exit status 1, and then 2"*' \
        "*ends with status 1, and the next time with 2, *" --junit $sample \
        sh -c 'echo >>"$work/status"; exec "$work/program" exits "$(($(wc -l <"$work/status") - 1))"'
done

# ---- Whose allocations fail --------------------------------------------------------------------
# Not those of its children.
try 0 "$program: 5 allocations *
       5 went on and ended the same" '' --every "$program" forks
try 0 "$program: 5 allocations *
       5 went on and ended the same" '' --every "$program" forks "$program" crashes
# Nor what a shell starts, but by name.
ln "$program" "$work/named"
try 1 "named: 1 allocation by 1 stack; 1 run, each *
allocation 1, of 48 bytes: crashed: exit handlers of 'named' were not run
*#0 in crashes ($work/named+0x*" '' --child=named sh -c '"$work/named" crashes; true'
try 0 "named: 5 allocations by 1 stack*       2 went on and ended the same" '' \
    --child=named sh -c '"$work/program" leaks; "$work/named" handles'
# Each of them counts from 1 on.
try 0 "named: 15 allocations by 3 stacks; 5 runs, each *
       5 went on and ended the same" '' \
    --every --child=named sh -c 'for i in 1 2 3; do "$work/named" handles; done; true'
# The stack is that of the one that crashed.
for order in 'handles crashes' 'crashes handles'; do
    try 1 "*allocation 1, of 48 bytes: crashed: *
*#0 in crashes *" '' --child=named sh -c 'for what; do "$work/named" $what; done; true' - $order
done
# Several of a name, of which some never come to that call: what they keep is no finding, nor hides one.
try 1 "*allocation 2, of 104 bytes: kept 1 block, of 88 bytes, more *" '' \
    --child=named sh -c '"$work/named" keeps; "$work/named" leaks; true'
# What the program becomes by exec, and what interprets a script.
try 1 "*of 48 bytes: crashed*#0 in crashes *" '' env X=1 "$program" crashes
printf '#!/usr/bin/env %s\n' "$program" >"$work/crashes"
chmod +x "$work/crashes"
(cd "$work" && PATH=$work:$PATH try 1 "*of 48 bytes: crashed*#0 in crashes *" '' env -- program crashes)

# ---- Input, output and several at a time -------------------------------------------------------
printf '12345678' >"$work/input"
{ read -r x || :; } <"$work/input"
try 0 "*: 3 allocations *3 of 3 runs:
       3 went on and ended the same" '' -j 3 --every "$program" reads <"$work/input"
(exec <"$work/input" && dd bs=1 count=3 >/dev/null 2>&1 && try 0 "*went on and ended the same" '' -j 2 "$program" reads)
try 0 "*5 of 5 runs:
       5 went on and ended the same" '' -j 4 --every "$program" handles

# Where files are kept has a name that means something in a spec, and in a path of one.
mkdir "$work/a b+c,d:e%p=(f)%%"
(TMPDIR="$work/a b+c,d:e%p=(f)%%" && export TMPDIR && try 1 "*of 48 bytes: crashed*" '' "$program" crashes)
expect "files that are left there" '' "$(ls "$work/a b+c,d:e%p=(f)%%")"
ln "$program" "$work/a+b,c"
try 1 "*of 48 bytes: crashed*" '' --child=a+b,c sh -c '"$work/a+b,c" crashes; true'

# ---- JSON and JUnit ----------------------------------------------------------------------------
bad=$(printf 'a"b<&\\c\td \303\251 \377]]>')
try 1 '*' '' --json "$program" leaks "$bad"
cp "$work/out" "$work/leaks.json"
try 0 '*"allocation": 1, *"failure": "exit status 4", "said": "no memory", *
*"allocation": 2, *"said": "less", *' '' --json --every "$program" says
try 3 '*' '*makes*' --json "$program" varies "$work/runs"
cp "$work/out" "$work/varies.json"
try 1 '*' '' --junit "$program" leaks "$bad"
cp "$work/out" "$work/leaks.xml"
try 3 '*' '*makes*' --junit "$program" varies "$work/runs"
cp "$work/out" "$work/varies.xml"
if command -v python3 >/dev/null 2>&1; then
    said=$(cd "$work" && python3 - "$program" <<'END' 2>&1
import json, sys, xml.etree.ElementTree as tree
told = json.load(open("leaks.json", encoding="utf-8"))
assert next(iter(told.items())) == ("format", 1), told
assert told["command"] == [sys.argv[1], "leaks", 'a"b<&\\c\td \u00e9 \ufffd]]>'], told["command"]
assert told["allocations"] == [2, 2] and told["repeatable"] is True and told["backend"] == "system"
assert told["output_compared"] is True and told["live_varies"] is False
assert told["planned"] == told["runs"] == 2 and told["findings"] == 1 and told["child"] is None
assert told["outcomes"]["kept"] == 1 and told["outcomes"]["same"] == 1, told["outcomes"]
worst, other = told["stacks"]
assert worst["outcome"] == "kept" and other["outcome"] == "same"
assert worst["frames"][0].startswith("#0 in leaks ("), worst["frames"]
run, = worst["runs"]
assert run["allocation"] == 2 and run["bytes"] == 104 and run["failure"] is None
assert run["kept_blocks"] == 1 and run["kept_bytes"] >= 88, run
told = json.load(open("varies.json"))
assert told["repeatable"] is False and told["allocations"][0] != told["allocations"][1]
assert told["runs"] == 0 and told["stacks"] == []
suite = tree.parse("leaks.xml").getroot().find("testsuite")
cases = suite.findall("testcase")
assert suite.get("tests") == str(len(cases)) == "3" and suite.get("failures") == "1"
failed, = [case for case in cases if case.find("failure") is not None]
assert failed.get("name") == "allocation 2" and failed.get("classname") == "program"
assert failed.find("failure").get("type") == "kept" and "in leaks" in failed.find("failure").text
suite = tree.parse("varies.xml").getroot().find("testsuite")
assert suite.get("tests") == suite.get("failures") == "1"
assert suite.find("testcase").find("failure").get("type") == "not_repeatable"
END
    ) || fail "JSON or JUnit: $said"
    python3 -m json.tool "$work/leaks.json" >/dev/null || fail "json.tool"
else
    echo "python3 is not here: JSON and XML are not read"
fi

# ---- Going on ----------------------------------------------------------------------------------
# interrupt SIGNAL: in the fifth run, the third in which something fails.
: >"$work/noted"
timeout 120 "$tool" fail-each --every --resume="$work/state" "$program" waits "$work/noted" >"$work/out" 2>"$work/err" &
pid=$!
eventually eval '[ "$(wc -c <"$work/noted")" = 5 ]' || fail "it did not come to the fifth run"
try 2 '*' "*another fail-each goes on by $work/state" --resume="$work/state" "$program" handles
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
expect "the status after SIGTERM" 143 "$code"
like "what is told after SIGTERM" "*2 of 6 runs:*" "$(cat "$work/out")"
printf '9 cra' >>"$work/state"
try 0 "*6 of 6 runs:
       1 gave up with another exit status
       5 went on and ended the same" '' --every --resume="$work/state" "$program" waits "$work/noted"
expect "runs in all, of which two and two count" $((5 + 2 + 4)) "$(wc -c <"$work/noted" | tr -d ' ')"
expect "lines that were kept" 7 "$(wc -l <"$work/state" | tr -d ' ')"
try 0 "*6 of 6 runs:*" '' --every --resume="$work/state" "$program" waits "$work/noted"
expect "nothing is left to be run" 13 "$(wc -c <"$work/noted" | tr -d ' ')"
try 0 "*; 1 run, each *6 of 6 runs:*" '' --sample=1 --resume="$work/state" "$program" waits "$work/noted"
expect "what is in it is told" 15 "$(wc -c <"$work/noted" | tr -d ' ')"
try 2 '*' "*$work/state is of another command, *" --resume="$work/state" "$program" handles
echo 'something else' >"$work/state"
try 2 '*' "*$work/state is of another command, *" --resume="$work/state" "$program" handles
expect "it is left as it was" 'something else' "$(cat "$work/state")"

# kept LINE...: the file of some runs, with these lines in it.
# Another build under the same name, and another input.
cp "$program" "$work/rebuilt"
echo one >"$work/input"
"$tool" fail-each --resume="$work/built" "$work/rebuilt" handles >"$work/out" <"$work/input"
try 0 '*' '' --resume="$work/built" "$work/rebuilt" handles <"$work/input"
printf x >>"$work/rebuilt"
try 2 '*' "*$work/built is of another command, or the program or its input has changed, *" \
    --resume="$work/built" "$work/rebuilt" handles <"$work/input"
cp "$program" "$work/rebuilt"
echo two >"$work/input"
try 2 '*' "*$work/built is of another command, or the program or *" \
    --resume="$work/built" "$work/rebuilt" handles <"$work/input"
"$tool" fail-each --every --resume="$work/kept" "$program" handles >"$work/out"
title=$(head -n 1 "$work/kept")
kept() {
    printf '%s\n' "$title" "$@" >"$work/kept"
}
tab=$(printf '\t')
kept "1 kept 0 40 1 40 1$tab${tab}$(printf '\033[1m')said$tab    #0 in $(printf '\033[2m')frame$tab    #1 in next"
try 1 "*
  it said: ?\[1msaid
    #0 in ?\[2mframe
    #1 in next

5 of 5 runs:*" '' --every --resume="$work/kept" "$program" handles
! grep -q "$(printf '\033')" "$work/out" || fail "control characters of a file are printed"
# A number counts once, and none counts that there is not.
kept "2 same 0 40 0 0 1$tab$tab" "2 same 0 40 0 0 1$tab$tab"
try 0 "*
5 of 5 runs:
       5 went on and ended the same" '' --every --resume="$work/kept" "$program" handles
kept "6 same 0 40 0 0 1$tab$tab"
try 2 '*' "*$work/kept has a result of allocation 6, of 5" --every --resume="$work/kept" "$program" handles
kept "1 crashed 0 40 0 0 1$tab$tab$tab"
try 2 '*' '*no result: "1 crashed 0 *' --every --resume="$work/kept" "$program" handles

expect "files that are left" '' "$(ls "$work/tmp")"
finish
