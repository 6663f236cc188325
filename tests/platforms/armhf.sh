#!/bin/sh
# SPDX-License-Identifier: MIT
# 32-bit ARM.
triplet=arm-linux-gnueabihf architecture=armhf emulator=qemu-arm
. "${0%/*}/cross.sh"
