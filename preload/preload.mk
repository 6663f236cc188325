# SPDX-License-Identifier: MIT
# The interposer: an object of its own, with a hidden copy of the core, and the malloc family as its
# only symbols. What stands on the C library's malloc is compiled for it.
if OS_POSIX
if ENABLE_SHARED
if HAVE_VERSION_SCRIPT
if HAVE_DL_ITERATE_PHDR
noinst_LTLIBRARIES += libpreloadcore.la
libpreloadcore_la_SOURCES = \
	%D%/aside.c %D%/aside.h %D%/early.c %D%/early.h %D%/told.c %D%/told.h %D%/cxx.c %D%/interposer.c %D%/interposer.h \
	%D%/libc.c %D%/libc.h %D%/libc_names.h %D%/libc_reports.c %D%/loaded.c %D%/loaded.h %D%/ours.c \
	%D%/product.c %D%/slots.h backends/relocations.h \
	backends/system/backend.c backends/system/posix.c lib/chain/system_instance.c
libpreloadcore_la_CPPFLAGS = $(libcore_la_CPPFLAGS) -DDAL_INTERPOSER
# The compiler knows what malloc does, and must not put one call for another here. What
# operator new throws goes through our frames.
libpreloadcore_la_CFLAGS = $(libcommon_la_CFLAGS) $(DAL_PRELOAD_CFLAGS) -fno-builtin-malloc -fno-builtin-free \
	-fno-builtin-calloc -fno-builtin-realloc -fno-builtin-aligned_alloc -fexceptions
libpreloadcore_la_LIBTOOLFLAGS = $(shared_only)

lib_LTLIBRARIES += libdispatchalloc-preload.la
libdispatchalloc_preload_la_SOURCES =
libdispatchalloc_preload_la_LIBADD = libpreloadcore.la libcommon.la
libdispatchalloc_preload_la_DEPENDENCIES = $(libdispatchalloc_preload_la_LIBADD) %D%/preload.map \
	%D%/dynamic.list
libdispatchalloc_preload_la_LDFLAGS = -module -avoid-version -shared -no-undefined \
	$(DAL_LIB_LDFLAGS) $(DAL_PRELOAD_LDFLAGS) -Wl,-z,initfirst \
	-Wl,--version-script=$(top_srcdir)/%D%/preload.map \
	-Wl,--dynamic-list=%D%/dynamic.list

# By their names its functions find the program's own, if it has some: also where LDFLAGS have
# -Bsymbolic-functions, as Ubuntu's do.
%D%/dynamic.list: %D%/preload.map
	$(AM_V_GEN)$(MKDIR_P) %D% && $(SED) -e '/^#/d' -e '/^global:/d' -e '/^local:/,/^};/d' \
		$(top_srcdir)/%D%/preload.map >$@ && echo '};' >>$@
CLEANFILES += %D%/dynamic.list

# jemalloc's own calls: an object apart, for programs that are linked with libjemalloc.
lib_LTLIBRARIES += libdispatchalloc-jemalloc.la
libdispatchalloc_jemalloc_la_SOURCES = %D%/jemalloc_calls.c backends/jemalloc/calls.h
libdispatchalloc_jemalloc_la_CPPFLAGS = $(libcore_la_CPPFLAGS)
libdispatchalloc_jemalloc_la_CFLAGS = $(libpreloadcore_la_CFLAGS)
libdispatchalloc_jemalloc_la_LIBTOOLFLAGS = $(shared_only)
libdispatchalloc_jemalloc_la_DEPENDENCIES = %D%/jemalloc.map
libdispatchalloc_jemalloc_la_LDFLAGS = -module -avoid-version -shared -no-undefined $(DAL_LIB_LDFLAGS) \
	-Wl,--version-script=$(top_srcdir)/%D%/jemalloc.map

# sigaction() for SIGSEGV and SIGBUS, apart: for programs under the layer `guard`. Bound at the start: a
# handler may have no room for that.
lib_LTLIBRARIES += libdispatchalloc-guard.la
libdispatchalloc_guard_la_SOURCES = %D%/guard_signals.c %D%/loaded.c layers/guard/signals.c
libdispatchalloc_guard_la_CPPFLAGS = $(libcore_la_CPPFLAGS)
libdispatchalloc_guard_la_CFLAGS = $(libpreloadcore_la_CFLAGS)
libdispatchalloc_guard_la_LIBTOOLFLAGS = $(shared_only)
libdispatchalloc_guard_la_DEPENDENCIES = %D%/guard.map
libdispatchalloc_guard_la_LDFLAGS = -module -avoid-version -shared -no-undefined $(DAL_LIB_LDFLAGS) -Wl,-z,now \
	-Wl,--version-script=$(top_srcdir)/%D%/guard.map

# dlopen() without RTLD_DEEPBIND, apart too.
lib_LTLIBRARIES += libdispatchalloc-deepbind.la
libdispatchalloc_deepbind_la_SOURCES = %D%/deepbind.c %D%/loaded.c
libdispatchalloc_deepbind_la_CPPFLAGS = $(libcore_la_CPPFLAGS)
libdispatchalloc_deepbind_la_CFLAGS = $(libpreloadcore_la_CFLAGS)
libdispatchalloc_deepbind_la_LIBTOOLFLAGS = $(shared_only)
libdispatchalloc_deepbind_la_DEPENDENCIES = %D%/deepbind.map
libdispatchalloc_deepbind_la_LDFLAGS = -module -avoid-version -shared -no-undefined $(DAL_LIB_LDFLAGS) \
	-Wl,--version-script=$(top_srcdir)/%D%/deepbind.map

# The same with it, which says so.
lib_LTLIBRARIES += libdispatchalloc-deepbind-warn.la
libdispatchalloc_deepbind_warn_la_SOURCES = $(libdispatchalloc_deepbind_la_SOURCES) lib/base/text.c lib/os/posix_stderr.c
libdispatchalloc_deepbind_warn_la_CPPFLAGS = $(libcore_la_CPPFLAGS) -DDAL_DEEPBIND_WARN
libdispatchalloc_deepbind_warn_la_CFLAGS = $(libpreloadcore_la_CFLAGS)
libdispatchalloc_deepbind_warn_la_LIBTOOLFLAGS = $(shared_only)
libdispatchalloc_deepbind_warn_la_DEPENDENCIES = %D%/deepbind.map
libdispatchalloc_deepbind_warn_la_LDFLAGS = $(libdispatchalloc_deepbind_la_LDFLAGS)
endif
endif
endif
endif
EXTRA_DIST += %D%/deepbind.map %D%/guard.map %D%/jemalloc.map %D%/preload.map
