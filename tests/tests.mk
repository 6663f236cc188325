# SPDX-License-Identifier: MIT
# The test suite. Two kinds of tests, one list each:
#
#   unit_tests   libcheck programs, one a module. They link libcore.la, the library with
#                nothing hidden. A block each, so that blocks merge easily:
#
#                    unit_tests += tests/check_MODULE
#                    tests_check_MODULE_CPPFLAGS = $(check_cppflags)
#                    tests_check_MODULE_LDADD = $(check_ldadd)
#                    (tests_check_MODULE_SOURCES defaults to tests/check_MODULE.c)
#
#   shell_tests  POSIX sh, `set -eu`, exit 77 with a reason to skip. They find what they
#                need in the environment that is set below. tests/NAME.sh, not executable:
#
#                    shell_tests += tests/NAME.sh
#
# Programs that a test starts (misuse, link-time choice, ...) are check_PROGRAMS with
# LDADD = libdispatchalloc.la (a libtool wrapper in the build tree; link with
# `-static-libtool-libs` or against libcore.la where it has to be a plain executable).

unit_tests =
shell_tests =
check_DATA =

if OS_WINDOWS
suite_cppflags = $(CHECK_CFLAGS) -DSUITE_HAS_NO_FORK
else
suite_cppflags = $(CHECK_CFLAGS)
endif
check_cppflags = $(AM_CPPFLAGS) -I$(top_builddir) -I$(top_srcdir) -I$(top_srcdir)/lib \
	-I$(top_srcdir)/tests $(suite_cppflags)
check_ldadd = libcore.la $(CHECK_LIBS)

# Paths are absolute, so that a test may change its directory. The variables of the
# library itself are taken away: a suite must not depend on who runs it.
AM_TESTS_ENVIRONMENT = \
	unset DISPATCHALLOC_BACKEND DISPATCHALLOC_MALLOC DISPATCHALLOC_STRICT \
	      DISPATCHALLOC_VERBOSE DISPATCHALLOC_MODULE_PATH DISPATCHALLOC_INTERPOSER \
	      DISPATCHALLOC_OFF; \
	srcdir='$(abs_top_srcdir)'; builddir='$(abs_top_builddir)'; \
	CC='$(CC)'; CXX='$(CXX_FOR_TESTS)'; CFLAGS='$(CFLAGS)'; CPPFLAGS='$(CPPFLAGS)'; \
	LDFLAGS='$(LDFLAGS)'; MAKE='$(MAKE)'; SED='$(SED)'; NM='$(NM)'; OBJDUMP='$(OBJDUMP)'; \
	VALGRIND='$(VALGRIND)'; PKG_CONFIG='$(PKG_CONFIG)'; LIBTOOL='$(SHELL) $(abs_top_builddir)/libtool'; \
	VERSION='$(PACKAGE_VERSION)'; EXEEXT='$(EXEEXT)'; \
	core_sources='$(libcommon_la_SOURCES) $(libcore_la_SOURCES)'; \
	bindir='$(bindir)'; libdir='$(libdir)'; includedir='$(includedir)'; docdir='$(docdir)'; \
	CK_DEFAULT_TIMEOUT=$${CK_DEFAULT_TIMEOUT-60}; \
	ASAN_OPTIONS=$${ASAN_OPTIONS-allocator_may_return_null=1}; \
	TSAN_OPTIONS=$${TSAN_OPTIONS-allocator_may_return_null=1}; \
	export ASAN_OPTIONS TSAN_OPTIONS; \
	export srcdir builddir CC CXX CFLAGS CPPFLAGS LDFLAGS MAKE SED NM OBJDUMP VALGRIND PKG_CONFIG \
	       LIBTOOL VERSION EXEEXT core_sources bindir libdir includedir docdir CK_DEFAULT_TIMEOUT;

# A libcheck program's closing line is shown as well as logged: file descriptor 9 is
# make's own standard output.
AM_TESTS_FD_REDIRECT = 9>&1
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/unit.sh
TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)

if HAVE_CHECK
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
else
# configure goes on without libcheck, so that the library builds anywhere; a suite that
# leaves its programs out must not look as if it had passed.
check_DATA += no-libcheck
no-libcheck:
	@echo "make check needs libcheck (Debian's package: check). Install it and run ./configure again." >&2; \
	exit 1
endif

TESTS += $(shell_tests)
EXTRA_DIST += $(shell_tests) tests/unit.sh tests/totals.sh tests/suite.h

# The result of the last `make check` in one line, single checks counted.
check-totals:
	@$(SHELL) $(srcdir)/tests/totals.sh $(TEST_LOGS)
.PHONY: no-libcheck check-totals

# ---- The tests, a block each ------------------------------------------------------------

# layout.h, against vectors that Rust's std wrote
unit_tests += tests/check_layout
tests_check_layout_SOURCES = tests/check_layout.c tests/layout_vectors.h
tests_check_layout_CPPFLAGS = $(check_cppflags)
tests_check_layout_LDADD = $(check_ldadd)
EXTRA_DIST += tests/layout_vectors.rs

# typed.h, and what of it must not compile
unit_tests += tests/check_typed
tests_check_typed_CPPFLAGS = $(check_cppflags)
tests_check_typed_LDADD = $(check_ldadd)
shell_tests += tests/typed-misuse.sh

# The fixed arena.
unit_tests += tests/check_fixed_arena
tests_check_fixed_arena_SOURCES = tests/check_fixed_arena.c tests/counting.h tests/over_child.h
tests_check_fixed_arena_CPPFLAGS = $(check_cppflags)
tests_check_fixed_arena_LDADD = $(check_ldadd)

# Arena handles.
unit_tests += tests/check_arena
tests_check_arena_SOURCES = tests/check_arena.c tests/counting.h
tests_check_arena_CPPFLAGS = $(check_cppflags)
tests_check_arena_LDADD = $(check_ldadd)

# The backend `arena`.
unit_tests += tests/check_arena_threads
tests_check_arena_threads_SOURCES = tests/check_arena_threads.c tests/counting.h tests/over_child.h
tests_check_arena_threads_CPPFLAGS = $(check_cppflags)
tests_check_arena_threads_LDADD = $(check_ldadd)

# Huge pages and present pages in all three.
if OS_POSIX
unit_tests += tests/check_pages
endif
tests_check_pages_SOURCES = tests/check_pages.c tests/counting.h tests/over_child.h
tests_check_pages_CPPFLAGS = $(check_cppflags)
tests_check_pages_LDADD = $(check_ldadd)

# service.h
if OS_POSIX
unit_tests += tests/check_service
endif
tests_check_service_CPPFLAGS = $(check_cppflags)
tests_check_service_LDADD = $(check_ldadd)

# Its stacks of calls.
if OS_POSIX
unit_tests += tests/check_stack
endif
tests_check_stack_CPPFLAGS = $(check_cppflags)
tests_check_stack_LDADD = $(check_ldadd)

if OS_POSIX
unit_tests += tests/check_misuse
endif
tests_check_misuse_CPPFLAGS = $(check_cppflags)
tests_check_misuse_LDADD = $(check_ldadd)

if OS_POSIX
unit_tests += tests/check_fork
endif
tests_check_fork_CPPFLAGS = $(check_cppflags)
tests_check_fork_LDADD = $(check_ldadd)
tests_check_fork_LDFLAGS = -Wl,--wrap=pthread_atfork,--wrap=sched_yield
if OS_POSIX
unit_tests += tests/check_spec_value
endif
tests_check_spec_value_CPPFLAGS = $(check_cppflags)
tests_check_spec_value_LDADD = $(check_ldadd)

# The modules over other allocators.
include tests/modules/modules.mk

# The interposer.
shell_tests += tests/alone.sh tests/preload.sh tests/preload-start.sh tests/preload-symbols.sh tests/run.sh \
	tests/run-debug.sh tests/deepbind.sh
EXTRA_DIST += tests/alone/allowed tests/alone/answers.c tests/alone/exhaust.cpp tests/alone/hold.h tests/alone/host.c tests/alone/jemalloc_calls.c tests/alone/jump.cpp tests/alone/observe.c \
	tests/alone/write.c \
	tests/preload/constructed.cpp tests/preload/early.c tests/preload/family.c tests/preload/locals.cpp \
	tests/preload/operators.cpp tests/preload/overlap.c tests/preload/own_malloc.cpp tests/preload/plugin.cpp \
	tests/preload/reentrant.c tests/preload/start.c tests/preload/whose.c \
	tests/debugged/clean.c tests/debugged/faults.c tests/debugged/operators.cpp tests/debugged/plugin.c \
	tests/debugged/small_stack.c

# Real programs under the interposer. The suite has a short load; this one takes minutes.
shell_tests += tests/programs.sh
program_scripts = aligned.cpp bash.sh c++.sh g++.sh gcc.sh git.sh go-plugin.sh lib.sh named.sh nginx.sh \
	node.sh perl.sh php.sh pkill.sh plugin.c plugin.go plugin.rs postgresql.sh python3-processes.sh \
	python3-threads.sh redis-server.sh rust-plugin.sh rustc.sh sqlite3.sh sshd.sh
EXTRA_DIST += $(program_scripts:%=tests/programs/%)
check-programs: all
	@$(AM_TESTS_ENVIRONMENT) PROGRAMS_LOAD=full $(SHELL) $(srcdir)/tests/programs.sh
.PHONY: check-programs

# unsized.h
unit_tests += tests/check_unsized
tests_check_unsized_CPPFLAGS = $(check_cppflags)
tests_check_unsized_LDADD = $(check_ldadd)
shell_tests += tests/redefine.sh
EXTRA_DIST += tests/redefine.c

# The headers' functions from a language that cannot include them.
shell_tests += tests/foreign.sh
EXTRA_DIST += tests/foreign.py

# What the compiler says of blocks that go back to the wrong function.
shell_tests += tests/warnings.sh

# The same on an instance
unit_tests += tests/check_instance_unsized
tests_check_instance_unsized_CPPFLAGS = $(check_cppflags)
tests_check_instance_unsized_LDADD = $(check_ldadd)

# Backends in files of their own.
shell_tests += tests/loader.sh
EXTRA_DIST += tests/loader/host.c tests/loader/module.c tests/loader/plugin.c tests/loader/serve.c

# Each mechanism once.
shell_tests += tests/duplicates.sh
EXTRA_DIST += tests/duplicates.awk tests/duplicates.known

# doc/backend-howto.md and m4/dispatchalloc.m4, installed
shell_tests += tests/backend-howto.sh tests/design.sh

# dispatchalloc(7), SECURITY CONSIDERATIONS
shell_tests += tests/secure.sh

# The manual (doc/doc.mk).
shell_tests += tests/header-docs.sh tests/man.sh tests/man-lint.sh tests/man-examples.sh

# The conformance kit over every allocator there is, and over allocators with known faults.
# They link the library as a program does: the kit knows the public headers only.
unit_tests += tests/conformance
if OS_POSIX
unit_tests += tests/check_conformance_finds
endif
tests_conformance_SOURCES = tests/conformance.c examples/pool.c examples/pool.h
tests_conformance_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) $(suite_cppflags)
tests_conformance_LDADD = libconformance.la libdispatchalloc.la $(CHECK_LIBS)
tests_check_conformance_finds_SOURCES = \
	tests/check_conformance_finds.c \
	tests/faulty/faulty.h \
	tests/faulty/heap.c \
	tests/faulty/middle.c \
	tests/faulty/processes.c \
	tests/faulty/slab.c \
	tests/faulty/threads.c \
	tests/faulty/wrappers.c
tests_check_conformance_finds_CPPFLAGS = $(tests_conformance_CPPFLAGS)
tests_check_conformance_finds_LDADD = $(tests_conformance_LDADD)

shell_tests += tests/tool.sh tests/did-you-mean.sh tests/completion.sh
EXTRA_DIST += tests/tool/module.c

# The core and the chain as a whole; what a user sees first.
include tests/core.mk
include tests/user.mk

# The layer `stats`
unit_tests += tests/check_stats tests/check_stats_keys
if OS_POSIX
unit_tests += tests/check_stats_file tests/check_stats_file_calls
check_PROGRAMS += tests/stats_user
shell_tests += tests/stats-print.sh tests/stats-family.sh tests/status.sh
endif
tests_check_stats_SOURCES = tests/check_stats.c tests/stats_reading.h
tests_check_stats_CPPFLAGS = $(check_cppflags)
tests_check_stats_LDADD = $(check_ldadd)
tests_check_stats_keys_SOURCES = tests/check_stats_keys.c tests/stats_reading.h
tests_check_stats_keys_CPPFLAGS = $(check_cppflags)
tests_check_stats_keys_LDADD = $(check_ldadd)
tests_check_stats_file_SOURCES = tests/check_stats_file.c tests/stats_files.h tests/stats_reading.h
tests_check_stats_file_CPPFLAGS = $(check_cppflags)
tests_check_stats_file_LDADD = $(check_ldadd)
tests_check_stats_file_calls_SOURCES = tests/check_stats_file_calls.c tests/stats_files.h \
	tests/stats_reading.h
tests_check_stats_file_calls_CPPFLAGS = $(check_cppflags)
tests_check_stats_file_calls_LDADD = $(check_ldadd)
tests_stats_user_LDADD = libdispatchalloc.la
EXTRA_DIST += tests/stats_family.c

# The layer `limit`
unit_tests += tests/check_limit
if OS_POSIX
unit_tests += tests/check_limit_races
shell_tests += tests/limit-family.sh
endif
tests_check_limit_SOURCES = tests/check_limit.c tests/limit_under.h
tests_check_limit_CPPFLAGS = $(check_cppflags)
tests_check_limit_LDADD = $(check_ldadd)
tests_check_limit_races_SOURCES = tests/check_limit_races.c tests/limit_under.h
tests_check_limit_races_CPPFLAGS = $(check_cppflags)
tests_check_limit_races_LDADD = $(check_ldadd)
EXTRA_DIST += tests/limit_family.c
# The layer `fail`, and dal_fail_each()
unit_tests += tests/check_fail tests/check_fail_each
shell_tests += tests/fail.sh
tests_check_fail_CPPFLAGS = $(check_cppflags)
tests_check_fail_LDADD = $(check_ldadd)
tests_check_fail_each_CPPFLAGS = $(check_cppflags)
tests_check_fail_each_LDADD = $(check_ldadd)
if OS_POSIX
unit_tests += tests/check_fail_record
shell_tests += tests/fail-each.sh
endif
tests_check_fail_record_CPPFLAGS = $(check_cppflags)
tests_check_fail_record_LDADD = $(check_ldadd) -lpthread
# The layer `debug`
if OS_POSIX
unit_tests += tests/check_debug tests/check_debug_bytes tests/check_debug_races
shell_tests += tests/debug.sh
endif
tests_check_debug_SOURCES = tests/check_debug.c tests/debug_saying.h
tests_check_debug_CPPFLAGS = $(check_cppflags)
tests_check_debug_LDADD = $(check_ldadd)
tests_check_debug_bytes_SOURCES = tests/check_debug_bytes.c tests/debug_saying.h
tests_check_debug_bytes_CPPFLAGS = $(check_cppflags)
tests_check_debug_bytes_LDADD = $(check_ldadd)
tests_check_debug_races_SOURCES = tests/check_debug_races.c tests/debug_saying.h
tests_check_debug_races_CPPFLAGS = $(check_cppflags)
tests_check_debug_races_LDADD = $(check_ldadd) -lpthread
EXTRA_DIST += tests/debug/faults.c
# What the command does for it: leaks, and frames resolved
if OS_LINUX
unit_tests += tests/check_command
shell_tests += tests/leaks.sh
endif
tests_check_command_CPPFLAGS = $(check_cppflags)
tests_check_command_LDADD = $(check_ldadd)
if OS_POSIX
shell_tests += tests/symbolize.sh
endif
EXTRA_DIST += tests/leaks/ask.c tests/leaks/front.c tests/leaks/holder.c tests/leaks/program.c tests/symbolize/program.c

# Files and texts of a profile, by one that is made by hand
if OS_POSIX
check_PROGRAMS += tests/profile_model
shell_tests += tests/profile-files.sh
endif
tests_profile_model_SOURCES = tests/profile_model.c tools/json.c tools/messages.c tools/xml.c
tests_profile_model_CPPFLAGS = $(check_cppflags)
tests_profile_model_LDADD = libprofile.la libcore.la
EXTRA_DIST += tests/profile/model tests/profile/page.js tests/profile/press.html

# Which layer finds which fault, and what it says
shell_tests += tests/kinds.sh tests/symptoms.sh
EXTRA_DIST += tests/kinds/kinds.c tests/symptoms/late.c tests/symptoms/leak.c tests/symptoms/overrun.c \
	tests/symptoms/sized.cpp tests/symptoms/twice.c tests/symptoms/unchecked.c

# Layers in any order
if OS_POSIX
unit_tests += tests/check_layers
endif
tests_check_layers_SOURCES = tests/check_layers.c tests/debug_saying.h
tests_check_layers_CPPFLAGS = $(check_cppflags)
tests_check_layers_LDADD = $(check_ldadd) -lpthread

# The layer `guard`
if OS_POSIX
unit_tests += tests/check_guard
shell_tests += tests/guard.sh
endif
tests_check_guard_SOURCES = tests/check_guard.c tests/debug_saying.h
tests_check_guard_CPPFLAGS = $(check_cppflags)
tests_check_guard_LDADD = $(check_ldadd) -lpthread
EXTRA_DIST += tests/guard/faults.c

# The layer `profile`
if OS_POSIX
unit_tests += tests/check_profile
shell_tests += tests/profile.sh tests/profile-command.sh tests/profiling.sh
endif
tests_check_profile_SOURCES = tests/check_profile.c
tests_check_profile_CPPFLAGS = $(check_cppflags)
tests_check_profile_LDADD = $(check_ldadd) -lpthread -lm
EXTRA_DIST += tests/profile/known.c tests/profile/plugin.c tests/profile/plugins.c tests/profile/read.c \
	tests/profile/shop.c

# dispatchalloc compare, doctor
if OS_POSIX
unit_tests += tests/check_compare
endif
tests_check_compare_SOURCES = tests/check_compare.c tools/compare/compare.h tools/compare/statistics.c
tests_check_compare_CPPFLAGS = $(check_cppflags)
tests_check_compare_LDADD = $(CHECK_LIBS)
shell_tests += tests/compare.sh tests/doctor.sh

# Files that may be programs or modules.
if OS_POSIX
if HAVE_DL_ITERATE_PHDR
unit_tests += tests/check_image
endif
endif
tests_check_image_SOURCES = tests/check_image.c tools/program_image.c tools/program_image.h
tests_check_image_CPPFLAGS = $(check_cppflags)
tests_check_image_LDADD = $(check_ldadd)

# Command, library, interposer and modules of different versions.
shell_tests += tests/versions.sh
