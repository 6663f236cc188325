#!/bin/sh
# SPDX-License-Identifier: MIT
# 64-bit RISC-V.
triplet=riscv64-linux-gnu architecture=riscv64 emulator=qemu-riscv64
. "${0%/*}/cross.sh"
