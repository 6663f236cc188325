# SPDX-License-Identifier: MIT
# `make check-mingw`: cross-build the static library for Windows from what `make dist` packs,
# link programs with it, and run them if Wine is there. MINGW_HOST names another compiler
# than x86_64-w64-mingw32-gcc, WINE another way to run its programs.
set -eu
host=${MINGW_HOST:-x86_64-w64-mingw32}
command -v "$host-gcc" >/dev/null 2>&1 || {
    echo "skipped: $host-gcc was not found"
    exit 0
}
work=$builddir/mingw
programs='tests/portable examples/first examples/simple_allocator examples/wordfreq
    examples/wordfreq_pool'

quietly() {
    "$@" >"$work/log" 2>&1 || {
        tail -40 "$work/log"
        echo "failed: $*"
        exit 1
    }
}

rm -rf "$work"
mkdir "$work"
quietly "$MAKE" -C "$builddir" distdir distdir=mingw/source

# What the outer make was told is not meant for this one.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES CC CXX CFLAGS CPPFLAGS LDFLAGS NM OBJDUMP PKG_CONFIG LIBTOOL
mkdir "$work/build"
cd "$work/build"
quietly ../source/configure --build="$(sh ../source/build-aux/config.guess)" --host="$host" \
    --disable-shared --enable-werror
quietly "$MAKE" -j2 libdispatchalloc.la
for program in $programs; do
    quietly "$MAKE" "$program.exe"
done
echo "linked for $host:" $programs

for wine in ${WINE:-} wine64 wine; do
    ! command -v "$wine" >/dev/null 2>&1 || break
    wine=
done
[ -n "$wine" ] || {
    echo "not run: Wine was not found"
    exit 0
}
# A prefix of its own, and nothing that Wine would offer to download.
WINEPREFIX=$work/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
export WINEPREFIX WINEDEBUG WINEDLLOVERRIDES

# runs STATUS PROGRAM [ARGUMENT...]: its output goes to $work/output.
runs() {
    expected=$1 program=$2 status=0
    shift 2
    "$wine" "./$program.exe" "$@" >"$work/output" 2>"$work/errors" || status=$?
    [ $status -eq "$expected" ] || {
        cat "$work/output" "$work/errors"
        echo "failed: $program.exe $* exits with $status, not $expected"
        exit 1
    }
}

prints() {
    tr -d '\r' <"$work/$1" | grep -q "$2" || {
        cat "$work/output" "$work/errors"
        echo "failed: $program.exe does not print \"$2\""
        exit 1
    }
}

runs 0 tests/portable
prints output '^front: system serves$'
cat "$work/output"
runs 0 examples/first
prints output '^42$'
runs 0 examples/simple_allocator
prints output '^allocated so far: [1-9]'
text=../source/examples/constitution.txt
runs 0 examples/wordfreq "$text"
prints errors '^system served '
cp "$work/output" "$work/expected"
# Chosen by the link, and by the environment over it.
runs 0 examples/wordfreq_pool "$text"
prints errors '^pool served '
cmp "$work/output" "$work/expected"
DISPATCHALLOC_BACKEND=system
export DISPATCHALLOC_BACKEND
runs 0 examples/wordfreq_pool "$text"
prints errors '^system served '
cmp "$work/output" "$work/expected"
echo "run with $wine: all of them"
