# SPDX-License-Identifier: MIT
# What layers share, and each of them
core_headers += \
	%D%/family.h \
	%D%/instances.h \
	%D%/path.h \
	%D%/pattern.h \
	%D%/report.h \
	%D%/sampling.h
core_sources += %D%/instances.c %D%/path.c %D%/report.c
include %D%/debug/debug.mk
include %D%/fail/fail.mk
include %D%/guard/guard.mk
include %D%/limit/limit.mk
include %D%/profile/profile.mk
include %D%/stats/stats.mk
