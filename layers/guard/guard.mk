# SPDX-License-Identifier: MIT
# The layer `guard`
core_headers += %D%/guard.h %D%/signals.h
core_sources += \
	%D%/guard.c \
	%D%/family.c \
	%D%/sample.c \
	%D%/pool.c \
	%D%/queue.c \
	%D%/fault.c
if OS_WINDOWS
core_sources += %D%/windows.c
else
core_sources += %D%/posix.c %D%/signals.c
endif
