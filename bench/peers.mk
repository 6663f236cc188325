# SPDX-License-Identifier: MIT
# `make bench`: this library side by side with its peers. What it needs beyond the library is
# looked for when it runs, and named where it is not there.
bench: all
	@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/bench/run.sh
.PHONY: bench

clean-bench:
	-rm -rf bench/programs bench/results
clean-local: clean-bench
.PHONY: clean-bench

bench_reports = bench/report/summary.awk bench/report/table.awk bench/report/json.awk \
	bench/report/dumps.awk bench/report/page.awk bench/report/chart.sh bench/report/chart.gp
bench_harness = bench/harness/harness.h bench/harness/kernels.h \
	bench/harness/samples.h bench/harness/works.h \
	bench/harness/main.c bench/harness/works.c bench/harness/process.c
bench_peers = bench/peers/malloc.c bench/peers/glib.c bench/peers/python.c bench/peers/obstack.c \
	bench/peers/cxx.cc bench/peers/pmr.cc bench/peers/rust.rs bench/peers/front.c \
	bench/peers/instance.c bench/peers/layers.h bench/peers/arena.c bench/peers/state.c \
	bench/peers/start.c
EXTRA_DIST += bench/run.sh bench/build.sh bench/cases $(bench_reports) $(bench_harness) \
	$(bench_peers)
