# SPDX-License-Identifier: MIT
# The layer `stats`
core_headers += layers/family.h %D%/stats.h
core_sources += \
	%D%/stats.c \
	%D%/family.c \
	%D%/count.c \
	%D%/total.c \
	%D%/keys.c \
	%D%/report.c \
	%D%/file.c
