#!/bin/sh
# SPDX-License-Identifier: MIT
# 64-bit ARM with pages of 64 KiB.
triplet=aarch64-linux-gnu architecture=arm64 emulator='qemu-aarch64 -p 65536'
. "${0%/*}/cross.sh"
