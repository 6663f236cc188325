# SPDX-License-Identifier: MIT
# The layer `stats`
core_headers += layers/stats/stats.h
core_sources += \
	layers/stats/stats.c \
	layers/stats/family.c \
	layers/stats/count.c \
	layers/stats/total.c \
	layers/stats/keys.c \
	layers/stats/report.c
if OS_WINDOWS
core_sources += layers/stats/windows.c
else
core_sources += layers/stats/posix.c
endif
EXTRA_DIST += layers/stats/posix.c layers/stats/windows.c
