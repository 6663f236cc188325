#!/bin/sh
# SPDX-License-Identifier: MIT
# Windows, by mingw-w64, under Wine: the static library, the kit and the examples. There is no fork:
# each check of a unit test, and each case of the kit, is the program run once more (tests/suite.h,
# conformance/windows.c). What is about fork, signals or the loader is left out where the tests are
# listed.
. "${0%/*}/lib.sh"
need gcc-mingw-w64-x86-64:x86_64-w64-mingw32-gcc wine64:/usr/lib/wine/wine64 wine:wine
# A prefix of its own, nothing that Wine would offer to download, and no debugger.
WINEPREFIX=$directory/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml,winedbg.exe='
export WINEPREFIX WINEDEBUG WINEDLLOVERRIDES
# What hangs may have outlived the test that has started it.
trap 'wineserver -k 2>/dev/null || :' EXIT
trap 'exit 1' HUP INT TERM
# Wine has a byte for each page of what an absurd request reserves; Windows would refuse it.
ulimit -v $((64 << 20))
quietly wineboot wine wineboot -i || { say "Wine does not start"; exit 1; }
emulate x86_64-w64-mingw32-gcc wine
libcheck x86_64-w64-mingw32 x86_64-w64-mingw32-gcc
CHECK_LIBS="$directory/check/lib/libcheck.a -lshlwapi -lpthread"
UNIT_APART='*/check_*'
export UNIT_APART
limit=${PLATFORM_LIMIT-1800}
configure --host=x86_64-w64-mingw32 --enable-werror CXX_FOR_TESTS= LDFLAGS=-Wl,-Bstatic
# libcheck's formats are those of another printf() to this compiler.
MAKEFLAGS='DAL_WARNINGS=-Wno-format'
export MAKEFLAGS
run_tests unit tests/windows.sh
finish
