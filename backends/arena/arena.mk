# SPDX-License-Identifier: MIT
# The backend. (Arenas of a program are another thing: arenas/arena/.)
core_headers += %D%/heap.h backends/pages_options.h
core_sources += \
	%D%/heap.c \
	%D%/heap_own.c \
	%D%/heap_states.c
