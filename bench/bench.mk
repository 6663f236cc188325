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
EXTRA_DIST += bench/cost.sh bench/modules.sh bench/budget.sh bench/budgets bench/module_pair.c

check-cost: all $(bench_programs)
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/bench/cost.sh || test $$? -eq 77
	@echo; $(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/bench/modules.sh || test $$? -eq 77
.PHONY: check-cost

# What allocations from arenas cost, against obstack and std::pmr. A benchmark, not a test:
# figures depend on what else the machine does.
EXTRA_PROGRAMS += bench/arena
bench_arena_SOURCES = bench/arena.c
bench_arena_CPPFLAGS = $(AM_CPPFLAGS)
bench_arena_CFLAGS = $(AM_CFLAGS) -O2
bench_arena_LDADD = libdispatchalloc.la
EXTRA_DIST += bench/arena_pmr.cc
CLEANFILES += bench/arena bench/arena-pmr

bench-arena: bench/arena$(EXEEXT)
	@echo "ns an operation on 64 bytes: name, threads, median (quickest)"
	@bench/arena$(EXEEXT)
	@DISPATCHALLOC_BACKEND=arena bench/arena$(EXEEXT) front
	@DISPATCHALLOC_BACKEND=system bench/arena$(EXEEXT) front
	@if test -n '$(CXX_FOR_TESTS)' && $(CXX_FOR_TESTS) -std=c++17 -O2 -pthread \
	    -o bench/arena-pmr $(srcdir)/bench/arena_pmr.cc; then bench/arena-pmr; \
	else echo "std::pmr: skipped, no C++17 compiler"; fi
.PHONY: bench-arena
