# SPDX-License-Identifier: MIT
# The public headers. tests/headers.sh compiles each of them alone.
include_HEADERS = include/dispatchalloc.h
dispatchallocincludedir = $(includedir)/dispatchalloc
dispatchallocinclude_HEADERS = \
	include/dispatchalloc/arena.h \
	include/dispatchalloc/backend.h \
	include/dispatchalloc/error.h \
	include/dispatchalloc/fixed.h \
	include/dispatchalloc/fixed_arena.h \
	include/dispatchalloc/front.h \
	include/dispatchalloc/global.h \
	include/dispatchalloc/instance.h \
	include/dispatchalloc/layout.h \
	include/dispatchalloc/macros.h \
	include/dispatchalloc/unsized.h \
	include/dispatchalloc/module.h \
	include/dispatchalloc/service.h \
	include/dispatchalloc/spec.h \
	include/dispatchalloc/stats.h \
	include/dispatchalloc/typed.h
dispatchallocallocatordir = $(includedir)/dispatchalloc/allocator
dispatchallocallocator_HEADERS = \
	include/dispatchalloc/allocator/arena.h \
	include/dispatchalloc/allocator/jemalloc.h \
	include/dispatchalloc/allocator/limits.h \
	include/dispatchalloc/allocator/mimalloc.h \
	include/dispatchalloc/allocator/system.h
nodist_dispatchallocinclude_HEADERS = include/dispatchalloc/version.h
