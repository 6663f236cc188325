# SPDX-License-Identifier: MIT
# The module over jemalloc, in one of two flavours (see jemalloc.h).
backends_jemalloc_jemalloc_la_SOURCES = \
	backends/keep_errno.c \
	backends/keep_errno.h \
	backends/relocations.h \
	backends/malloc_conventions.h \
	backends/early_module.h \
	backends/process_lock.h \
	backends/process_options.h \
	%D%/calls.h \
	%D%/jemalloc.c \
	%D%/jemalloc.h \
	%D%/options.c
backends_jemalloc_jemalloc_la_CPPFLAGS = $(AM_CPPFLAGS) $(JEMALLOC_CPPFLAGS)
backends_jemalloc_jemalloc_la_CFLAGS = $(module_cflags)
backends_jemalloc_jemalloc_la_LIBTOOLFLAGS = $(shared_only)
# Its mallctl and nallocx as well.
backends_jemalloc_jemalloc_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^dal_(module_(early_)?|jemalloc_(mallctl|nallocx|calls_))$$'
# Its objects are not those of the other.
backends_jemalloc_start_jemalloc_la_SHORTNAME = start
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

# The same once more for programs that it is in from their start, as `dispatchalloc run` brings it:
# without the call by which the storage of threads is found in what may be opened later. Two of those
# are more than the rest of a malloc and free.
jemalloc_start = %D%/start/private
startbackenddir = $(backenddir)/start
if ENABLE_SHARED
startbackend_LTLIBRARIES = %D%/start/jemalloc.la
endif
backends_jemalloc_start_jemalloc_la_SOURCES = $(backends_jemalloc_jemalloc_la_SOURCES)
backends_jemalloc_start_jemalloc_la_CPPFLAGS = $(AM_CPPFLAGS) $(JEMALLOC_CPPFLAGS) -DDAL_JEMALLOC_SOURCE=1 \
	-DDAL_JEMALLOC_START=1 -I$(jemalloc_start)/include
backends_jemalloc_start_jemalloc_la_CFLAGS = $(module_cflags)
backends_jemalloc_start_jemalloc_la_LIBTOOLFLAGS = $(shared_only)
backends_jemalloc_start_jemalloc_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^dal_(module_(early_|jemalloc_start_)?|jemalloc_(mallctl|nallocx|calls_))$$'
backends_jemalloc_start_jemalloc_la_LIBADD = $(JEMALLOC_START_LIBS)
backends_jemalloc_start_jemalloc_la_DEPENDENCIES = $(jemalloc_start)/done

# done has what it was built with, so that a newer date alone builds nothing. MAKE goes through
# a variable of another name, since make runs a line that says it even under -n.
jemalloc_make = $(MAKE)
jemalloc_recipe = $(srcdir)/%D%/private.sh %D%/private.conf
$(jemalloc_private)/done $(jemalloc_start)/done: $(jemalloc_recipe)
	$(AM_V_GEN)if cat $(jemalloc_recipe) | cmp -s - $@; then touch $@; exit 0; fi; rm -rf $(@D); \
	case $@ in */start/*) tls=-ftls-model=initial-exec ;; *) tls='$(JEMALLOC_TLS_CFLAGS)' ;; esac; \
	CC='$(CC)' AR='$(AR)' RANLIB='$(RANLIB)' NM='$(NM)' MAKE='$(jemalloc_make)' \
	JEMALLOC_TLS_CFLAGS="$$tls" JEMALLOC_ENTRY_CFLAGS='$(JEMALLOC_ENTRY_CFLAGS)' \
	$(SHELL) $(srcdir)/%D%/private.sh '$(JEMALLOC_SOURCE)' $(@D) \
		$(JEMALLOC_CONFIGURE_FLAGS) && cat $(jemalloc_recipe) >$@
$(backends_jemalloc_jemalloc_la_OBJECTS): $(jemalloc_private)/done
$(backends_jemalloc_start_jemalloc_la_OBJECTS): $(jemalloc_start)/done
# Where `dispatchalloc run` looks for it beside a module that is not installed.
all-local: %D%/.libs/start
%D%/.libs/start: backends/jemalloc/jemalloc.la
	$(AM_V_at)rm -f $@ && $(LN_S) ../start/.libs $@
DISTCLEANFILES += %D%/private.conf
else
backends_jemalloc_jemalloc_la_SOURCES += %D%/system.c
backends_jemalloc_jemalloc_la_LIBADD = $(JEMALLOC_LIBS)
endif

# `make clean` keeps it: it is another project's, and does not depend on ours.
distclean-local: distclean-jemalloc
distclean-jemalloc:
	-rm -rf %D%/private %D%/start/private
.PHONY: distclean-jemalloc
