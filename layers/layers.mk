# SPDX-License-Identifier: MIT
# The layer `stats`
core_headers += layers/stats.h
core_sources += \
	layers/stats.c \
	layers/stats_family.c \
	layers/stats_count.c \
	layers/stats_counters.c \
	layers/stats_total.c \
	layers/stats_keys.c \
	layers/stats_report.c
if OS_WINDOWS
core_sources += layers/stats_windows.c
else
core_sources += layers/stats_posix.c
endif
EXTRA_DIST += layers/stats_posix.c layers/stats_windows.c
