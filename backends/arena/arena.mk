# SPDX-License-Identifier: MIT
# Handles (dispatchalloc/arena.h), and the backend, which is another thing (heap.h).
core_headers += backends/arena/chunks.h backends/arena/heap.h
core_sources += \
	backends/arena/arena.c \
	backends/arena/chunks.c \
	backends/arena/handle.c \
	backends/arena/heap.c \
	backends/arena/heap_own.c \
	backends/arena/heap_states.c
if OS_WINDOWS
core_sources += backends/arena/windows.c
else
core_sources += backends/arena/posix.c
endif
EXTRA_DIST += backends/arena/posix.c backends/arena/windows.c
