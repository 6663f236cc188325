#!/bin/sh
# SPDX-License-Identifier: MIT
# Another C library: small stacks, a loader that never unloads, no initial-exec storage in what is
# opened later. What the tests start by name is busybox's, built for it: the programs of this machine
# have its C library. tests/platforms/musl-root.sh runs where nothing else is.
. "${0%/*}/lib.sh"
need musl-tools:musl-gcc linux-libc-dev:/usr/include/linux/types.h

# busybox NAME...: of its source, with no more than is needed, into $directory/bin by these names.
busybox() {
    made=$directory/busybox/source
    "$source/backends/jemalloc/fetch.sh" "$directory/busybox" busybox >"$directory/fetch.log" ||
        { say "skipped: $(cat "$directory/fetch.log")"; exit 77; }
    [ -x "$made/busybox" ] || (
        cd "$made"
        quietly busybox-configure make allnoconfig
        for option in BUSYBOX LFS LONG_OPTS ASH SH_IS_ASH ASH_ECHO ASH_PRINTF ASH_TEST ASH_GETOPTS ASH_CMDCMD \
            FEATURE_SH_MATH TRUE FALSE ECHO ENV CAT TIMEOUT SLEEP FEATURE_FANCY_SLEEP FLOAT_DURATION LS ID \
            PRINTENV GREP KILL CHMOD MKDIR; do
            sed -i "s/^# CONFIG_$option is not set/CONFIG_$option=y/" .config
        done
        yes '' 2>/dev/null | make oldconfig >"$directory/busybox-oldconfig.log" 2>&1
        mkdir -p kernel
        ln -sfn /usr/include/linux /usr/include/asm-generic "/usr/include/$(gcc -print-multiarch)/asm" kernel
        quietly busybox-make make "$jobs" CC=musl-gcc HOSTCC=gcc SKIP_STRIP=y \
            EXTRA_CFLAGS="-idirafter $PWD/kernel" busybox
    ) || { say "busybox does not build"; exit 1; }
    rm -rf "${directory:?}/bin"
    mkdir "$directory/bin"
    cp "$made/busybox" "$directory/bin"
    for name_; do ln -s busybox "$directory/bin/$name_"; done
}

libcheck x86_64-linux-musl musl-gcc
busybox sh true false echo env cat timeout sleep ls id printenv kill
# The valgrind of this machine knows its C library's malloc.
configure --host=x86_64-linux-musl CC=musl-gcc NM=nm OBJDUMP=objdump ac_cv_prog_VALGRIND=
shell_tests='tests/symbols.sh tests/structure.sh tests/loader.sh tests/preload.sh tests/run.sh tests/stats-family.sh'
# With mounts of its own, as root outside of some containers has them.
[ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null || shell_tests="$shell_tests tests/platforms/musl-root.sh"
[ "${PLATFORM_SHORT-}" = yes ] ||
    shell_tests="$shell_tests tests/fixed.sh tests/typed-misuse.sh tests/secure.sh tests/stats-print.sh
        tests/headers.sh tests/call-site.sh tests/front.sh tests/link-choice.sh tests/preload-symbols.sh
        tests/run-debug.sh tests/tool.sh tests/examples.sh"
PATH=$directory/bin:$PATH
# shellcheck disable=SC2086 # a list of words
run_tests unit $shell_tests
finish
