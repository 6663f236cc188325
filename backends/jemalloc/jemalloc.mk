# SPDX-License-Identifier: MIT
# The module over jemalloc, in one of two flavours (see jemalloc.h).
backends_jemalloc_jemalloc_la_SOURCES = \
	backends/malloc_conventions.h \
	backends/process_options.h \
	%D%/jemalloc.c \
	%D%/jemalloc.h \
	%D%/options.c
backends_jemalloc_jemalloc_la_CPPFLAGS = $(AM_CPPFLAGS) $(JEMALLOC_CPPFLAGS)
backends_jemalloc_jemalloc_la_CFLAGS = $(module_cflags)
backends_jemalloc_jemalloc_la_LIBTOOLFLAGS = $(shared_only)
# Its mallctl and nallocx as well.
backends_jemalloc_jemalloc_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^dal_(module_|jemalloc_mallctl|jemalloc_nallocx)$$'
EXTRA_DIST += %D%/fetch.sh %D%/private.sh
if WITH_JEMALLOC
if ENABLE_SHARED
backend_LTLIBRARIES += %D%/jemalloc.la
endif
endif

if WITH_JEMALLOC_SOURCE
# A jemalloc of the module's own. JEMALLOC_LIBS hands its archive to the linker past libtool,
# which would warn that an archive in a shared object is not portable; this one is made for it.
jemalloc_private = %D%/private
backends_jemalloc_jemalloc_la_CPPFLAGS += -DDAL_JEMALLOC_SOURCE=1 -I$(jemalloc_private)/include
backends_jemalloc_jemalloc_la_LIBADD = $(JEMALLOC_LIBS)
backends_jemalloc_jemalloc_la_DEPENDENCIES = $(jemalloc_private)/done

# done has what it was built with, so that a newer date alone builds nothing. MAKE goes through
# a variable of another name, since make runs a line that says it even under -n.
jemalloc_make = $(MAKE)
jemalloc_recipe = $(srcdir)/%D%/private.sh %D%/private.conf
$(jemalloc_private)/done: $(jemalloc_recipe)
	$(AM_V_GEN)if cat $(jemalloc_recipe) | cmp -s - $@; then touch $@; exit 0; fi; rm -rf $(jemalloc_private); \
	CC='$(CC)' AR='$(AR)' RANLIB='$(RANLIB)' NM='$(NM)' MAKE='$(jemalloc_make)' \
	JEMALLOC_TLS_CFLAGS='$(JEMALLOC_TLS_CFLAGS)' JEMALLOC_ENTRY_CFLAGS='$(JEMALLOC_ENTRY_CFLAGS)' \
	$(SHELL) $(srcdir)/%D%/private.sh '$(JEMALLOC_SOURCE)' $(jemalloc_private) \
		$(JEMALLOC_CONFIGURE_FLAGS) && cat $(jemalloc_recipe) >$@
$(backends_jemalloc_jemalloc_la_OBJECTS): $(jemalloc_private)/done
DISTCLEANFILES += %D%/private.conf
else
backends_jemalloc_jemalloc_la_SOURCES += %D%/system.c
backends_jemalloc_jemalloc_la_LIBADD = $(JEMALLOC_LIBS)
endif

# `make clean` keeps it: it is another project's, and does not depend on ours.
distclean-local: distclean-jemalloc
distclean-jemalloc:
	-rm -rf %D%/private
.PHONY: distclean-jemalloc
