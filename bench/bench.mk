# SPDX-License-Identifier: MIT
# What the library costs, in instructions. `make check-cost` shows the table; `make check`
# runs it with the other tests.
bench_programs = bench/pair bench/pair_no_plt
bench_pair_LDADD = libdispatchalloc.la
bench_pair_CFLAGS = $(AM_CFLAGS) -O2
bench_pair_no_plt_SOURCES = bench/pair.c
bench_pair_no_plt_CFLAGS = $(AM_CFLAGS) -O2 -fno-plt
bench_pair_no_plt_LDADD = libdispatchalloc.la
if OS_POSIX
check_PROGRAMS += $(bench_programs)
endif
EXTRA_DIST += bench/cost.sh bench/modules.sh bench/budget.sh bench/budgets bench/module_pair.c \
	bench/direct.sh bench/preload-calls.sh bench/preload_calls.c bench/preload.sh bench/paired.c bench/limits.sh \
	bench/tools.sh bench/server.sh bench/factor.c

check-cost: all $(bench_programs)
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/bench/cost.sh || test $$? -eq 77
	@echo; $(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/bench/modules.sh || test $$? -eq 77
	@echo; $(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/bench/preload-calls.sh || test $$? -eq 77
.PHONY: check-cost

# What allocations from arenas cost, against obstack, std::pmr and Rust, where there are
# compilers for those. A benchmark, not a test: figures depend on what else the machine does.
# Linked with the shared library, and again with the static archive.
EXTRA_PROGRAMS += bench/arena bench/arena_static bench/arena_pages
bench_arena_SOURCES = bench/arena.c bench/arena.h bench/harness/samples.h
bench_arena_CFLAGS = $(AM_CFLAGS) -O2 -fno-plt
bench_arena_LDADD = libdispatchalloc.la -lpthread
bench_arena_static_SOURCES = $(bench_arena_SOURCES)
bench_arena_static_CFLAGS = $(bench_arena_CFLAGS)
bench_arena_static_LDADD = $(bench_arena_LDADD)
bench_arena_static_LDFLAGS = -static-libtool-libs
bench_arena_pages_SOURCES = bench/arena_pages.c bench/harness/samples.h
bench_arena_pages_CFLAGS = $(AM_CFLAGS) -O2
bench_arena_pages_LDADD = libdispatchalloc.la
EXTRA_DIST += bench/arena_pmr.cc bench/arena_rust.rs bench/arena_rust.sh
CLEANFILES += bench/arena bench/arena_static bench/arena_pages bench/arena_pmr.so bench/arena_rust.so bench/libbumpalo.rlib

bench-arena: bench/arena$(EXEEXT) bench/arena_static$(EXEEXT) bench/arena_pages$(EXEEXT)
	@rm -f bench/arena_pmr.so bench/arena_rust.so; \
	test -n '$(CXX_FOR_TESTS)' && $(CXX_FOR_TESTS) -std=c++17 -O2 -fPIC -shared \
	    -o bench/arena_pmr.so $(srcdir)/bench/arena_pmr.cc || echo "std::pmr: no C++17 compiler"; \
	$(SHELL) $(srcdir)/bench/arena_rust.sh $(srcdir)/bench/arena_rust.rs bench/arena_rust.so; \
	set --; for peer in bench/arena_pmr.so bench/arena_rust.so; do \
	    test -f $$peer && set -- "$$@" ./$$peer; done; \
	echo "linked with the shared library, called without a PLT"; \
	DISPATCHALLOC_BACKEND=arena bench/arena$(EXEEXT) "$$@"; \
	echo; echo "linked with the static archive"; \
	DISPATCHALLOC_BACKEND=arena bench/arena_static$(EXEEXT) "$$@"
	@echo; bench/arena_pages$(EXEEXT)
.PHONY: bench-arena

# All of it, side by side with other allocators.
include bench/peers.mk

# What it takes to capture a stack.
EXTRA_PROGRAMS += bench/stacks
bench_stacks_SOURCES = bench/stacks.c bench/harness/samples.h
bench_stacks_CFLAGS = $(AM_CFLAGS) -O2 -fomit-frame-pointer
bench_stacks_LDADD = libdispatchalloc.la
CLEANFILES += bench/stacks

bench-stacks: bench/stacks$(EXEEXT)
	@bench/stacks$(EXEEXT)
.PHONY: bench-stacks

# What the interposer costs whole programs, and how much later they start.
bench-preload: all
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/bench/preload.sh || test $$? -eq 77
.PHONY: bench-preload

# How little memory a program may have under the interposer.
bench-limits: all
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/bench/limits.sh || test $$? -eq 77
.PHONY: bench-limits

# The layers that look for faults, beside the tools that do.
bench-tools: all
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/bench/tools.sh || test $$? -eq 77
.PHONY: bench-tools

# What a layer costs a server, to half a percent.
bench-server: all
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/bench/server.sh || test $$? -eq 77
.PHONY: bench-server
