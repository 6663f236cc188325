# SPDX-License-Identifier: MIT
dist_doc_DATA += doc/abi.md doc/backend-howto.md doc/design.md doc/fail-each.md doc/faults.md doc/performance.md \
	doc/platforms.md doc/profiling.md doc/symptoms.md

# What doc/profiling.md shows.
picturesdir = $(docdir)/pictures
dist_pictures_DATA = doc/pictures/profile-page-dark.png doc/pictures/profile-page-light.png \
	doc/pictures/profile-svg-dark.png doc/pictures/profile-svg-light.png

# For the configure.ac of a backend.
aclocaldir = $(datadir)/aclocal
dist_aclocal_DATA = m4/dispatchalloc.m4

# The manual: one page a group of functions. Each other name in the NAME section of a page is
# installed as a link page, ".so man3/PAGE.3". tests/man.sh holds pages and headers against each
# other: every public function has a page, every prototype is the header's.
man_pages = \
	doc/man/dal_alloc.3 \
	doc/man/dal_allocator.3 \
	doc/man/dal_arena.3 \
	doc/man/dal_backend.3 \
	doc/man/dal_debug.3 \
	doc/man/dal_fail.3 \
	doc/man/dal_fixed.3 \
	doc/man/dal_fixed_arena.3 \
	doc/man/dal_global.3 \
	doc/man/dal_guard.3 \
	doc/man/dal_profile.3 \
	doc/man/dal_handle_alloc_error.3 \
	doc/man/dal_instance.3 \
	doc/man/dal_layout.3 \
	doc/man/dal_limit.3 \
	doc/man/dal_module_visit.3 \
	doc/man/dal_new.3 \
	doc/man/dal_services_get.3 \
	doc/man/dal_spec_visit.3 \
	doc/man/dal_stats.3 \
	doc/man/dal_strerror.3 \
	doc/man/dal_unsized_malloc.3 \
	doc/man/dispatchalloc.1 \
	doc/man/dispatchalloc.7
dist_man_MANS += $(man_pages)
EXTRA_DIST += doc/man-links.awk

man_links = $(AWK) -f $(srcdir)/doc/man-links.awk $(man_pages:%=$(srcdir)/%)
install-data-hook: install-man-links
install-man-links:
	@$(MKDIR_P) '$(DESTDIR)$(man3dir)'
	@$(man_links) | while read -r name page; do \
	  echo ".so man3/$$page" >'$(DESTDIR)$(man3dir)'/$$name.3 || exit 1; \
	done
uninstall-hook: uninstall-man-links
uninstall-man-links:
	@$(man_links) | while read -r name page; do rm -f '$(DESTDIR)$(man3dir)'/$$name.3; done
.PHONY: install-man-links uninstall-man-links
