# SPDX-License-Identifier: MIT
# The layer `fail`
core_headers += %D%/fail.h
core_sources += \
	%D%/fail.c \
	%D%/rules.c \
	%D%/watch.c \
	%D%/family.c
# A test in one call, and reading a record, which are for programs.
library_sources += %D%/each.c %D%/read.c
