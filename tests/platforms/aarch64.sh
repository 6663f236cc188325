#!/bin/sh
# SPDX-License-Identifier: MIT
# 64-bit ARM.
triplet=aarch64-linux-gnu architecture=arm64 emulator=qemu-aarch64
. "${0%/*}/cross.sh"
