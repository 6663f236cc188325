# SPDX-License-Identifier: MIT
core_sources += %D%/backend.c
