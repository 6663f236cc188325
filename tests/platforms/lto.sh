#!/bin/sh
# SPDX-License-Identifier: MIT
# Link-time optimisation, as distributions build: it merges constructors, moves what is static
# and sees through the calls of the front.
. "${0%/*}/lib.sh"
need gcc:gcc check:/usr/include/check.h
configure CC=gcc AR=gcc-ar NM=gcc-nm RANLIB=gcc-ranlib CFLAGS='-O2 -g -flto=auto -ffat-lto-objects'
run_tests unit $shell_tests
finish
