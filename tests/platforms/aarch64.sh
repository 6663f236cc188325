#!/bin/sh
# SPDX-License-Identifier: MIT
# 64-bit ARM, under QEMU where this is none. Its memory model is weaker than x86's, but QEMU on
# x86 does not show it: this sees to types, alignments and the code of the processor.
. "${0%/*}/lib.sh"
need gcc-aarch64-linux-gnu:aarch64-linux-gnu-gcc libc6-dev-arm64-cross:/usr/aarch64-linux-gnu/lib/libc.so \
    qemu-user:qemu-aarch64
emulate aarch64-linux-gnu-gcc qemu-aarch64 -L /usr/aarch64-linux-gnu
libcheck aarch64-linux-gnu aarch64-linux-gnu-gcc
shared_only=--disable-static
configure --host=aarch64-linux-gnu CXX_FOR_TESTS=
# Under an emulator: two start programs of theirs, which nobody emulates, two take an hour.
[ -z "${UNIT_RUNNER-}" ] || left_out="tests/check_race tests/check_choice $long_unit_tests"
run_tests unit
finish
