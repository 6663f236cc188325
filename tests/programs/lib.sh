# SPDX-License-Identifier: MIT
# What the scripts of tests/programs share. Each is one program and its load: it runs in an
# empty directory, starts the program by run, and prints what has to be the same under every
# allocator. tests/programs.sh sets
#
#   $spec   the allocator, or "" for the program as it is
#   $said   the file for what the programs write to standard error
#   $load   quick or full
#   $kept   a directory that stays from one run to the next
set -eu
umask 022
LC_ALL=C
export LC_ALL

# need COMMAND...: or there is nothing to test. "" is a compiler that configure did not find.
need() {
    for command; do
        [ -n "$command" ] && command -v "${command%% *}" >/dev/null 2>&1 && continue
        echo "${command:-a compiler} is not installed"
        exit 77
    done
}

# amount QUICK FULL: a number for the load that was asked for.
amount() {
    case $load in full) echo "$2" ;; *) echo "$1" ;; esac
}

# run PROGRAM ARG...: under the allocator. Each run leaves a mark, behind which the interposer
# has to say who serves.
run() {
    echo "+ $*" >>"$said"
    if [ -z "$spec" ]; then
        "$@" 2>>"$said"
    else
        "$tool" run -v -b "$spec" -- "$@" 2>>"$said"
    fi
}

# become PROGRAM ARG...: the same in the place of this shell, to be started with &, so that $! is
# the program.
become() {
    echo "+ $*" >>"$said"
    [ -z "$spec" ] || exec "$tool" run -v -b "$spec" -- "$@" 2>>"$said"
    exec "$@" 2>>"$said"
}

sum() { cksum | tr ' ' '\n' | head -n 1; }

# open_plugin: $kept/plugin.so, opened by plugin.c and linked with it. (Newer rustc give it a name.)
open_plugin() {
    [ -e "$kept/host" ] || $CC -O2 "$srcdir/tests/programs/plugin.c" -o "$kept/host" -ldl -lpthread
    [ -e "$kept/linked" ] || $CC -O2 "$srcdir/tests/programs/plugin.c" -o "$kept/linked" \
        -Wl,--no-as-needed "$kept/plugin.so" -Wl,-rpath,"$kept" -ldl -lpthread
    for host in host linked; do
        run "$kept/$host" "$kept/plugin.so" "$(amount 60 400)" more arguments || echo "ended by $?"
    done
}
