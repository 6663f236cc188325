# SPDX-License-Identifier: MIT
backends_tbb_tbb_la_SOURCES = \
	backends/malloc_conventions.h \
	backends/early_module.h \
	backends/process_lock.h \
	backends/process_options.h \
	%D%/forked.c \
	%D%/forked.h \
	%D%/tbb.c
backends_tbb_tbb_la_CPPFLAGS = $(AM_CPPFLAGS) -DTBB_VERSION_TEXT='"$(TBB_VERSION)"'
backends_tbb_tbb_la_CFLAGS = $(module_cflags)
backends_tbb_tbb_la_LIBTOOLFLAGS = $(shared_only)
backends_tbb_tbb_la_LDFLAGS = $(module_ldflags)
backends_tbb_tbb_la_LIBADD = -ltbbmalloc
if WITH_TBB
if ENABLE_SHARED
backend_LTLIBRARIES += %D%/tbb.la
endif
endif
