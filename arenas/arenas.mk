# SPDX-License-Identifier: MIT
# Arenas as objects of a program (dispatchalloc/arena.h, dispatchalloc/fixed_arena.h).
core_headers += %D%/arena/chunks.h
core_sources += %D%/arena/blocks.c %D%/arena/chunks.c %D%/arena/arena.c \
	%D%/fixed-arena/fixed_arena.c
