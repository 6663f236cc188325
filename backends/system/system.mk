# SPDX-License-Identifier: MIT
core_headers += backends/system/system.h
core_sources += backends/system/backend.c
if OS_WINDOWS
library_sources += backends/system/windows.c
else
library_sources += backends/system/posix.c
endif
EXTRA_DIST += backends/system/posix.c backends/system/windows.c
