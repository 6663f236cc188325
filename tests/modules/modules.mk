# SPDX-License-Identifier: MIT
shell_tests += bench/modules.sh tests/modules.sh tests/modules-configure.sh tests/modules-forks.sh tests/modules-verify.sh
EXTRA_DIST += \
	tests/modules/aligned.c \
	tests/modules/cancelled.c \
	tests/modules/forks.c \
	tests/modules/find.sh tests/modules/lib.sh \
	tests/modules/mallctl.c \
	tests/modules/serve.c
if OS_POSIX
check_PROGRAMS += tests/modules/beside
endif
tests_modules_beside_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_modules_beside_LDADD = libconformance.la libdispatchalloc.la
