# SPDX-License-Identifier: MIT
# Huge pages and pages that are present, for the arenas.
core_headers += backends/pages.h
core_sources += backends/pages/touch.c
if OS_WINDOWS
core_sources += backends/pages/windows.c
else
core_sources += backends/pages/posix.c
endif
EXTRA_DIST += backends/pages/posix.c backends/pages/windows.c
