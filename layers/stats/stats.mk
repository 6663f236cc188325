# SPDX-License-Identifier: MIT
# The layer `stats`
core_headers += %D%/stats.h
core_sources += \
	%D%/stats.c \
	%D%/family.c \
	%D%/count.c \
	%D%/lifetime.c \
	%D%/total.c \
	%D%/keys.c \
	%D%/report.c \
	%D%/file.c
