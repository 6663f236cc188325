# SPDX-License-Identifier: MIT
# Build the programs of the comparison for every peer that is installed. To be sourced, after
# tests/lib.sh, with $out set to the directory to build in. Leaves there:
#
#   peers    a line a peer: NAME CLASS OWN PROGRAM [VARIABLE=VALUE]...
#   absent   a line for each that is not there: NAME PACKAGE
#
# The class says which works are fair to a peer; see bench/cases. OWN is the peer that calls the
# same allocator directly, or "-". What is up to date is not built again.
peers_dir=$srcdir/bench/peers
harness_dir=$srcdir/bench/harness
# (-z now: what the loader does at the first call of a function is not an allocator's cost.)
bench_flags='-O2 -Wall -Wextra -Wl,-z,now'
mkdir -p "$out"
: >"$out/peers"
: >"$out/absent"

# compiles FLAGS... <SOURCE: whether a program can be made of it.
# shellcheck disable=SC2086 # lists of words, here and below
compiles() { $CC -x c - -o "$out/probe" "$@" >/dev/null 2>&1; }

# Sources, headers and libraries that are newer than what was built last.
stale=$(find "$harness_dir" "$peers_dir" "$srcdir/bench/build.sh" "$srcdir/include" \
    "$builddir"/.libs/libdispatchalloc.[as]* -newer "$out/built" 2>&1 | head -n 1)
wanted() { [ -n "$stale" ] || [ ! -e "$out/$1" ]; }

absent() { echo "$1 $2" >>"$out/absent"; }
# peer NAME CLASS OWN PROGRAM [VARIABLE=VALUE]...
peer() { echo "$*" >>"$out/peers"; }

# program NAME SOURCE FLAGS...: $out/NAME of bench/peers/SOURCE; an error ends the run.
program() {
    name=$1 source=$2
    shift 2
    wanted "$name" || return 0
    compiler=$CC
    case $source in *.cc) compiler="$CXX -std=c++17 -fsized-deallocation" ;; esac
    $compiler $bench_flags "$peers_dir/$source" "$harness" -o "$out/$name" "$@" -lpthread ||
        { echo "bench: $source does not compile" >&2; exit 1; }
}

# The harness, once for all.
callgrind_flag=
! echo '#include <valgrind/callgrind.h>
int main(void) { return 0; }' | compiles || callgrind_flag=-DBENCH_CALLGRIND
harness=$out/harness.o
if wanted harness.o; then
    for part in main works process; do
        $CC $bench_flags $callgrind_flag -c "$harness_dir/$part.c" -o "$out/$part.o" || exit 1
    done
    # (One object, so that no peer has to name three.)
    $CC -r -nostdlib "$out/main.o" "$out/works.o" "$out/process.o" -o "$harness" || exit 1
fi

# ---- The C library, and other allocators called directly -----------------------------------
program libc malloc.c
peer libc any - libc

# malloc NAME PACKAGE PREFIX LIBRARY
malloc() {
    if echo "void *$3malloc(unsigned long); int main(void) { return !$3malloc(1); }" |
        compiles -fno-builtin "$4"; then
        program "$1" malloc.c ${3:+-DBENCH_PREFIX="$3"} "$4"
        peer "$1" any - "$1"
    else
        absent "$1" "$2"
    fi
}
malloc jemalloc libjemalloc-dev '' -ljemalloc
malloc mimalloc libmimalloc-dev mi_ -lmimalloc
malloc tcmalloc libgoogle-perftools-dev tc_ -ltcmalloc_minimal
malloc tbb libtbb-dev scalable_ -ltbbmalloc

# The module jemalloc has a build of its own, whose thread-local storage is another: what the
# front over it is to be held against.
private_jemalloc=$builddir/backends/jemalloc/private/lib/libjemalloc_pic.a
if [ -e "$private_jemalloc" ]; then
    # A library, as the module is one: in a program the linker would make its access to
    # thread-local storage a shorter one.
    ! wanted libjemalloc-private.so || $CC -shared -o "$out/libjemalloc-private.so" \
        -Wl,--whole-archive "$private_jemalloc" -Wl,--no-whole-archive -lpthread -ldl -lm || exit 1
    program jemalloc-private malloc.c -DBENCH_PREFIX=dal_je_ "$out/libjemalloc-private.so" \
        "-Wl,-rpath,$out"
    peer jemalloc-private any - jemalloc-private
fi

# ---- What other languages and libraries allocate by ---------------------------------------
if glib=$($PKG_CONFIG --cflags --libs glib-2.0 2>/dev/null); then
    program glib glib.c $glib
    peer glib any libc glib
else
    absent glib libglib2.0-dev
fi
if python=$($PKG_CONFIG --cflags --libs python3-embed 2>/dev/null); then
    program python python.c $python
    peer python any libc python
else
    absent python python3-dev
fi
if echo '#include <obstack.h>
int main(void) { return 0; }' | compiles; then
    program obstack obstack.c
    peer obstack reset - obstack
fi
if [ -n "$CXX" ]; then
    program cxx cxx.cc
    peer cxx any libc cxx
    program pmr pmr.cc
    program pmr-monotonic pmr.cc -DBENCH_MONOTONIC
    peer pmr-default any libc pmr BENCH_RESOURCE=default
    peer pmr-synchronized any - pmr BENCH_RESOURCE=synchronized
    peer pmr-unsynchronized single - pmr BENCH_RESOURCE=unsynchronized
    peer pmr-monotonic reset - pmr-monotonic BENCH_RESOURCE=monotonic
else
    absent cxx g++
fi

# rust NAME FLAG...
rust() {
    name=$1
    shift
    peer "$name" any libc "$name"
    wanted "$name" || return 0
    if ! rustc --edition 2021 --crate-type staticlib -C opt-level=3 -C panic=abort "$@" \
        -o "$out/$name.a" "$peers_dir/rust.rs" ||
        ! $CC $bench_flags "$harness" "$out/$name.a" -o "$out/$name" -lpthread -ldl -lm; then
        echo "bench: rust.rs does not compile" >&2
        exit 1
    fi
}
if rustc --version >/dev/null 2>&1; then
    rust rust-default
    rust rust-system --cfg named
else
    absent rust rustc
fi

# ---- This library ----------------------------------------------------------------------------
# front NAME CLASS OWN SPEC
front() { peer "$1" "$2" "$3" front "DISPATCHALLOC_BACKEND=$4"; }
if [ -n "$shared" ]; then
    program front front.c $include $shared
    program instance instance.c $include $shared
    program arena arena.c $include $shared
    front front-system any libc system
    front front-stats any libc stats:print=off+system
    front front-fail any libc fail+system
    front front-arena lifo - arena:limit=1G
    front front-fixed-arena once - fixed-arena:capacity=1G
    for module in jemalloc mimalloc tcmalloc tbb; do
        own=$module package=lib$module-dev
        case $module in
        jemalloc) [ ! -e "$private_jemalloc" ] || own=jemalloc-private ;;
        tcmalloc) package=libgoogle-perftools-dev ;;
        esac
        if [ -e "$builddir/backends/$module/.libs/$module.so" ]; then
            place=$(cd "$builddir/backends/$module/.libs" && pwd -P)
            front front-$module any $own "$place/$module.so"
        else
            absent front-$module $package
        fi
    done
    peer instance-system any libc instance BENCH_SPEC=system
    peer arena-handle handle - arena
fi

# fixed ALLOCATOR CLASS OWN LIBRARY...: fixed when the program is built, which takes the header of
# the allocator, the static library and link-time optimisation.
fixed() {
    allocator=$1 class=$2 own=$3 header=dispatchalloc/allocator/$1.h
    shift 3
    [ "$own" = - ] || grep -q "^$own " "$out/peers" || return 0
    [ -e "$srcdir/include/$header" ] || return 0
    program "fix-$allocator" front.c -flto "-DBENCH_FIXED=dal_${allocator}_allocator" \
        "-DBENCH_HEADER=<$header>" $include $archive "$@"
    peer "fix-$allocator" "$class" "$own" "fix-$allocator"
}
if [ -n "$archive" ]; then
    fixed system any libc
    fixed jemalloc any jemalloc -ljemalloc
    fixed mimalloc any mimalloc -lmimalloc
    fixed arena lifo -
fi

# ---- Layers, stacked over an instance of system: how the price grows with their number --------
# layers NAME[:OPTIONS] COUNT: an instance under COUNT layers of that name.
layers() {
    spec=system
    i=0
    while [ $i -lt "$2" ]; do
        spec=$1+$spec
        i=$((i + 1))
    done
    peer "${1%%:*}-$2" layer - instance "BENCH_SPEC=$spec"
}
if [ -n "$shared" ]; then
    peer no-layer layer - instance BENCH_SPEC=system
    # (A spec has 16 items, of which the backend is one.)
    for count in 1 2 4 8 15; do layers pass $count; done
    for count in 1 15; do layers size $count; done
    for count in 1 2 4 8 15; do layers watch $count; done
    for count in 1 2 4 8 15; do layers stats:print=off $count; done
    for count in 1 2 4 8 15; do layers fail $count; done
fi

# ---- A process that is full already ------------------------------------------------------------
if [ -n "$shared" ]; then
    program state state.c $include $shared
    peer state-empty state - state
    peer state-60-backends state - state BENCH_BACKENDS=60
    peer state-100-instances state - state BENCH_INSTANCES=100
    peer state-1000-instances state - state BENCH_INSTANCES=1000
    peer state-10-threads busy - state BENCH_THREADS=10
    peer state-100-threads busy - state BENCH_THREADS=100
fi

# ---- Start: a program that allocates once, linked in several ways -------------------------------
# started NAME PROGRAM [VARIABLE=VALUE]...: the harness starts it and waits.
started() {
    started_peer=$1 started_program=$2
    shift 2
    peer "$started_peer" start - libc "BENCH_PROGRAM=$out/$started_program" "$@"
}
# start_program NAME FLAG...
start_program() {
    started_program=$1
    shift
    wanted "$started_program" || return 0
    $CC $bench_flags "$peers_dir/start.c" -o "$out/$started_program" "$@" ||
        { echo "bench: start.c does not compile" >&2; exit 1; }
}
start_program start-libc
started start-libc start-libc
for pair in jemalloc:-ljemalloc mimalloc:-lmimalloc tcmalloc:-ltcmalloc_minimal \
        tbb:-ltbbmalloc_proxy; do
    name=${pair%%:*}
    grep -q "^$name " "$out/peers" || continue
    start_program "start-$name" -Wl,--no-as-needed "${pair#*:}"
    started "start-$name" "start-$name"
done
if [ -n "$shared" ]; then
    start_program start-front -DBENCH_FRONT $include $shared
    started start-front start-front
    started start-front-system start-front DISPATCHALLOC_BACKEND=system
    started start-front-arena start-front DISPATCHALLOC_BACKEND=arena:limit=1G
    started start-front-stats start-front DISPATCHALLOC_BACKEND=stats:print=off+system
    sed -n 's/^front-\([a-z]*\) .* \(DISPATCHALLOC_BACKEND=\/.*\)$/\1 \2/p' "$out/peers" \
        >"$out/modules"
    while read -r name choice; do
        started "start-front-$name" start-front "$choice"
    done <"$out/modules"
fi
if [ -n "$archive" ]; then
    start_program start-archive -DBENCH_FRONT $include $archive
    started start-archive start-archive
    if start_program start-libc-static -static && start_program start-static -static \
        -DBENCH_FRONT $include $archive; then
        started start-libc-static start-libc-static
        started start-static start-static
    fi
fi
rm -f "$out/probe"
touch "$out/built"
