# SPDX-License-Identifier: MIT
# The layer `limit`
core_headers += %D%/limit.h
core_sources += \
	%D%/limit.c \
	%D%/budget.c \
	%D%/family.c \
	%D%/read.c
