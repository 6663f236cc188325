#!/bin/sh
# SPDX-License-Identifier: MIT
# 32 bits, by the compiler of this machine. (Debian's gcc-multilib would bring the headers to
# where they are looked for, but conflicts with every cross compiler.)
. "${0%/*}/lib.sh"
version=$(gcc -dumpversion)
libraries=/usr/lib/gcc/x86_64-linux-gnu/$version/32
need "lib32gcc-$version-dev:$libraries/libgcc.a" "lib32stdc++-$version-dev:$libraries/libstdc++.so" \
    libc6-dev-i386:/usr/lib32/libc.so "g++-$version:g++-$version" qemu-user:qemu-i386
options='-m32 -idirafter /usr/include/x86_64-linux-gnu'
emulate "gcc $options" qemu-i386
libcheck i686-linux-gnu "gcc $options"
shared_only=--disable-static
configure --host=i686-linux-gnu CC="gcc $options" CXX="g++ $options" CXX_FOR_TESTS="g++ $options" \
    NM=nm OBJDUMP=objdump
if [ -z "${UNIT_RUNNER-}" ]; then
    # The others start programs of the system, which are for 64 bits.
    [ "${PLATFORM_SHORT-}" = yes ] || run_them='tests/loader.sh tests/secure.sh tests/examples.sh tests/headers.sh
        tests/link-choice.sh tests/stats-print.sh tests/typed-misuse.sh'
    # shellcheck disable=SC2086 # a list of words
    run_tests unit tests/front.sh tests/preload.sh tests/preload-symbols.sh tests/symbols.sh \
        tests/structure.sh ${run_them-}
else
    # Under an emulator: two start programs of theirs, which nobody emulates, two take an hour.
    left_out="tests/check_race tests/check_choice $long_unit_tests"
    run_tests unit
fi
finish
