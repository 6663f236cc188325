# SPDX-License-Identifier: MIT
# The conformance kit: for the command and for the tests.
noinst_LTLIBRARIES += libconformance.la
libconformance_la_SOURCES = \
	%D%/absurd.c \
	%D%/align.c \
	%D%/basics.c \
	%D%/bytes.c \
	%D%/cases.c \
	%D%/child.c \
	%D%/child.h \
	%D%/child_cases.c \
	%D%/conformance.h \
	%D%/exhaust.c \
	%D%/in_place.c \
	%D%/item.c \
	%D%/kit.c \
	%D%/kit.h \
	%D%/malloc_use.c \
	%D%/report.c \
	%D%/report.h \
	%D%/resize.c \
	%D%/run.c \
	%D%/sanitizer.h \
	%D%/system.h \
	%D%/threads.c \
	%D%/unsized.c \
	%D%/crew.c \
	%D%/zeroed.c
if OS_WINDOWS
libconformance_la_SOURCES += %D%/windows.c
else
libconformance_la_SOURCES += %D%/posix.c %D%/fork.c %D%/process.c
endif
libconformance_la_LIBTOOLFLAGS = $(static_only)
