# SPDX-License-Identifier: MIT
# The tests of the core (lib/) and of the chain as a whole.

# ---- Who serves: every combination, each in a process of its own ---------------------------
# The actors are linked with the library's objects, so that they are plain executables.
choice_actors = tests/choice/actor tests/choice/actor_link tests/choice/actor_veto \
	tests/choice/actor_link_veto
if OS_POSIX
unit_tests += tests/check_choice
check_PROGRAMS += $(choice_actors)
endif

tests_check_choice_SOURCES = tests/check_choice.c tests/choice/table.h tests/run.c tests/run.h
tests_check_choice_CPPFLAGS = $(check_cppflags)
tests_check_choice_LDADD = $(check_ldadd)

tests_choice_actor_LDADD = libcore.la
tests_choice_actor_link_SOURCES = tests/choice/actor.c
tests_choice_actor_link_CPPFLAGS = $(AM_CPPFLAGS) -DACTOR_LINK
tests_choice_actor_link_LDADD = libcore.la
tests_choice_actor_veto_SOURCES = tests/choice/actor.c
tests_choice_actor_veto_CPPFLAGS = $(AM_CPPFLAGS) -DACTOR_VETO
tests_choice_actor_veto_LDADD = libcore.la
tests_choice_actor_link_veto_SOURCES = tests/choice/actor.c
tests_choice_actor_link_veto_CPPFLAGS = $(AM_CPPFLAGS) -DACTOR_LINK -DACTOR_VETO
tests_choice_actor_link_veto_LDADD = libcore.la

# ---- Choosing when the program is built ----------------------------------------------------
shell_tests += tests/link-choice.sh tests/call-site.sh tests/fixed.sh
EXTRA_DIST += tests/fixed/main.c tests/fixed/other.c
EXTRA_DIST += tests/lib.sh tests/link/choice.c tests/link/main.c tests/link/signature.h

# ---- First calls that race, and forks in the middle of one -------------------------------
race_programs = tests/race/first tests/race/first_early tests/race/forks tests/race/choices
if OS_POSIX
unit_tests += tests/check_race
check_PROGRAMS += $(race_programs)
endif
tests_check_race_SOURCES = tests/check_race.c tests/run.c tests/run.h
tests_check_race_CPPFLAGS = $(check_cppflags)
tests_check_race_LDADD = $(CHECK_LIBS)
tests_race_first_SOURCES = tests/race/first.c tests/race/early.h
tests_race_first_LDADD = libcore.la -lpthread
tests_race_first_early_SOURCES = tests/race/first.c tests/race/early.h
tests_race_first_early_CPPFLAGS = $(AM_CPPFLAGS) -DRACE_EARLY
tests_race_first_early_LDADD = libcore.la -lpthread
tests_race_forks_SOURCES = tests/race/forks.c tests/race/early.h tests/race/middle.h
tests_race_forks_LDADD = libcore.la -lpthread
tests_race_choices_SOURCES = tests/race/choices.c tests/race/middle.h
tests_race_choices_LDADD = libcore.la -lpthread

# What hands things from thread to thread, on the terms of weaker machines.
shell_tests += tests/orders.sh
EXTRA_DIST += tests/race/orders.c

# ---- The parts of the core -----------------------------------------------------------------
unit_tests += tests/check_spec tests/check_instance tests/check_error tests/check_text
tests_check_spec_CPPFLAGS = $(check_cppflags)
tests_check_spec_LDADD = $(check_ldadd)
tests_check_instance_CPPFLAGS = $(check_cppflags)
tests_check_instance_LDADD = $(check_ldadd)
tests_check_text_CPPFLAGS = $(check_cppflags)
tests_check_text_LDADD = $(check_ldadd)
tests_check_error_CPPFLAGS = $(check_cppflags)
tests_check_error_LDADD = $(check_ldadd)
unit_tests += tests/check_registry
tests_check_registry_CPPFLAGS = $(check_cppflags)
tests_check_registry_LDADD = $(check_ldadd) -lpthread

# ---- The chain, with the C library's functions wrapped --------------------------------------
if OS_POSIX
unit_tests += tests/check_chain
endif
tests_check_chain_CPPFLAGS = $(check_cppflags)
tests_check_chain_LDADD = $(check_ldadd)
tests_check_chain_LDFLAGS = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free \
	-Wl,--wrap=posix_memalign,--wrap=aligned_alloc,--wrap=mmap

# ---- What is public, and who may know whom ---------------------------------------------------
shell_tests += tests/headers.sh tests/symbols.sh tests/structure.sh tests/front.sh

# ---- The interface can grow -----------------------------------------------------------------------
shell_tests += tests/growth.sh tests/abidiff.sh
EXTRA_DIST += tests/growth/abidiff.suppr tests/growth/ask.c tests/growth/choice.c \
	tests/growth/edit.awk tests/growth/filled.c tests/growth/guarded.h tests/growth/layer.c \
	tests/growth/lib.sh tests/growth/library.mk tests/growth/own.h tests/growth/pool.c \
	tests/growth/program.c tests/growth/slot.c

# ---- What it costs (bench/bench.mk) ------------------------------------------------------------
if OS_POSIX
shell_tests += bench/cost.sh tests/layer-cost.sh tests/bench.sh
endif

include tests/targets.mk
