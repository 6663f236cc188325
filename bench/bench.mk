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
EXTRA_DIST += bench/cost.sh

check-cost: $(bench_programs)
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/bench/cost.sh || test $$? -eq 77
.PHONY: check-cost
