# SPDX-License-Identifier: MIT
core_sources += backends/fixed-arena/fixed_arena.c backends/fixed-arena/backend.c
