#!/bin/sh
# SPDX-License-Identifier: MIT
# 32-bit PowerPC: the most significant byte is first, and the compiler has no atomics of 64 bits.
triplet=powerpc-linux-gnu architecture=powerpc emulator=qemu-ppc
PLATFORM_LIMIT=${PLATFORM_LIMIT-900}
# libatomic takes a lock for those of 64 bits, which a child of fork may find taken for ever.
CONFORMANCE_WITHOUT=fork_while_threads_allocate
export CONFORMANCE_WITHOUT
. "${0%/*}/cross.sh"
