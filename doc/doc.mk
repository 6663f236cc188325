# SPDX-License-Identifier: MIT
dist_doc_DATA += doc/abi.md doc/backend-howto.md doc/design.md doc/performance.md

# For the configure.ac of a backend.
aclocaldir = $(datadir)/aclocal
dist_aclocal_DATA = m4/dispatchalloc.m4

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

man_pages += doc/man/dal_alloc.3
man_links += \
	dal_dealloc:dal_alloc \
	dal_alloc_zeroed:dal_alloc \
	dal_realloc:dal_alloc \
	dal_alloc_layout:dal_alloc \
	dal_dealloc_layout:dal_alloc \
	dal_alloc_zeroed_layout:dal_alloc \
	dal_realloc_layout:dal_alloc

man_pages += doc/man/dal_allocator.3

man_pages += doc/man/dal_instance.3
man_links += \
	dal_instance_init:dal_instance \
	dal_instance_create:dal_instance \
	dal_instance_create_spec:dal_instance \
	dal_instance_destroy:dal_instance \
	dal_system:dal_instance \
	dal_instance_alloc:dal_instance \
	dal_instance_dealloc:dal_instance \
	dal_instance_alloc_zeroed:dal_instance \
	dal_instance_realloc:dal_instance \
	dal_instance_grow:dal_instance \
	dal_instance_grow_zeroed:dal_instance \
	dal_instance_shrink:dal_instance \
	dal_instance_resize_in_place:dal_instance \
	dal_instance_usable_size:dal_instance \
	dal_instance_dealloc_unsized:dal_instance \
	dal_instance_owns:dal_instance \
	dal_instance_alloc_layout:dal_instance \
	dal_instance_dealloc_layout:dal_instance \
	dal_instance_alloc_zeroed_layout:dal_instance \
	dal_instance_realloc_layout:dal_instance \
	dal_instance_fork_prepare:dal_instance \
	dal_instance_fork_parent:dal_instance \
	dal_instance_fork_child:dal_instance \
	dal_instance_is_unsized:dal_instance \
	dal_instance_unsized_malloc:dal_instance \
	dal_instance_unsized_calloc:dal_instance \
	dal_instance_unsized_realloc:dal_instance \
	dal_instance_unsized_aligned_alloc:dal_instance \
	dal_instance_unsized_free:dal_instance \
	dal_instance_unsized_usable_size:dal_instance

man_pages += doc/man/dal_fixed.3
man_links += \
	DAL_GLOBAL_ALLOCATOR_FIXED:dal_fixed \
	dal_system_allocator:dal_fixed \
	dal_arena_allocator:dal_fixed \
	dal_jemalloc_allocator:dal_fixed \
	dal_mimalloc_allocator:dal_fixed \
	dal_arena_process_alloc:dal_fixed \
	dal_arena_process_alloc_zeroed:dal_fixed \
	dal_arena_process_dealloc:dal_fixed \
	dal_arena_process_realloc:dal_fixed \
	dal_arena_process_resize_in_place:dal_fixed

man_pages += doc/man/dal_global.3
man_links += \
	dal_global_set:dal_global \
	dal_global_set_named:dal_global \
	dal_global_set_spec:dal_global \
	dal_global_set_strict:dal_global \
	dal_global_name:dal_global \
	dal_global_source:dal_global \
	dal_global_is_sealed:dal_global \
	dal_global_active:dal_global \
	dal_global_explain:dal_global \
	DAL_GLOBAL_ALLOCATOR:dal_global \
	DAL_FORBID_ENVIRONMENT:dal_global

man_pages += doc/man/dal_backend.3
man_links += \
	dal_backend_register:dal_backend \
	dal_backend_option:dal_backend \
	dal_request_value:dal_backend \
	DAL_NEEDS:dal_backend \
	dal_backend_find:dal_backend \
	dal_backend_visit:dal_backend

man_pages += doc/man/dal_services.3
man_links += dal_thread_record_part:dal_services

man_pages += doc/man/dal_module_visit.3
man_links += DAL_MODULE:dal_module_visit

man_pages += doc/man/dal_spec_visit.3
man_links += dal_spec_item_value:dal_spec_visit

man_pages += doc/man/dal_strerror.3
man_links += dal_version:dal_strerror dal_version_number:dal_strerror

man_pages += doc/man/dal_handle_alloc_error.3
man_links += dal_alloc_error_hook_set:dal_handle_alloc_error

man_pages += doc/man/dal_layout.3
man_links += \
	dal_layout_make:dal_layout \
	dal_layout_unchecked:dal_layout \
	dal_layout_is_valid:dal_layout \
	dal_layout_of:dal_layout \
	dal_layout_array:dal_layout \
	dal_layout_array_of:dal_layout \
	dal_layout_align_to:dal_layout \
	dal_layout_padding_needed_for:dal_layout \
	dal_layout_pad_to_align:dal_layout \
	dal_layout_extend:dal_layout \
	dal_layout_extend_packed:dal_layout \
	dal_layout_repeat:dal_layout \
	dal_layout_repeat_packed:dal_layout \
	dal_layout_dangling:dal_layout

man_pages += doc/man/dal_new.3
man_links += \
	dal_new_zeroed:dal_new \
	dal_delete:dal_new \
	dal_array_new:dal_new \
	dal_array_new_zeroed:dal_new \
	dal_array_resize:dal_new \
	dal_array_delete:dal_new \
	dal_strdup:dal_new \
	dal_strndup:dal_new \
	dal_string_delete:dal_new \
	dal_instance_new:dal_new \
	dal_instance_new_zeroed:dal_new \
	dal_instance_delete:dal_new \
	dal_instance_array_new:dal_new \
	dal_instance_array_new_zeroed:dal_new \
	dal_instance_array_resize:dal_new \
	dal_instance_array_delete:dal_new \
	dal_instance_strdup:dal_new \
	dal_instance_strndup:dal_new \
	dal_instance_string_delete:dal_new

man_pages += doc/man/dal_unsized_malloc.3
man_links += \
	dal_unsized_aligned_alloc:dal_unsized_malloc \
	dal_unsized_calloc:dal_unsized_malloc \
	dal_unsized_free:dal_unsized_malloc \
	dal_unsized_usable_size:dal_unsized_malloc \
	dal_unsized_posix_memalign:dal_unsized_malloc \
	dal_unsized_realloc:dal_unsized_malloc \
	dal_unsized_reallocarray:dal_unsized_malloc

man_pages += doc/man/dal_fixed_arena.3
man_links += \
	DAL_FIXED_ARENA_INIT:dal_fixed_arena \
	DAL_FIXED_ARENA_ALLOCATOR:dal_fixed_arena \
	dal_fixed_arena_alloc:dal_fixed_arena \
	dal_fixed_arena_alloc_zeroed:dal_fixed_arena \
	dal_fixed_arena_dealloc:dal_fixed_arena \
	dal_fixed_arena_realloc:dal_fixed_arena \
	dal_fixed_arena_used:dal_fixed_arena \
	dal_fixed_arena_remaining:dal_fixed_arena \
	dal_fixed_arena_capacity:dal_fixed_arena \
	dal_fixed_arena_of:dal_fixed_arena

man_pages += doc/man/dal_arena.3
man_links += \
	DAL_ARENA_INIT:dal_arena \
	dal_arena_init:dal_arena \
	dal_arena_init_sized:dal_arena \
	dal_arena_create:dal_arena \
	dal_arena_create_sized:dal_arena \
	dal_arena_destroy:dal_arena \
	dal_arena_alloc:dal_arena \
	dal_arena_alloc_zeroed:dal_arena \
	dal_arena_alloc_array:dal_arena \
	dal_arena_new:dal_arena \
	dal_arena_new_zeroed:dal_arena \
	dal_arena_array_new:dal_arena \
	dal_arena_memdup:dal_arena \
	dal_arena_strdup:dal_arena \
	dal_arena_dealloc:dal_arena \
	dal_arena_realloc:dal_arena \
	dal_arena_resize_in_place:dal_arena \
	dal_arena_checkpoint_take:dal_arena \
	dal_arena_rewind:dal_arena \
	dal_arena_reset:dal_arena \
	dal_arena_owns:dal_arena \
	dal_arena_stats_read:dal_arena \
	dal_arena_stats_read_sized:dal_arena \
	dal_arena_instance:dal_arena

man_pages += doc/man/dal_stats.3
man_links += \
	dal_stats_get:dal_stats \
	dal_stats_visit:dal_stats \
	dal_stats_read:dal_stats \
	dal_stats_reset_peak:dal_stats

man_pages += doc/man/dispatchalloc.1

man_pages += doc/man/dispatchalloc.7

dist_man_MANS += $(man_pages)

install-data-hook: install-man-links
install-man-links:
	@$(MKDIR_P) '$(DESTDIR)$(man3dir)'
	@for link in $(man_links); do \
	  echo ".so man3/$${link#*:}.3" >'$(DESTDIR)$(man3dir)'/$${link%%:*}.3 || exit 1; \
	done

uninstall-hook: uninstall-man-links
uninstall-man-links:
	@for link in $(man_links); do rm -f '$(DESTDIR)$(man3dir)'/$${link%%:*}.3; done
.PHONY: install-man-links uninstall-man-links
