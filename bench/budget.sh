# SPDX-License-Identifier: MIT
# What scripts share that count instructions and hold them against bench/budgets. Source it
# after tests/lib.sh: . "$srcdir/bench/budget.sh"

[ -n "$VALGRIND" ] || skip "there is no valgrind to count with"
not_sanitized "what is counted is not what is installed"
# Of several the compiler takes the last one.
# shellcheck disable=SC2086 # words
level=$(printf '%s\n' $CFLAGS | sed -n 's/^-O/&/p' | tail -n 1)
[ "$level" = -O2 ] || skip "the budgets are those of -O2; built with ${level:-none}"
[ "$(uname -m)" = x86_64 ] || skip "the budgets are those of x86-64"

# Another release of a compiler makes other code.
kind=gcc
! $CC --version | grep -q clang || kind=clang
compiler=$kind-$($CC -dumpversion | sed 's/\..*//')
column=$(awk -v compiler="$compiler" '$2 == "name" {
    for (i = 3; i <= NF; i++) if ($i == compiler) print i - 1 }' "$srcdir/bench/budgets")
[ -n "$column" ] || skip "the budgets are not those of $compiler"

# count COMMAND...: instructions of a run.
count() {
    # shellcheck disable=SC2086 # words
    $LIBTOOL --mode=execute $VALGRIND --tool=callgrind --callgrind-out-file=/dev/null "$@" \
        >"$work/said" 2>&1 || return 1
    sed -n 's/^==[0-9]*== Collected : \([0-9]*\)$/\1/p' "$work/said" | grep .
}

# slope COMMAND...: instructions of one round of a command whose last argument, added here, is
# the number of rounds, to the nearest. Two runs, so that start and end are not in it. It is
# called in the middle of arithmetic, where a status is lost and no output counts as 0: so what
# cannot be counted is a failure by itself.
slope() {
    if few=$(count "$@" 1000) && many=$(count "$@" 11000); then
        echo $(((many - few + 5000) / 10000))
    else
        fail "$*: not counted: $(tail -n 5 "$work/said")" >&2
        return 1
    fi
}

# try COMMAND...: skip the test where callgrind cannot run what this compiler makes.
try() {
    count "$@" 1 >/dev/null 2>&1 || skip "callgrind cannot run this: $(grep . "$work/said" | tail -n 1)"
}

# budget_of NAME: of the compiler at hand, or nothing.
budget_of() { awk -v name="$1" -v column=$column '$1 == name { print $column }' "$srcdir/bench/budgets"; }

# hold NAME VALUE: print a row, and fail if the value is above the budget of that name.
hold() {
    budget=$(budget_of "$1")
    if [ -z "$budget" ]; then
        fail "$1 has no line in bench/budgets; measured: $2"
        return
    fi
    printf '%-26s %8d %8d\n' "$1" "$budget" "$2"
    if [ "$2" -gt "$budget" ]; then
        fail "$1: dearer than it was: $budget instructions before, $2 now (bench/budgets)"
    elif [ "$2" -lt "$budget" ]; then
        echo "    cheaper than it was: bench/budgets can be lowered"
    fi
}

# hold_to_libc: skip the test unless malloc and free take what they take in the C library of the
# budgets, as this compiler calls them.
hold_to_libc() {
    direct=$(slope "$builddir/bench/pair" direct)
    [ "$direct" -ge 10 ] || fail "malloc and free cannot take $direct instructions"
    [ "$direct" = "$(budget_of libc)" ] ||
        skip "the budgets are for a C library and a compiler with which malloc and free take $(budget_of libc) instructions, not $direct"
}

hold_heading() { printf '%-26s %8s %8s\n' "$1" budget now; }
