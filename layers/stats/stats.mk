# SPDX-License-Identifier: MIT
# The layer `stats`
core_headers += %D%/stats.h
core_sources += \
	%D%/stats.c \
	%D%/family.c \
	%D%/count.c \
	%D%/total.c \
	%D%/keys.c \
	%D%/report.c
if OS_WINDOWS
core_sources += %D%/windows.c
else
core_sources += %D%/posix.c
endif
