#!/bin/sh
# SPDX-License-Identifier: MIT
# 32-bit PowerPC: the most significant byte is first, and the compiler has no atomics of 64 bits.
triplet=powerpc-linux-gnu architecture=powerpc emulator=qemu-ppc
PLATFORM_LIMIT=${PLATFORM_LIMIT-900}
. "${0%/*}/cross.sh"
