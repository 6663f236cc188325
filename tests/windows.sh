# SPDX-License-Identifier: MIT
# The example programs and the command on Windows, under Wine: UNIT_RUNNER, see
# platforms/windows.sh. (On POSIX systems tests/examples.sh and tests/tool.sh do more.)
set -eu
[ -n "${UNIT_RUNNER-}" ] || { echo "skipped: there is nothing to run them with"; exit 77; }
work=$builddir/tests/windows
rm -rf "$work"
mkdir "$work"
cd "$builddir"

# runs STATUS PROGRAM [ARGUMENT...]: its output goes to $work/output.
runs() {
    expected=$1 program=$2 status=0
    shift 2
    $UNIT_RUNNER "$program.exe" "$@" >"$work/output" 2>"$work/errors" </dev/null || status=$?
    [ $status -eq "$expected" ] || {
        cat "$work/output" "$work/errors"
        echo "failed: $program.exe $* exits with $status, not $expected"
        exit 1
    }
}

# prints output|errors PATTERN
prints() {
    tr -d '\r' <"$work/$1" | grep -q "$2" || {
        cat "$work/output" "$work/errors"
        echo "failed: $program.exe does not print \"$2\""
        exit 1
    }
}

runs 0 examples/first
prints output '^42$'
runs 0 examples/simple_allocator
prints output '^allocated so far: [1-9]'
runs 0 examples/pool_startup
prints output '^pool served '
runs 0 examples/pool_named
prints output '^system served '
DISPATCHALLOC_BACKEND=pool
export DISPATCHALLOC_BACKEND
runs 0 examples/pool_named
prints output '^pool served '
unset DISPATCHALLOC_BACKEND
text=$srcdir/examples/constitution.txt
runs 0 examples/wordfreq "$text"
prints errors '^system served '
cp "$work/output" "$work/expected"
# Chosen by the link, and by the environment over it.
runs 0 examples/wordfreq_pool "$text"
prints errors '^pool served '
cmp "$work/output" "$work/expected"
DISPATCHALLOC_BACKEND=stats+arena:limit=64M
export DISPATCHALLOC_BACKEND
runs 0 examples/wordfreq_pool "$text"
prints errors '^stats+arena served '
cmp "$work/output" "$work/expected"
DISPATCHALLOC_BACKEND=jemalloc
runs 0 examples/first
prints errors 'jemalloc'
prints output '^42$'
unset DISPATCHALLOC_BACKEND

# The command needs no DLL beside it, however it was configured.
tool=tools/dispatchalloc
rm "$tool.exe"
MAKEFLAGS='' "$MAKE" -s LDFLAGS= "$tool.exe" >"$work/output" 2>&1
$OBJDUMP -p "$tool.exe" >"$work/imports"
if grep 'DLL Name: lib' "$work/imports"; then
    echo "failed: it needs that DLL"
    exit 1
fi
runs 0 $tool list
prints output '^fixed-arena  backend '
runs 0 $tool info system
prints output '^name *system$'
runs 0 $tool explain stats+arena:limit=1M
prints output '^  limit  *1M  *given'
runs 2 $tool explain jemalloc
prints errors 'known: system, arena, fixed-arena, stats, limit, fail, debug, guard, profile; there are no modules on this system$'
runs 0 $tool verify --case=size_zero system arena:limit=1M
prints output '^2 passed, 0 failed, 0 skipped$'
runs 0 $tool verify --case=serves_requests --case=child_memory_comes_back arena:limit=1M
prints output '^2 passed, 0 failed, 0 skipped$'
runs 2 $tool verify --case=serves_requests 'arena:limit=1'
runs 2 $tool verfy
prints errors "unknown command 'verfy' (did you mean 'verify'?)"
for command in 'run -b arena ./program' 'status --json' doctor 'compare arena' symbolize 'fail-each ./program' 'profile ./program'; do
    # shellcheck disable=SC2086 # words
    runs 2 $tool $command
    prints errors "^dispatchalloc: '${command%% *}' is not there on Windows"
done
