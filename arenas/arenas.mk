# SPDX-License-Identifier: MIT
# Arenas as objects of a program (dispatchalloc/arena.h, dispatchalloc/fixed_arena.h), and what
# memory they take much of at a time is wished to be, which the backends of their names share.
core_headers += arenas/arena/chunks.h arenas/pages.h
core_sources += arenas/arena/arena.c arenas/arena/chunks.c arenas/arena/handle.c \
	arenas/fixed-arena/fixed_arena.c arenas/pages/touch.c
if OS_WINDOWS
core_sources += arenas/pages/windows.c
else
core_sources += arenas/pages/posix.c
endif
EXTRA_DIST += arenas/pages/posix.c arenas/pages/windows.c
