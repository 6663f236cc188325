# SPDX-License-Identifier: MIT
# The conformance kit: for the command and for the tests. It forks and execs: POSIX only.
if OS_POSIX
noinst_LTLIBRARIES += libconformance.la
endif
libconformance_la_SOURCES = \
	conformance/absurd.c \
	conformance/align.c \
	conformance/basics.c \
	conformance/bytes.c \
	conformance/cases.c \
	conformance/conformance.h \
	conformance/exhaust.c \
	conformance/fork.c \
	conformance/in_place.c \
	conformance/kit.c \
	conformance/kit.h \
	conformance/process.c \
	conformance/report.c \
	conformance/report.h \
	conformance/resize.c \
	conformance/run.c \
	conformance/sanitizer.h \
	conformance/threads.c \
	conformance/crew.c \
	conformance/zeroed.c
