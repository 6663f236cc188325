#!/bin/sh
# SPDX-License-Identifier: MIT
# Clang, with every warning an error. (`make check-clang` runs the whole suite so.)
. "${0%/*}/lib.sh"
need clang:clang check:/usr/include/check.h
configure --enable-werror CC=clang CXX=clang++ CXX_FOR_TESTS=clang++
run_tests unit $shell_tests
finish
