# SPDX-License-Identifier: MIT
# The layer `profile`
core_headers += %D%/profile.h
core_sources += \
	%D%/profile.c \
	%D%/family.c \
	%D%/sample.c \
	%D%/live.c \
	%D%/point.c \
	%D%/site.c \
	%D%/module.c \
	%D%/file.c
if OS_WINDOWS
core_sources += %D%/windows.c
else
core_sources += %D%/posix.c
endif
# Reading a file, which is for programs.
library_sources += %D%/read.c
