#!/bin/sh
# SPDX-License-Identifier: MIT
# 64-bit s390: the most significant byte is first.
triplet=s390x-linux-gnu architecture=s390x emulator=qemu-s390x
. "${0%/*}/cross.sh"
