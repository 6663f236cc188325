# SPDX-License-Identifier: MIT
# Read after the Makefile of a build: its shared library in one go, of the sources in another tree.
growth-library: srcdir = $(growth_tree)
growth-library: top_srcdir = $(growth_tree)
growth-library: top_builddir = $(growth_tree)
growth-library:
	@set -- $(growth_flags); \
	for source in $(libcommon_la_SOURCES) $(libcore_la_SOURCES); do \
	    case $$source in *.c) set -- "$$@" "$(top_srcdir)/$$source" ;; esac; \
	done; \
	$(CC) $(DEFS) $(libcore_la_CPPFLAGS) $(CPPFLAGS) $(libcore_la_CFLAGS) $(CFLAGS) -w -fPIC -shared \
	    -o "$(growth_library)" "$$@" $(LDFLAGS) $(LIBS)
.PHONY: growth-library
