# SPDX-License-Identifier: MIT
# The public headers. tests/headers.sh compiles each of them alone.
include_HEADERS = %D%/dispatchalloc.h
dispatchallocincludedir = $(includedir)/dispatchalloc
dispatchallocinclude_HEADERS = \
	%D%/dispatchalloc/arena.h \
	%D%/dispatchalloc/backend.h \
	%D%/dispatchalloc/debug.h \
	%D%/dispatchalloc/error.h \
	%D%/dispatchalloc/fail.h \
	%D%/dispatchalloc/fixed.h \
	%D%/dispatchalloc/fixed_arena.h \
	%D%/dispatchalloc/front.h \
	%D%/dispatchalloc/global.h \
	%D%/dispatchalloc/guard.h \
	%D%/dispatchalloc/instance.h \
	%D%/dispatchalloc/layout.h \
	%D%/dispatchalloc/limit.h \
	%D%/dispatchalloc/macros.h \
	%D%/dispatchalloc/unsized.h \
	%D%/dispatchalloc/module.h \
	%D%/dispatchalloc/profile.h \
	%D%/dispatchalloc/service.h \
	%D%/dispatchalloc/spec.h \
	%D%/dispatchalloc/stats.h \
	%D%/dispatchalloc/typed.h
dispatchallocallocatordir = $(includedir)/dispatchalloc/allocator
dispatchallocallocator_HEADERS = \
	%D%/dispatchalloc/allocator/arena.h \
	%D%/dispatchalloc/allocator/jemalloc.h \
	%D%/dispatchalloc/allocator/limits.h \
	%D%/dispatchalloc/allocator/mimalloc.h \
	%D%/dispatchalloc/allocator/over_malloc.h \
	%D%/dispatchalloc/allocator/system.h
nodist_dispatchallocinclude_HEADERS = %D%/dispatchalloc/version.h
