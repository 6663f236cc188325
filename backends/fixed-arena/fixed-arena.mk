# SPDX-License-Identifier: MIT
core_sources += backends/fixed-arena/backend.c
