# SPDX-License-Identifier: MIT
# The example programs. `make check` builds them and tests/examples.sh runs them; their
# sources are installed, to be compiled against the installed library.
example_programs = \
	examples/first \
	examples/simple_allocator \
	examples/fail_each \
	examples/pool_startup \
	examples/pool_named \
	examples/wordfreq \
	examples/wordfreq_pool
check_PROGRAMS += $(example_programs)

examples_first_LDADD = libdispatchalloc.la
examples_simple_allocator_LDADD = libdispatchalloc.la
examples_fail_each_LDADD = libdispatchalloc.la
examples_pool_startup_SOURCES = examples/pool_startup.c examples/pool.c examples/pool.h
examples_pool_startup_LDADD = libdispatchalloc.la
examples_pool_named_SOURCES = examples/pool_named.c examples/pool.c examples/pool.h
examples_pool_named_LDADD = libdispatchalloc.la
examples_wordfreq_LDADD = libdispatchalloc.la
# The allocator is chosen by what is linked; wordfreq.c stays as it is.
examples_wordfreq_pool_SOURCES = examples/wordfreq.c examples/pool_linked.c examples/pool.c \
	examples/pool.h
examples_wordfreq_pool_LDADD = libdispatchalloc.la

exampledir = $(docdir)/examples
dist_example_DATA = \
	examples/first.c \
	examples/simple_allocator.c \
	examples/fail_each.c \
	examples/pool.c \
	examples/pool.h \
	examples/pool_linked.c \
	examples/pool_startup.c \
	examples/pool_named.c \
	examples/wordfreq.c \
	examples/cxx.cpp
EXTRA_DIST += examples/constitution.txt examples/demo.sh

# The main job: count the words of some megabytes of real text under each backend.
# DEMO_TEXT names other files, DEMO_REPEAT says how often each is read.
demo: all examples/wordfreq examples/wordfreq_pool
	@DEMO_TEXT='$(DEMO_TEXT)' DEMO_REPEAT='$(DEMO_REPEAT)' \
	$(SHELL) $(srcdir)/examples/demo.sh examples $(srcdir)/examples
.PHONY: demo
