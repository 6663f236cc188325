# SPDX-License-Identifier: MIT
# The dispatchalloc command.
bin_PROGRAMS += %D%/dispatchalloc
tools_dispatchalloc_SOURCES = \
	%D%/complete.c \
	%D%/explain.c \
	%D%/info.c \
	%D%/json.c \
	%D%/list.c \
	%D%/main.c \
	%D%/meant.c \
	%D%/messages.c \
	%D%/modules.c \
	%D%/options.c \
	%D%/opened_library.h \
	%D%/options.h \
	%D%/program.h \
	%D%/tool.h \
	%D%/variables.h \
	%D%/version.c \
	%D%/verify/json.c \
	%D%/verify/report.h \
	%D%/verify/tap.c \
	%D%/verify/text.c \
	%D%/verify/verify.c \
	lib/base/nearest.c
if OS_WINDOWS
tools_dispatchalloc_SOURCES += %D%/windows.c
else
tools_dispatchalloc_SOURCES += \
	%D%/child.c \
	%D%/child.h \
	%D%/child_files.c \
	%D%/child_group.c \
	%D%/compare/compare.c \
	%D%/compare/compare.h \
	%D%/compare/report.c \
	%D%/compare/rounds.c \
	%D%/compare/server.c \
	%D%/compare/statistics.c \
	%D%/doctor/advise.c \
	%D%/doctor/bindings.c \
	%D%/doctor/bindings.h \
	%D%/doctor/doctor.c \
	%D%/doctor/doctor.h \
	%D%/doctor/judge.c \
	%D%/doctor/origin.c \
	%D%/doctor/trace.c \
	%D%/fail_each/count.c \
	%D%/fail_each/fail_each.c \
	%D%/fail_each/fail_each.h \
	%D%/fail_each/jobs.c \
	%D%/fail_each/json.c \
	%D%/fail_each/judge.c \
	%D%/fail_each/junit.c \
	%D%/fail_each/result.c \
	%D%/fail_each/run.c \
	%D%/fail_each/stacks.c \
	%D%/fail_each/text.c \
	%D%/guard.c \
	%D%/library.c \
	%D%/program.c \
	%D%/program_check.c \
	%D%/program_environment.c \
	%D%/program_environment.h \
	%D%/program_image.c \
	%D%/program_image.h \
	%D%/program_preloads.c \
	%D%/program_probe.c \
	%D%/program_root.c \
	%D%/program_word_size.c \
	%D%/profile/attach.c \
	%D%/profile/command.c \
	%D%/profile/profile.c \
	%D%/profile/profile.h \
	%D%/profile/read.c \
	%D%/run.c \
	%D%/static_tls.c \
	%D%/status/counters.c \
	%D%/status/list.c \
	%D%/status/mapped.c \
	%D%/status/near.c \
	%D%/status/openmetrics.c \
	%D%/status/print.c \
	%D%/status/served.c \
	%D%/status/status.c \
	%D%/status/status.h \
	%D%/status/watch.c \
	%D%/symbolize/demangle.c \
	%D%/symbolize/frame.c \
	%D%/symbolize/modules.c \
	%D%/symbolize/perf_map.c \
	%D%/symbolize/symbolize.c \
	%D%/symbolize/symbolize.h \
	%D%/symbolize/symbols.c \
	%D%/variables.c \
	%D%/xml.c
if HAVE_LIBDW
tools_dispatchalloc_SOURCES += %D%/symbolize/dwarf.c
endif
if OS_LINUX
tools_dispatchalloc_SOURCES += \
	%D%/search/memory.c \
	%D%/search/reach.c \
	%D%/search/roots.c \
	%D%/search/search.c \
	%D%/search/search.h \
	%D%/search/threads.c
endif
endif
tools_dispatchalloc_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) -I$(top_srcdir)/lib \
	-DTOOL_INTERPOSER='"$(libdir)/libdispatchalloc-preload.so"'
if HAVE_XATTR
tools_dispatchalloc_CPPFLAGS += -DTOOL_HAS_XATTR
endif
if OS_LINUX
tools_dispatchalloc_CPPFLAGS += -DTOOL_CAN_SEARCH
endif
if HAVE_LIBDW
tools_dispatchalloc_CPPFLAGS += -DTOOL_HAS_LIBDW $(LIBDW_CFLAGS)
endif
tools_dispatchalloc_LDFLAGS = $(DAL_TOOL_LDFLAGS)
if OS_WINDOWS
# No DLL of the compiler's has to come with it.
tools_dispatchalloc_LDFLAGS += -Wl,-Bstatic
endif
tools_dispatchalloc_LDADD = libconformance.la libdispatchalloc.la
if !OS_WINDOWS
tools_dispatchalloc_LDADD += libprofile.la

# What becomes of a profile: of the command, and of a test that has profiles by hand.
noinst_LTLIBRARIES += libprofile.la
endif
libprofile_la_SOURCES = \
	%D%/profile/dhat.c \
	%D%/profile/diff.c \
	%D%/profile/folded.c \
	%D%/profile/gzip.c \
	%D%/profile/html.c \
	%D%/profile/model.c \
	%D%/profile/model.h \
	%D%/profile/output.c \
	%D%/profile/output.h \
	%D%/profile/places.c \
	%D%/profile/pprof.c \
	%D%/profile/svg.c \
	%D%/profile/table.c \
	%D%/profile/tree.c \
	%D%/profile/wire.c
libprofile_la_LIBTOOLFLAGS = $(static_only)
libprofile_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir) -I$(top_srcdir) -I$(top_srcdir)/lib
if HAVE_ZLIB
libprofile_la_CPPFLAGS += -DTOOL_HAS_ZLIB $(ZLIB_CFLAGS)
endif
$(libprofile_la_OBJECTS): %D%/profile/page.inc
%D%/profile/page.inc: %D%/profile/page.awk %D%/profile/page.html %D%/profile/page.js
	$(AM_V_GEN)$(MKDIR_P) %D%/profile && \
	$(AWK) -f $(srcdir)/%D%/profile/page.awk SCRIPT=$(srcdir)/%D%/profile/page.js \
		$(srcdir)/%D%/profile/page.html >$@.new && mv $@.new $@
CLEANFILES += %D%/profile/page.inc
EXTRA_DIST += %D%/profile/page.awk %D%/profile/page.html %D%/profile/page.js

# The shells find it by the name of the command.
if INSTALL_BASH_COMPLETION
dist_bash_completion_DATA = %D%/completion/dispatchalloc
endif
if INSTALL_ZSH_COMPLETION
dist_zsh_completion_DATA = %D%/completion/_dispatchalloc
endif
if INSTALL_FISH_COMPLETION
dist_fish_completion_DATA = %D%/completion/dispatchalloc.fish
endif
