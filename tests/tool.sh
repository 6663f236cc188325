# SPDX-License-Identifier: MIT
# The dispatchalloc command: what it prints, to where, with which exit status.
set -eu

. "$srcdir/tests/lib.sh"
need_tool
[ -n "$shared" ] || skip "no shared library was built"
umask 022
mkdir "$work/modules"
modules=$(cd "$work/modules" && pwd -P)
export DISPATCHALLOC_MODULE_PATH="$modules"
LC_ALL=C
export LC_ALL

# module NAME [flags]
module() {
    name=$1
    shift
    # shellcheck disable=SC2086 # the flags are words
    $CC $CFLAGS -shared -fPIC -fvisibility=hidden -I"$builddir/include" -I"$srcdir/include" \
        "-DNAME=\"$name\"" "$@" "$srcdir/tests/tool/module.c" -o "$modules/$name.so"
}
module upright
module tilted -DTILTED
module rounding -DROUNDING
module crashing -DCRASHING=0
module sulking -DSULKING
module clear -DLAYER
module split -DLAYER -DSPLIT
echo "not code" >"$modules/junk.so"

# Runs the tool; its outputs and status are left in $out, $err and $status.
run() {
    status=0
    "$tool" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    out=$(cat "$work/out")
    # (What a sanitizer says of allocations that are to fail is not the tool's.)
    err=$($SED '/WARNING: [A-Za-z]*Sanitizer failed to allocate/d' "$work/err")
    called="dispatchalloc $*"
}
exits() { [ "$status" = "$1" ] || fail "$called: status $status, not $1; $err"; }
prints() {
    like "$called: printed" "$1" "$out"
}
says() {
    like "$called: said" "$1" "$err"
}
try="Try 'dispatchalloc --help' for more information."
try_verify="Try 'dispatchalloc verify --help' for more information."

run list
if ! printf '%s\n' "$out" | grep -q "^upright  *backend"; then
    skip "no module can be loaded from $modules: $out"
fi

# ---- --help, --version, usage errors ----------------------------------------------------

run --version;          exits 0; says ''; prints "dispatchalloc (libdispatchalloc) $VERSION
License: MIT. There is no warranty."
run list --version;     exits 0; prints "dispatchalloc (libdispatchalloc) $VERSION*"
run --help;             exits 0; says ''; prints 'Usage: dispatchalloc COMMAND \[OPTION\]... \[OPERAND\]...
*list*info*explain*verify*Exit status: 0 *'
for command in list info explain verify; do
    run $command --help;    exits 0; says ''; prints "Usage: dispatchalloc $command \[OPTION\]...*--help *"
    run --help $command;    exits 0; says ''; prints "Usage: dispatchalloc $command \[OPTION\]...*"
done
"$tool" --help | awk 'length > 80 { exit 1 }' || fail "--help has a line of more than 80 columns"

# Every option of the help is in the manual.
for option in $(for command in '' list info explain verify; do "$tool" $command --help; done |
                $SED -n 's/^.* --\([a-z-]*\).*/\1/p' | sort -u); do
    grep -q "Fl Fl $option" "$srcdir/doc/man/dispatchalloc.1" || fail "--$option is not in the manual"
done

run;                    exits 2; prints ''; says "dispatchalloc: missing command
Usage: dispatchalloc COMMAND *"
run lisst;              exits 2; prints ''; says "dispatchalloc: unknown command 'lisst' (did you mean 'list'?); known: list, *, help
$try"
run --nonsense;         exits 2; prints ''; says "dispatchalloc: there is no option '--nonsense'; known: --help (-h), --version
$try"
run -x list;            exits 2; prints ''; says "dispatchalloc: 'list' has no option '-x'; known: --help (-h), --version, --names
Try 'dispatchalloc list --help' for more information."
run verify --case;      exits 2; prints ''; says "dispatchalloc: option '--case' needs a value
$try_verify"
run explain;            exits 2; prints ''; says "dispatchalloc: 'explain' needs a SPEC
Try 'dispatchalloc explain --help' for more information."
run info;               exits 2; prints ''; says "dispatchalloc: 'info' needs a NAME
Try 'dispatchalloc info --help' for more information."
run verify;             exits 2; prints ''; says "dispatchalloc: 'verify' needs a SPEC, or --list-cases
$try_verify"
run list system;        exits 2; prints ''; says "dispatchalloc: extra operand 'system' (did you mean 'info system'?)
Try 'dispatchalloc list --help' for more information."
run verify --names system;  exits 2; prints ''; says "dispatchalloc: 'verify' has no option '--names'; 'list' has it; known: --help (-h), *
$try_verify"
run verify --case=nonsense system;  exits 2; prints ''; says "dispatchalloc: no case is called 'nonsense'; --list-cases lists them
$try_verify"
run verify --case=size_zreo system;  exits 2; prints ''; says "dispatchalloc: no case is called 'size_zreo' (did you mean 'size_zero'?); --list-cases lists them
$try_verify"
run verify --json --tap system;     exits 2; prints ''; says "dispatchalloc: --json and --tap exclude each other
$try_verify"
for wrong in system '--case=size_zero system system' '--case=size_zero --case=size_classes system'; do
    # shellcheck disable=SC2086 # words
    run verify --no-fork $wrong;    exits 2; prints ''; says "dispatchalloc: --no-fork takes one --case and one SPEC
$try_verify"
done
run verify --no-fork --tap --case=size_zero system;  exits 2; prints ''; says "dispatchalloc: --no-fork prints neither --json nor --tap
$try_verify"
run verify --capacity=4Q system;    exits 2; prints ''; says "dispatchalloc: invalid capacity '4Q': a number of bytes is expected
$try_verify"
run verify --capacity=0 system;     exits 2; prints ''; says "dispatchalloc: invalid capacity '0': *"
run verify --capacity=99999999999999999999 system;  exits 2; says "dispatchalloc: invalid capacity *"
run verify --timeout=0 system;      exits 2; prints ''; says "dispatchalloc: invalid timeout '0': a number of seconds from 1 to 86400 is expected
$try_verify"

# ---- list -------------------------------------------------------------------------------

run list;               exits 0; says ''; prints 'NAME  *KIND  *VERSION  *SUMMARY
*'
printf '%s\n' "$out" | grep -q "^system  *backend  *$VERSION  *the allocator of the operating system" ||
    fail "list does not show system: $out"
printf '%s\n' "$out" | grep -q '^clear  *layer  *1\.2  *a module of the test$' ||
    fail "list does not show the kind of a module: $out"
printf '%s\n' "$out" | grep -q "^junk  *?  *?  *.*module $modules/junk.so cannot be opened" ||
    fail "list does not tell why a module cannot be used: $out"
# The columns stand below each other.
column=$(printf '%s\n' "$out" | sed -n 's/VERSION.*//p' | wc -c)
printf '%s\n' "$out" | cut -c"$column"- | awk '!/^[0-9?V]/ { exit 1 }' ||
    fail "list has its columns askew: $out"
names_of_list=$(printf '%s\n' "$out" | sed '1d; s/ .*//')
run list --names;       exits 0; says ''
found=$(printf '%s\n' "$out" | grep -xE 'clear|crashing|junk|sulking|tilted|upright' | tr '\n' ' ')
[ "$found" = "clear crashing junk sulking tilted upright " ] || fail "modules are not listed by name: $found"
[ "$out" = "$names_of_list" ] || fail "list --names differs from list: $out"
run --names list;       exits 0; [ "$out" = "$names_of_list" ] || fail "options before the command"

# ---- info -------------------------------------------------------------------------------

run info system;        exits 0; says ''; prints "name       system
kind       backend
version    $VERSION
summary    the allocator of the operating system*
options    none
can do     zeroed memory      its own
           realloc            its own
*
alignment  up to 2M and more
capacity   no end within 48M"
run info arena;         exits 0; says ''; prints '*             4K bytes or more; default: none
*'
# What the kit made is given back: a layer that counts has nothing to tell.
run info stats;         exits 0; says ''; prints '*'
run verify -q stats;    exits 0; says ''; prints ''
run info upright;       exits 0; says ''; prints "name       upright
kind       backend
version    1.2
summary    a module of the test
module     $modules/upright.so
options    chunk=BYTES
             how much is taken at a time
             4K to 1G bytes; default: 64K
           threads=COUNT
             how many it is made for
             1 to 64; default: 8
           huge=SWITCH
             whether to ask for huge pages
             on or off; default: off
           order=CHOICE
             which free block to take
             first, best, next; default: first
           note=TEXT
             a word about it
             any text; default: none
           path=TEXT
             where it writes to
             text of 1 to 99 bytes; default: none
can do     zeroed memory      derived: allocates, then clears
           realloc            derived: allocates, copies, frees
           grow               derived: by realloc
           shrink             derived: by realloc
           resize in place    no
           usable size        no: the size asked for
           free without size  no
           knows its blocks   no
           prepares for fork  no
alignment  *
capacity   no end within 48M"
run info clear;         exits 0; prints "name       clear
kind       layer
*shown as   clear+system
can do     zeroed memory      its own
*"
run info sulking;       exits 2; prints '*starts     no: "sulking": it is not in the mood (3)'
run info upright:threads=2 system;  exits 0; prints "name       upright
*

name       system
*"
run info sytsem;        exits 2; prints ''; says 'dispatchalloc: spec "sytsem": no backend or layer is called "sytsem" (did you mean "system"?); known: *system*'
run info clear+system;  exits 2; prints ''; says "dispatchalloc: 'clear+system' is a stack of 2; 'explain' shows those
Try 'dispatchalloc info --help' for more information."
run info '';            exits 2; says 'dispatchalloc: spec "": it is empty'

# ---- explain ----------------------------------------------------------------------------

run explain clear:chunk=8K,note=a%2Bb+upright:order=best;  exits 0; says ''; prints 'clear 1.2 (layer): a module of the test
  chunk    8K        given
  threads  8         default
  huge     off       default
  order    first     default
  note     a+b       given
  path     none      default
upright 1.2 (backend): a module of the test
  chunk    64K       default
  threads  8         default
  huge     off       default
  order    best      given
  note     none      default
  path     none      default'
run explain clear;      exits 0; prints '*
(around what would serve without it: the program'\''s choice, or system)'
run explain system+clear;  exits 2; prints ''; says 'dispatchalloc: spec "system+clear": "system" is a backend, not a layer, and has to come last; a spec has one backend, behind its layers'
run explain upright:chunk=1;  exits 2; prints ''; says 'dispatchalloc: spec "upright:chunk=1": option "chunk" of "upright" cannot be "1"; accepted is a number of bytes from 4K to 1G'
run explain upright:chnk=8K;  exits 2; prints ''; says 'dispatchalloc: spec "upright:chnk=8K": "upright" has no option "chnk" (did you mean "chunk"?); known: chunk, threads, huge, order, note, path'
run explain clear+:;    exits 2; prints ''; says 'dispatchalloc: spec "clear+:": item 2 has no name (did you mean "clear"?)'
run explain 'upright:note=%1Ba%7F%C2%9B%9B%C3%A9';  exits 0; prints '*
  note     \?a\?\?\?\?é  given
  path     none      default'
# A spec in parentheses is shown item by item, in its place.
run explain 'split:note=a,to=(clear:note=%28+split:note=b,to=(system))+system';  exits 0; says ''; prints 'split 1.2 (layer): a module of the test
  chunk    64K       default
  threads  8         default
  huge     off       default
  order    first     default
  note     a         given
  path     none      default
  to       (         given
    clear 1.2 (layer): a module of the test
      chunk    64K       default
      threads  8         default
      huge     off       default
      order    first     default
      note     (         given
      path     none      default
    split 1.2 (layer): a module of the test
      chunk    64K       default
      threads  8         default
      huge     off       default
      order    first     default
      note     b         given
      path     none      default
      to       (         given
        system * (backend): *
      )
    (around the system allocator)
  )
system * (backend): *'
run explain split;      exits 0; prints '*
  to       (         default
    fixed-arena * (backend): *
      capacity    64K       default
      huge_pages  default   default
      prefault    off       default
  )
(around what would serve without it: the program'\''s choice, or system)'
run explain 'split:to=(clea)';  exits 2; prints ''; says 'dispatchalloc: spec "split:to=(clea)": option "to" of "split": no backend or layer is called "clea" (did you mean "clear"?); known: *'
run explain 'slit:to=(system)+system';  exits 2; prints ''; says 'dispatchalloc: spec "slit:to=(system)+system": no layer is called "slit" (did you mean "split"?); known: *'
run explain 'split:to=clear';  exits 2; prints ''; says 'dispatchalloc: spec "split:to=clear": option "to" of "split" cannot be "clear"; accepted is a spec in parentheses, as in to=(clear)'
run explain 'split:to=(sulking)';  exits 2; prints ''; says 'dispatchalloc: spec "split:to=(sulking)": option "to" of "split": "sulking": it is not in the mood (3)'
run info split;         exits 0; prints '*
           to=SPEC
             where the rest comes from
             a spec in parentheses; default: (fixed-arena:capacity=64K)
*'
run verify -q --case=size_zero 'split:to=(upright)';  exits 0; says ''; prints ''
# Nothing is created: a backend that cannot be started can be explained.
run explain sulking;    exits 2; prints ''; says 'dispatchalloc: spec "sulking": "sulking": it is not in the mood (3)'
# The first bad one ends it, but what is good before it stands.
run explain system nosuch;  exits 2; prints 'system *'; says 'dispatchalloc: spec "nosuch": *'

# ---- verify -----------------------------------------------------------------------------

run verify --list-cases;  exits 0; says ''; prints 'serves_requests *'
cases=$(printf '%s\n' "$out" | wc -l)
run verify upright;     exits 0; says ''; prints 'upright: capacity without end within 48M, alignment up to *
  pass  serves_requests
*
[0-9]* passed, 0 failed, [0-9]* skipped'
total=$(printf '%s\n' "$out" | sed -n 's/^\([0-9]*\) passed, 0 failed, \([0-9]*\) skipped$/\1 + \2/p')
[ "$(($total))" -eq "$cases" ] || fail "verify ran $total cases of $cases"
printf '%s\n' "$out" | grep -q '^  skip  owns_its_blocks_only: it does not know its blocks$' ||
    fail "verify does not tell why it skips: $out"
run verify --quiet --case=size_zero upright;  exits 0; says ''; prints ''
run -v verify --case size_zero --case alloc_is_aligned upright system;  exits 0; prints 'upright: *
  pass  size_zero: a block of size 0 is aligned, not NULL, and can be given back ([0-9]* ms)
  pass  alloc_is_aligned: *
system: *
4 passed, 0 failed, 0 skipped'
run verify --case=alloc_is_aligned --case=serves_requests tilted;  exits 1; says ''; prints 'tilted: *
  pass  serves_requests
  FAIL  alloc_is_aligned (tilted): alignments from 1 to 4096 are kept for sizes on both sides of them
        asked     alloc(size 1, align 16)
        expected  a pointer with the alignment asked for
        got       0x*8, aligned to 8
        likely    alloc() does not look at the alignment, or not with this size, *
1 passed, 1 failed, 0 skipped'
run verify -q --case=alloc_is_aligned --case=serves_requests tilted;  exits 1; prints '  FAIL  alloc_is_aligned (tilted): *
        got       0x*8, aligned to 8
        likely    *'
run verify --case=size_zero crashing;  exits 1; says ''; prints '*
  FAIL  size_zero (crashing): *
        asked     alloc(size 0, align 1)
        expected  an answer
        got       *
0 passed, 1 failed, 0 skipped'
[ -n "$sanitized" ] || prints '*
        got       SIGABRT (Aborted)
        likely    *an assertion of its own fails
*'
# What it can is found out first, which may end as badly.
whole=$modules
mkdir "$work/trial"
modules=$(cd "$work/trial" && pwd -P)
module falls-early -DCRASHING=32768
early=$modules/falls-early.so modules=$whole
run verify --case=size_zero "$early";  exits 0; says ''; prints '*: what it can is not known; how its trial ended: SIGABRT (Aborted)
  pass  size_zero
1 passed, *'
run verify --tap --case=size_zero "$early";  exits 0; prints 'TAP version 13
1..1
# */falls-early.so: what it can is not known; how its trial ended: SIGABRT (Aborted)
ok 1 *'
run verify --json --case=size_zero "$early";  exits 0; prints '*"error": null, "trial_end": "SIGABRT (Aborted)", "capacity_bytes": 0,*'
run verify --json --case=size_zero upright;  exits 0; prints '*"error": null, "trial_end": null, "capacity_bytes": null,*'
# What is wrong with create() is told once.
modules=$work/trial
module leaves "-DSTARTING=_exit(3)" -include unistd.h
leaves=$modules/leaves.so modules=$whole
run verify --case=size_zero --case=owns_its_blocks_only "$leaves";  exits 1; says ''; prints '*: what it can is not known; how its trial ended: the process ended with status 3
  FAIL  size_zero (*
        asked     a fresh instance
        expected  an answer within 60 s
        got       the process ended with status 3
        likely    create() ends the process, *
  skip  owns_its_blocks_only: not run: create() does not come back
0 passed, 1 failed, 1 skipped'
run verify -q --case=child_memory_comes_back rounding;  exits 1; says ''; prints '  FAIL  child_memory_comes_back (rounding): *
        asked     dealloc(size 1, align 1), of "rounding" over a child of the kit'\''s
        expected  each block back with the size and alignment it was taken with
        got       size 16, align 1 for a block of its child (size 1, align 1, taken in alloc(size 1, align 1))
        likely    another size is given back than was taken: *'

# In this process: a debugger sees the signal, and what follows the case is as ever.
run verify --no-fork --case=size_zero upright;  exits 0; says ''; prints '  pass  size_zero'
run verify --no-fork --case=alloc_is_aligned tilted;  exits 1; prints '  FAIL  alloc_is_aligned (tilted): *'
run verify --no-fork --case=owns_its_blocks_only upright;  exits 0; prints '  skip  owns_its_blocks_only: *'
if [ -z "$sanitized" ]; then
    # (In a subshell, for what the shell says of it.)
    status=0
    (exec "$tool" verify --no-fork --case=size_zero crashing) >"$work/out" 2>&1 || status=$?
    [ $status = 134 ] || fail "verify --no-fork of what aborts: status $status"
fi

# ---- verify --tap, --json -----------------------------------------------------------------

run verify --tap --case=size_zero --case=owns_its_blocks_only --case=child_memory_comes_back upright rounding
exits 1; says ''; prints 'TAP version 13
1..6
ok 1 - upright: size_zero
  ---
  promise: "*"
  duration_ms: [0-9]*
  ...
ok 2 - upright: owns_its_blocks_only # SKIP it does not know its blocks
*ok 3 - upright: child_memory_comes_back
*ok 4 - rounding: size_zero
*
not ok 6 - rounding: child_memory_comes_back
  ---
*  asked: "dealloc(size 1, align 1), of \\"rounding\\" over*
  likely: "another size *
  ...'
if command -v prove >/dev/null 2>&1; then
    prove -e "$tool verify --tap --case=size_zero" upright system >"$work/out" 2>&1 ||
        fail "prove of what is good: $(cat "$work/out")"
    if prove -e "$tool verify --tap --case=size_zero" upright crashing >"$work/out" 2>&1; then
        fail "prove passes what crashes"
    fi
    like "prove" '*Failed test:  1*Result: FAIL' "$(cat "$work/out")"
else
    echo "prove is not here: TAP is not read"
fi

run verify --json --case=size_zero --case=owns_its_blocks_only --case=child_memory_comes_back upright rounding
exits 1; says ''; prints '{
  "format": 1,*'
if command -v python3 >/dev/null 2>&1; then
    python3 - "$work/out" <<'EOF' || fail "JSON: $out"
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    told = json.load(file)
assert told["format"] == 1 and (told["passed"], told["failed"], told["skipped"]) == (3, 1, 2)
upright, rounding = told["specs"]
assert (upright["spec"], upright["error"], upright["capacity_bytes"]) == ("upright", None, None)
assert upright["align_max"] >= 4096
assert [case["verdict"] for case in upright["cases"]] == ["passed", "skipped", "passed"]
assert [case["verdict"] for case in rounding["cases"]] == ["passed", "skipped", "failed"]
assert upright["cases"][1]["reason"] == "it does not know its blocks"
failed = rounding["cases"][2]
assert failed["name"] == "child_memory_comes_back" and failed["seconds"] >= 0
assert "size 1, align 1" in failed["asked"] and "size 16" in failed["got"]
assert failed["likely"].startswith("another size") and failed["reason"] is None
EOF
else
    echo "python3 is not here: JSON is not read"
fi
# What cannot be made, or has a fault, is told there too.
run verify --json system sytsem;  exits 2; says 'dispatchalloc: spec "sytsem": *'; prints '{
  "format": 1,
  "specs": \[
    {"spec": "system", "error": "not run, since another SPEC is bad", "cases": \[\]},
    {"spec": "sytsem", "error": "no backend or layer is called *", "cases": \[\]}
  \],
  "passed": 0, *
}'
run verify --json --list-cases sytsem;  exits 2; says 'dispatchalloc: spec "sytsem": *'; prints ''
run verify --json --case=size_zero sulking;  exits 2; says 'dispatchalloc: spec "sulking": *'; prints '*"error": "*in the mood (3)", "cases": \[\]}
*'
run verify --tap --case=size_zero sulking;  exits 2; prints 'TAP version 13
1..1
Bail out! sulking: *in the mood (3)'

# A path is a spec, so that a module can be verified where it was built.
run verify -q --case=serves_before_and_after_main "$modules/upright.so";  exits 0; says ''; prints ''
run verify sulking;     exits 2; prints ''; says 'dispatchalloc: spec "sulking": "sulking": it is not in the mood (3)'
run verify arena:chunk=1G,limit=512M;  exits 2; prints ''; says 'dispatchalloc: *: limit=512M is less than one chunk (chunk=1G)'
run verify nosuch;      exits 2; prints ''; says 'dispatchalloc: spec "nosuch": no backend or layer is called "nosuch"; known: *'
# All specs are looked at before the first case is run.
run verify system nosuch;  exits 2; prints ''; says 'dispatchalloc: spec "nosuch": *'
run verify --capacity=1000 --case=serves_requests system;  exits 0; prints 'system: capacity 1000 as declared, *'
# The operator's choice for this process is not the subject.
status=0
DISPATCHALLOC_BACKEND=crashing DISPATCHALLOC_VERBOSE=1 "$tool" verify -q \
    --case=serves_before_and_after_main system >"$work/out" || status=$?
[ $status = 0 ] || fail "verify under DISPATCHALLOC_BACKEND: $(cat "$work/out")"

# ---- A module that ends the process --------------------------------------------------------
# A sanitizer tells of it in its own words.
if [ -z "$sanitized" ] && [ -e "$builddir/.libs/libdispatchalloc-preload.so" ]; then
    # In a directory of their own: list opens all that there are.
    mkdir "$work/ending"
    whole=$modules modules=$(cd "$work/ending" && pwd -P)
    module leaving "-DSTARTING=exit(0)"
    module aborting "-DSTARTING=abort()"
    module quitting "-DOPENING=exit(0)"
    module giving-up "-DOPENING=exit(3)"
    module falling "-DOPENING=abort()"
    # ends MODULE HOW COMMAND...
    ends() {
        spec=$modules/$1.so how=$2
        shift 2
        run "$@" "$spec" true
        exits 2
        says "*dispatchalloc: \"$spec\": looking at it was ended by $how"
    }
    for ended in leaving:'exit()' aborting:SIGABRT; do
        ends "${ended%:*}" "${ended#*:}" explain
        ends "${ended%:*}" "${ended#*:}" run -b
        run info "$spec";  exits 2; prints "name *starts     no: *"
        run verify -q --case=size_zero "$spec";  exits 1
    done
    for ended in quitting:'exit()' giving-up:'exit()' falling:SIGABRT; do
        for command in explain info verify "run -b"; do
            # shellcheck disable=SC2086 # words
            ends "${ended%:*}" "${ended#*:}" $command
        done
        run compare -n 1 -b "$spec" true;  exits 2; says "dispatchalloc: \"$spec\": looking at it was ended by *"
        [ "$out" = '' ] || fail "compare printed $out"
    done
    status=0
    DISPATCHALLOC_MODULE_PATH=$modules "$tool" list >"$work/out" 2>"$work/err" || status=$?
    called="list with modules that end it" err=$(cat "$work/err") out=$(cat "$work/out")
    exits 0; says ''; prints "*arena *falling  *looking at it was ended by SIGABRT*leaving  *quitting  *looking at it was ended by exit()*"
    # By _exit(), of which the process itself is not told.
    module hiding "-DOPENING=_exit(0)" -include unistd.h
    module vanishing "-DSTARTING=_exit(0)" -include unistd.h
    for command in explain info verify "run -b"; do
        # shellcheck disable=SC2086 # words
        ends hiding 'exit()' $command
    done
    run verify --json "$modules/hiding.so";  exits 2; prints '{
*looking at it was ended by exit()*'
    # How it ends is known also where ends are ignored.
    (trap '' CHLD; "$tool" verify -q --case=size_zero "$modules/aborting.so") >"$work/out" 2>&1 || :
    like "verify with SIGCHLD ignored" '*got *SIGABRT (Aborted)*' "$(cat "$work/out")"
    # One that leaves a process behind is not waited for.
    module lasting "-DOPENING=if (!fork()) { sleep(20); _exit(0); }" -include unistd.h
    timeout 15 "$tool" info "$modules/lasting.so" >"$work/out" 2>&1 || fail "info of what leaves a process: $?"
    ends vanishing 'exit()' explain
    ends vanishing 'exit()' run -b
    run compare -n 1 -b "$modules/vanishing.so" true;  exits 2; says "dispatchalloc: \"$modules/vanishing.so\": looking at it was ended by exit()"
    # Chosen for the command itself, where a constructor opens and starts it. (Of what comes
    # before that glibc alone is known.)
    for ended in leaving:'exit()' aborting:SIGABRT quitting:'exit()' giving-up:'exit()' falling:SIGABRT; do
        spec=$modules/${ended%:*}.so
        DISPATCHALLOC_BACKEND=$spec run list --help
        if is_glibc; then
            exits 2; says "dispatchalloc: \"DISPATCHALLOC_BACKEND=$spec\": with that this command was ended before it began by ${ended#*:}"
        fi
    done
    DISPATCHALLOC_BACKEND=$whole/upright.so run list --help;  exits 0; says ''; prints 'Usage: *'
    modules=$whole
fi

# ---- Output that cannot be written --------------------------------------------------------

status=0
"$tool" list >&- 2>"$work/err" || status=$?
err=$(cat "$work/err") called="list >&-"
exits 2; says 'dispatchalloc: write error: Bad file descriptor'
# (ThreadSanitizer's own start is ended by that.)
if [ -z "$sanitized" ]; then
    status=0
    (ulimit -f 0; "$tool" list >"$work/out" 2>/dev/null) || status=$?
    err='' called="list into a file that may not grow"
    exits 2
fi
if [ -c /dev/full ]; then
    for command in list "info system" "explain system" "verify --list-cases" --help --version; do
        status=0
        # shellcheck disable=SC2086 # words
        "$tool" $command >/dev/full 2>"$work/err" || status=$?
        err=$(cat "$work/err") called="$command >/dev/full"
        # musl's stdio drops what it could not write, so that the last call knows no reason.
        is_glibc && reason=': No space left on device' || reason='*'
        exits 2; says "dispatchalloc: write error$reason"
    done
fi

finish
