# SPDX-License-Identifier: MIT
backends_tcmalloc_tcmalloc_la_SOURCES = backends/malloc_conventions.h backends/tcmalloc/tcmalloc.c
backends_tcmalloc_tcmalloc_la_CFLAGS = $(module_cflags)
backends_tcmalloc_tcmalloc_la_LDFLAGS = $(module_ldflags)
backends_tcmalloc_tcmalloc_la_LIBADD = -ltcmalloc_minimal
if WITH_TCMALLOC
if ENABLE_SHARED
backend_LTLIBRARIES += backends/tcmalloc/tcmalloc.la
endif
endif
