# SPDX-License-Identifier: MIT
# The core, bottom to top.
core_headers += \
	lib/builtin.h \
	lib/choice.h \
	lib/compat/compat.h \
	lib/copies.h \
	lib/environment.h \
	lib/explain.h \
	lib/family.h \
	lib/fork.h \
	lib/hook.h \
	lib/instance.h \
	lib/known.h \
	lib/link_choice.h \
	lib/loader.h \
	lib/loader_trust.h \
	lib/nearest.h \
	lib/options.h \
	lib/registry.h \
	lib/slots.h \
	lib/spec.h \
	lib/stack.h \
	lib/status.h \
	lib/structure.h \
	lib/text.h
core_sources += \
	lib/text.c \
	lib/error.c \
	lib/layout.c \
	lib/nearest.c \
	lib/structure.c \
	lib/copies.c \
	lib/spec.c \
	lib/options.c \
	lib/derive.c \
	lib/instance.c \
	lib/calls.c \
	lib/builtin.c \
	lib/registry.c \
	lib/fork.c \
	lib/stack.c \
	lib/fallback.c \
	lib/environment.c \
	lib/choice.c \
	lib/explain.c \
	lib/hook.c \
	lib/forward.c \
	lib/front.c \
	lib/family.c \
	lib/known.c \
	lib/unsized.c \
	lib/global.c \
	lib/make.c
if OS_WINDOWS
core_sources += lib/compat/windows.c lib/compat/no-link-choice.c lib/compat/no-veto.c
else
core_sources += lib/compat/posix.c lib/compat/mapping.c lib/compat/mapping.h lib/loader.c lib/loader_trust.c
endif
if HAVE_DL_ITERATE_PHDR
core_sources += lib/compat/elf.c
else
core_sources += lib/compat/no-elf.c
endif
EXTRA_DIST += lib/compat/elf.c lib/compat/no-elf.c lib/loader.c lib/loader_trust.c lib/compat/mapping.c lib/compat/mapping.h \
	lib/compat/posix.c lib/compat/windows.c

# What the interposer has another file for (preload/preload.mk).
library_sources += lib/link_choice.c lib/fixed.c lib/inline.c
