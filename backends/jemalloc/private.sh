#!/bin/sh
# SPDX-License-Identifier: MIT
# Build the jemalloc that the module keeps to itself.
#
#     private.sh SOURCE DIRECTORY [configure argument...]
#
# SOURCE is an unpacked release of jemalloc and is left as it is; DIRECTORY receives
# lib/libjemalloc_pic.a and include/jemalloc/jemalloc.h. From the environment: CC, AR,
# RANLIB, NM, MAKE, and JEMALLOC_TLS_CFLAGS, JEMALLOC_ENTRY_CFLAGS (m4/dal_modules.m4).
#
#   --disable-initial-exec-tls      so that the module can be opened at any time: its
#                                   thread-local storage exceeds what the loader keeps. (The one for
#                                   the start of programs has it by JEMALLOC_TLS_CFLAGS.)
#   --with-jemalloc-prefix          so that it is nobody's malloc
#   --disable-cxx                   no C++ run-time
#   -Dconstructor=unused            so that it starts with the options of the spec, by the
#                                   first call, and not when the module is opened
#
# What is jemalloc's own is hidden in the module. So it does not need the prefix that keeps those
# names apart where archives are linked, for which jemalloc compiles every file once more to
# list them (C_SYMS), nor what a second build would need (CC_MM).
set -eu
source=$(cd "$1" && pwd) directory=$2
shift 2
mkdir -p "$directory"
cd "$directory"
common="-g -fvisibility=hidden -Dconstructor=unused ${JEMALLOC_TLS_CFLAGS-}"
jobs=-j$(nproc 2>/dev/null || echo 1)
# It chooses its own flags where CFLAGS is not set, and this is no part of the outer make.
unset CFLAGS CPPFLAGS LDFLAGS CXXFLAGS MAKEFLAGS MFLAGS MAKELEVEL

build() {
    "$source/configure" --disable-initial-exec-tls --disable-cxx --disable-doc \
        --with-jemalloc-prefix=dal_je_ \
        CC="$CC" AR="$AR" RANLIB="$RANLIB" NM="$NM" "$@" &&
    : >include/jemalloc/internal/private_namespace.gen.h &&
    # The functions by which a thread enters jemalloc are all in this file.
    "$MAKE" C_SYMS= CC_MM= EXTRA_CFLAGS="$common ${JEMALLOC_ENTRY_CFLAGS-}" src/jemalloc.pic.o &&
    "$MAKE" C_SYMS= CC_MM= "$jobs" EXTRA_CFLAGS="$common" lib/libjemalloc_pic.a
}

echo "  building jemalloc of $source: a minute or two, once"
build "$@" >build.log 2>&1 || {
    tail -n 30 build.log >&2
    echo "jemalloc could not be built; all that was said is in $directory/build.log" >&2
    exit 1
}
