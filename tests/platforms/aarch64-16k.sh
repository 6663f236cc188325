#!/bin/sh
# SPDX-License-Identifier: MIT
# 64-bit ARM with pages of 16 KiB.
triplet=aarch64-linux-gnu architecture=arm64 emulator='qemu-aarch64 -p 16384'
. "${0%/*}/cross.sh"
