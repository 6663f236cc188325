# SPDX-License-Identifier: MIT
backends_tcmalloc_tcmalloc_la_SOURCES = backends/keep_errno.c backends/keep_errno.h backends/relocations.h backends/malloc_conventions.h backends/early_module.h backends/process_lock.h backends/process_options.h \
	%D%/tcmalloc.c
backends_tcmalloc_tcmalloc_la_CPPFLAGS = $(AM_CPPFLAGS) -DDAL_MADVISE_IN_A_LOOP
backends_tcmalloc_tcmalloc_la_CFLAGS = $(module_cflags)
backends_tcmalloc_tcmalloc_la_LIBTOOLFLAGS = $(shared_only)
backends_tcmalloc_tcmalloc_la_LDFLAGS = $(module_ldflags)
backends_tcmalloc_tcmalloc_la_LIBADD = -ltcmalloc_minimal
if WITH_TCMALLOC
if ENABLE_SHARED
backend_LTLIBRARIES += %D%/tcmalloc.la
endif
endif
