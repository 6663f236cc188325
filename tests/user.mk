# SPDX-License-Identifier: MIT
# The example programs, and what is installed, README.md included.
unit_tests += tests/check_simple_allocator
tests_check_simple_allocator_CPPFLAGS = $(check_cppflags)
tests_check_simple_allocator_LDADD = $(check_ldadd)

shell_tests += tests/examples.sh tests/installed.sh tests/ldconfig.sh
