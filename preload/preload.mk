# SPDX-License-Identifier: MIT
# The interposer: an object of its own, with a hidden copy of the core, and the malloc family as its
# only symbols. What stands on the C library's malloc is compiled for it.
if OS_POSIX
if ENABLE_SHARED
if HAVE_VERSION_SCRIPT
if HAVE_DL_ITERATE_PHDR
noinst_LTLIBRARIES += libpreloadcore.la libpreloadearly.la
libpreloadcore_la_SOURCES = \
	%D%/address.c %D%/address.h %D%/blocks.c %D%/blocks.h %D%/check.c \
	%D%/check.h %D%/fault.c %D%/fault.h %D%/elf_symbol.c %D%/elf_symbol.h \
	%D%/cxx.c %D%/interposer.c %D%/interposer.h \
	%D%/libc.c %D%/libc.h %D%/libc_names.h %D%/loaded.c %D%/loaded.h %D%/ours.c %D%/product.c \
	backends/system/backend.c backends/system/posix.c lib/chain/system_instance.c
libpreloadcore_la_CPPFLAGS = $(libcore_la_CPPFLAGS) -DDAL_INTERPOSER
# The compiler knows what malloc does, and must not put one call for another here. What
# operator new throws goes through our frames.
libpreloadcore_la_CFLAGS = $(libcommon_la_CFLAGS) $(DAL_PRELOAD_CFLAGS) -fno-builtin-malloc -fno-builtin-free \
	-fno-builtin-calloc -fno-builtin-realloc -fno-builtin-aligned_alloc -fexceptions
libpreloadcore_la_LIBTOOLFLAGS = $(shared_only)
# The last of all, so that its region does not part what is zero at the start and written at once:
# each page less is some microseconds of every process. (tests/preload-symbols.sh looks.)
libpreloadearly_la_SOURCES = %D%/early.h %D%/early.c
libpreloadearly_la_CPPFLAGS = $(libpreloadcore_la_CPPFLAGS)
libpreloadearly_la_CFLAGS = $(libpreloadcore_la_CFLAGS)
libpreloadearly_la_LIBTOOLFLAGS = $(shared_only)

lib_LTLIBRARIES += libdispatchalloc-preload.la
libdispatchalloc_preload_la_SOURCES =
libdispatchalloc_preload_la_LIBADD = libpreloadcore.la libcommon.la libpreloadearly.la
libdispatchalloc_preload_la_DEPENDENCIES = $(libdispatchalloc_preload_la_LIBADD) %D%/preload.map
libdispatchalloc_preload_la_LDFLAGS = -module -avoid-version -shared -no-undefined \
	$(DAL_LIB_LDFLAGS) -Wl,-z,initfirst -Wl,--version-script=$(top_srcdir)/%D%/preload.map
endif
endif
endif
endif
EXTRA_DIST += %D%/preload.map
