# SPDX-License-Identifier: MIT
# The layer `debug`
core_headers += %D%/debug.h %D%/register.h
core_sources += \
	%D%/debug.c \
	%D%/block.c \
	%D%/family.c \
	%D%/register.c \
	%D%/released.c \
	%D%/quarantine.c \
	%D%/sweep.c \
	%D%/marks.c \
	%D%/fault.c \
	%D%/instances.c \
	%D%/leaks.c \
	%D%/ask.c \
	%D%/suppressions.c
