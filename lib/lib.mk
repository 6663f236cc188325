# SPDX-License-Identifier: MIT
# The core, a room each, bottom to top. A file includes what is in its own room and in those before
# it: "ROOM/FILE.h". (tests/structure.sh reads the order here.) The core is linked into the library
# and into the interposer. What is in library_sources the interposer does without, has another file
# in the place of (lib/base/product.h), or compiles for itself (preload/preload.mk).
lib_rooms = shared os base stack installed service spec registry chain choice front

# What the command and the interposer know as well. Headers only.
core_headers += lib/shared/choice.h lib/shared/control.h lib/shared/file_head.h lib/shared/image.h \
	lib/shared/image_symbols.h lib/shared/interposed_names.h lib/shared/note.h lib/shared/number.h \
	lib/shared/search.h lib/shared/status.h \
	lib/shared/variable_names.h

# The operating system and the object format: nobody else asks which they are.
core_headers += lib/os/os.h
if OS_WINDOWS
core_sources += lib/os/windows.c lib/os/no-link-choice.c lib/os/no-veto.c
else
core_headers += lib/os/lines.h lib/os/mapping.h lib/os/trust.h
core_sources += lib/os/posix.c lib/os/posix_frames.c lib/os/posix_pages.c lib/os/posix_stderr.c \
	lib/os/posix_file.c lib/os/posix_trust.c lib/os/mapping.c lib/os/lines.c
endif
if HAVE_DL_ITERATE_PHDR
core_sources += lib/os/elf.c
else
core_sources += lib/os/no-elf.c
endif

# Texts, errors, layouts, versions of structures.
core_headers += lib/base/abi.h lib/base/copies.h lib/base/malloc_rules.h lib/base/nearest.h \
	lib/base/product.h lib/base/text.h
core_sources += lib/base/text.c lib/base/error.c lib/base/layout.c lib/base/malloc_rules.c lib/base/nearest.c \
	lib/base/abi.c lib/base/copies.c

# Stacks of calls: followed, kept, told.
core_headers += lib/os/frames.h lib/stack/address_text.h lib/stack/frame_rule.h lib/stack/frame_text.h lib/stack/stack_table.h \
	lib/stack/stacks.h lib/stack/symbol.h lib/stack/walk.h lib/stack/walk_again.h
core_sources += lib/stack/address_text.c lib/stack/frame_rule.c lib/stack/frame_text.c lib/stack/stack_table.c lib/stack/stacks.c \
	lib/stack/walk.c lib/stack/walk_again.c
if HAVE_DL_ITERATE_PHDR
core_sources += lib/stack/symbol.c
endif

# What was installed with the library, and what the command does for a process.
core_headers += lib/installed/command.h
if OS_WINDOWS
core_sources += lib/installed/no-command.c
else
core_headers += lib/installed/loader_trust.h lib/os/command.h
core_sources += lib/os/posix_command.c lib/installed/command.c lib/installed/loader_trust.c
endif

# What the library does for all backends and layers.
core_headers += lib/service/service.h
core_sources += lib/service/services.c lib/service/thread_end.c lib/service/thread_record.c

# From a text to items and checked values.
core_headers += lib/spec/options.h lib/spec/spec.h lib/spec/variables.h
core_sources += lib/spec/spec.c lib/spec/options.c lib/spec/variables.c

# Backends by name: registered, built in, in a file.
core_headers += lib/registry/builtin.h lib/registry/loader.h lib/registry/registry.h
core_sources += lib/registry/builtin.c lib/registry/registry.c
if !OS_WINDOWS
core_headers += lib/registry/dlopen.h
core_sources += lib/registry/loader.c
library_sources += lib/registry/dlopen.c
endif

# Tables without holes, and stacks of them.
core_headers += lib/chain/fork.h lib/chain/headed.h lib/chain/instance.h lib/chain/respell.h lib/chain/slots.h lib/chain/stack.h
core_sources += lib/chain/derive.c lib/chain/instance.c lib/chain/fork.c lib/chain/headed.c lib/chain/respell.c lib/chain/stack.c
library_sources += lib/chain/system_instance.c

# Who serves.
core_headers += lib/choice/announce.h lib/choice/choice.h lib/choice/hook.h \
	lib/choice/link_choice.h
core_sources += lib/choice/choice.c lib/choice/announce.c lib/choice/hook.c \
	lib/choice/global_instance.c
library_sources += lib/choice/library.c lib/choice/link_choice.c

# What programs call.
core_headers += lib/front/family.h lib/front/instance_unsized.h
core_sources += lib/front/front.c lib/front/instance_calls.c lib/front/family.c \
	lib/front/instance_unsized.c lib/front/unsized.c lib/front/global.c lib/front/create.c
library_sources += lib/front/fixed.c lib/front/inline_symbols.c

# Installed for use, and not below DESTDIR for a package, the loader has to find it.
# (libtool's own advice, a page for each directory of libraries, is silenced in Makefile.am.)
EXTRA_DIST += lib/ldconfig.sh
loader = test -n '$(DESTDIR)$(DAL_NO_LOADER)' || LDCONFIG='$(LDCONFIG)' PKG_CONFIG='$(PKG_CONFIG)' \
	$(SHELL) $(srcdir)/lib/ldconfig.sh
install-exec-hook: install-loader
install-loader:
	@$(loader) refresh '$(libdir)'
# Last, after all that make prints.
install-data-hook: advise-loader
advise-loader:
	@$(loader) advise '$(libdir)' '$(includedir)'
uninstall-hook: uninstall-loader
uninstall-loader:
	@$(loader) refresh '$(libdir)'
.PHONY: install-loader advise-loader uninstall-loader
