#!/bin/sh
# SPDX-License-Identifier: MIT
# 32 bits, by the compiler of this machine. (Debian's gcc-multilib would bring the headers to
# where they are looked for, but conflicts with every cross compiler.)
. "${0%/*}/lib.sh"
version=$(gcc -dumpversion)
need "lib32gcc-$version-dev:/usr/lib/gcc/x86_64-linux-gnu/$version/32/libgcc.a" \
    libc6-dev-i386:/usr/lib32/libc.so qemu-user:qemu-i386
cc='gcc -m32 -idirafter /usr/include/x86_64-linux-gnu'
emulate "$cc" qemu-i386
libcheck i686-linux-gnu "$cc"
shared_only=--disable-static
configure --host=i686-linux-gnu CC="$cc" CXX_FOR_TESTS= NM=nm OBJDUMP=objdump
# Under an emulator: two start programs of theirs, which nobody emulates, two take an hour.
[ -z "${UNIT_RUNNER-}" ] || left_out="tests/check_race tests/check_choice $long_unit_tests"
run_tests unit
finish
