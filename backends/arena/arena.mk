# SPDX-License-Identifier: MIT
# The backend. (Arenas of a program are another thing: arenas/arena/.)
core_headers += backends/arena/heap.h
core_sources += \
	backends/arena/heap.c \
	backends/arena/heap_own.c \
	backends/arena/heap_states.c
if OS_WINDOWS
core_sources += backends/arena/windows.c
else
core_sources += backends/arena/posix.c
endif
EXTRA_DIST += backends/arena/posix.c backends/arena/windows.c
