# SPDX-License-Identifier: MIT
# The layer debug under the malloc family of unmodified programs: each fault is named, a program
# without one runs in silence, over every allocator.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
. "$srcdir/tests/modules/find.sh"
$CC -O1 -g -fno-builtin -w "$srcdir/tests/debug/faults.c" -o "$work/faults"

backends="system arena:limit=1G"
for module in $("$tool" list --names); do
    case $module in jemalloc | mimalloc | tcmalloc | tbb) backends="$backends $module" ;; esac
done

# under SPEC PROGRAM...: status in $code, standard error, with what differs from run to run taken
# out, in $work/err.
under() {
    spec=$1 code=0
    shift
    timeout 120 "$tool" run -b "$spec" "$@" >"$work/out" 2>"$work/raw" </dev/null || code=$?
    $SED 's/debug[[][0-9]*[]]/debug[N]/; s/0x[0-9a-f]*/0xA/g; /^    #[1-9]/d; s/^    #0.*/    #/' \
        "$work/raw" >"$work/err"
}
head='dispatchalloc: debug[N]: '
frame='
    #'
# fault NAME SPEC SAID: the report, and the sum.
fault() {
    under "$2" "$work/faults" "$1"
    expect "$1 under $2: exit status" 0 "$code"
    expect "$1 under $2" "$head$3
${head}1 fault at 1 place, 1 of them told above" "$(cat "$work/err")"
}
from() { printf '\n  allocated by %s:%s' "$1" "$frame"; }
released() { printf '\n  released by %s:%s' "$1" "$frame"; }

for backend in $backends; do
    for options in '' :stacks=0 :zones=16 :fill=on,quarantine=1M; do
        fault twice "debug$options+$backend" "free(0xA): a block of 100 bytes that was given back already, by free; it is left alone$frame$(from malloc)$(released free)"
        fault interior "debug$options+$backend" "free(0xA): 8 bytes into a live block of 100 bytes; it is left alone$frame$(from malloc)"
    done
    fault on_stack "debug+$backend" "free(0xA): on the stack of this thread; it is left alone$frame"
    fault resize_released "debug+$backend" "realloc(0xA): a block of 100 bytes that was given back already, by free; NULL is returned, with errno EINVAL$frame$(from calloc)$(released free)"
    fault size_of_released "debug+$backend" "malloc_usable_size(0xA): a block of 100 bytes that was given back already, by free; 0 is returned$frame$(from malloc)$(released free)"
    fault overrun "debug:zones=16+$backend" "free(0xA): a block of 100 bytes was written to behind its end: 3 bytes changed, the first at 100 (0xA); it is given back all the same$frame$(from malloc)"
    fault underrun "debug:zones=16+$backend" "realloc(0xA): a block of 100 bytes was written to in front of its beginning: 1 byte changed, the nearest at -1 (0xA); it is resized all the same$frame$(from 'an aligned allocation')"
    fault after_release "debug:fill=on,quarantine=1M+$backend" "a block of 100 bytes at 0xA was written to after it was given back: 1 byte changed, the first at 7 (0xA); it was in quarantine$(from malloc)$(released free)"

    under "debug:stop=on+$backend" "$work/faults" twice
    expect "stop=on, $backend" 134 "$code"
    for options in '' :stacks=0 :fill=on,zones=16,quarantine=1M,sweep=2 :zones=4K :zones=8; do
        for spec in "debug$options+$backend" "debug$options+stats:print=off+$backend" \
            "stats:print=off+debug$options+$backend" "guard:every=3+debug$options+$backend"; do
            under "$spec" "$work/faults" clean
            expect "a clean program under $spec: exit status" 0 "$code"
            expect "a clean program under $spec" "" "$(cat "$work/err")"
        done
    done
    under "debug:leaks=live+$backend" "$work/faults" leak
    expect "what is live, $backend" "  1 block, of 54321 bytes, from malloc:$frame
  1 block, of 12345 bytes, from malloc:$frame" "$(grep -A1 -e 54321 -e 12345 "$work/err" | grep -v -e --)"
done

# Only one of the two places is told of.
echo "leak:$work/faults" >"$work/suppressions"
under "debug:leaks=live,suppressions=$work/suppressions+system" "$work/faults" leak
expect "what is suppressed: exit status" 0 "$code"
! grep -e ' 54321 ' -e ' 12345 ' "$work/err" || fail "what is suppressed was told of"
expect "suppressed: exit status" 0 "$code"
mkfifo "$work/pipe"
for file in "$work:it is a directory" "$work/pipe:it is no regular file" "$work/none:there is no such file"; do
    under "debug:leaks=live,suppressions=${file%:*}+system" true
    like "suppressions ${file#*:}" "*cannot be \"${file%:*}\": ${file#*:}*" "$(cat "$work/err")"
done

# ---- Real programs ----------------------------------------------------------------------------
! command -v python3 >/dev/null 2>&1 || for backend in $backends; do
    for options in '' :fill=on,zones=16,quarantine=1M; do
        under "debug$options+$backend" env PYTHONMALLOC=malloc python3 -c \
            'import json, threading; print(len(json.dumps(list(range(20000)))))'
        expect "python3 under debug$options+$backend: exit status" 0 "$code"
        expect "python3 under debug$options+$backend" 128890 "$(cat "$work/out")"
        expect "python3 under debug$options+$backend: what is said" "" "$(cat "$work/err")"
    done
done
under "debug:fill=on,zones=16,quarantine=1M+system" sh -c 'ls / | sort >/dev/null && echo done'
expect "a shell and what it starts" "done" "$(cat "$work/out")$(cat "$work/err")"
finish
