# SPDX-License-Identifier: MIT
core_headers += %D%/system.h
library_sources += %D%/backend.c
if OS_WINDOWS
library_sources += %D%/windows.c
else
library_sources += %D%/posix.c
endif
