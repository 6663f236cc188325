# SPDX-License-Identifier: MIT
# The backend. (Arenas of a program are another thing: arenas/arena/.)
core_headers += backends/arena/heap.h backends/pages_options.h
core_sources += \
	backends/arena/heap.c \
	backends/arena/heap_own.c \
	backends/arena/heap_states.c
