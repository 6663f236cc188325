# SPDX-License-Identifier: MIT
# The dispatchalloc command. It has the conformance kit in it: POSIX only.
if OS_POSIX
bin_PROGRAMS += tools/dispatchalloc
endif
tools_dispatchalloc_SOURCES = \
	tools/child.c \
	tools/child.h \
	tools/child_files.c \
	tools/compare/compare.c \
	tools/compare/compare.h \
	tools/compare/print.c \
	tools/compare/run.c \
	tools/compare/statistics.c \
	tools/doctor/bindings.c \
	tools/doctor/bindings.h \
	tools/doctor/doctor.c \
	tools/doctor/doctor.h \
	tools/doctor/advise.c \
	tools/doctor/judge.c \
	tools/doctor/origin.c \
	tools/doctor/trace.c \
	tools/environment.c \
	tools/environment.h \
	tools/explain.c \
	tools/image.c \
	tools/image.h \
	tools/info.c \
	tools/list.c \
	tools/main.c \
	tools/modules.c \
	tools/print.c \
	tools/program.c \
	tools/program_check.c \
	tools/program.h \
	tools/room.c \
	tools/run.c \
	tools/status.c \
	tools/tool.h \
	tools/verify.c \
	tools/version.c
tools_dispatchalloc_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) \
	-DTOOL_INTERPOSER='"$(libdir)/libdispatchalloc-preload.so"'
if HAVE_XATTR
tools_dispatchalloc_CPPFLAGS += -DTOOL_HAS_XATTR
endif
tools_dispatchalloc_LDADD = libconformance.la libdispatchalloc.la

# bash-completion finds it by the name of the command.
completiondir = $(datadir)/bash-completion/completions
dist_completion_DATA = tools/bash-completion/dispatchalloc
