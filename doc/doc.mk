# SPDX-License-Identifier: MIT
# The manual: one page a group of functions. A name that is documented on another name's
# page is installed as a link page, ".so man3/PAGE.3". Each part adds a block of its own:
#
#     man_pages += doc/man/dal_thing.3
#     man_links += dal_thing_init:dal_thing dal_thing_end:dal_thing
#
# tests/man.sh holds pages, links and headers against each other: every public function
# has a page, every name of a page a link, every prototype is the header's.
man_pages =
man_links =

man_pages += doc/man/dal_strerror.3
man_links += dal_version:dal_strerror

man_pages += doc/man/dal_handle_alloc_error.3
man_links += dal_alloc_error_hook_set:dal_handle_alloc_error

dist_man_MANS += $(man_pages)

install-data-hook:
	@$(MKDIR_P) '$(DESTDIR)$(man3dir)'
	@for link in $(man_links); do \
	  echo ".so man3/$${link#*:}.3" >'$(DESTDIR)$(man3dir)'/$${link%%:*}.3 || exit 1; \
	done

uninstall-hook:
	@for link in $(man_links); do rm -f '$(DESTDIR)$(man3dir)'/$${link%%:*}.3; done
