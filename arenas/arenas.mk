# SPDX-License-Identifier: MIT
# Arenas as objects of a program (dispatchalloc/arena.h, dispatchalloc/fixed_arena.h).
core_headers += arenas/arena/chunks.h
core_sources += arenas/arena/arena.c arenas/arena/chunks.c arenas/arena/handle.c \
	arenas/fixed-arena/fixed_arena.c
