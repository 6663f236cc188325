# SPDX-License-Identifier: MIT
backends_mimalloc_mimalloc_la_SOURCES = backends/keep_errno.c backends/keep_errno.h backends/relocations.h backends/malloc_conventions.h backends/early_module.h backends/process_lock.h backends/process_options.h \
	%D%/mimalloc.c
backends_mimalloc_mimalloc_la_CPPFLAGS = $(AM_CPPFLAGS) -DDAL_MADVISE_IN_A_LOOP
backends_mimalloc_mimalloc_la_CFLAGS = $(module_cflags)
backends_mimalloc_mimalloc_la_LIBTOOLFLAGS = $(shared_only)
backends_mimalloc_mimalloc_la_LDFLAGS = $(module_ldflags)
backends_mimalloc_mimalloc_la_LIBADD = -lmimalloc
if WITH_MIMALLOC
if ENABLE_SHARED
backend_LTLIBRARIES += %D%/mimalloc.la
endif
endif
