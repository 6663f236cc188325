# SPDX-License-Identifier: MIT
core_headers += backends/arena/chunks.h
core_sources += \
	backends/arena/arena.c \
	backends/arena/chunks.c \
	backends/arena/handle.c
