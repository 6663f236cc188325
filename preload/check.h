/* SPDX-License-Identifier: MIT */
/*
 * The family that `run --check` puts between the program and the allocator that serves: each
 * block is registered, and each pointer that comes back is looked up. What is no live block
 * is reported and goes no further: free does nothing, realloc returns NULL with errno EINVAL,
 * malloc_usable_size 0. A wrong size or alignment is reported, and the block goes back.
 *
 * Whether a block of new comes back by free is not looked at.
 */
#ifndef DAL_PRELOAD_CHECK_H
#define DAL_PRELOAD_CHECK_H

#include <dispatchalloc/instance.h>

/* Besides the family, what knows more than free does: other names, and promises. */
struct dal_check_ {
    struct dal_malloc_family family;
    void (*free_sized)(void *ptr, size_t size);
    void (*free_aligned_sized)(void *ptr, size_t align, size_t size);
    void *(*new_plain)(size_t size);
    void *(*new_aligned)(size_t align, size_t size);
    void (*delete_plain)(void *ptr);
    void (*delete_sized)(void *ptr, size_t size);
    void (*delete_aligned)(void *ptr, size_t align);
    void (*delete_sized_aligned)(void *ptr, size_t size, size_t align);
    void (*delete_array)(void *ptr);
    void (*delete_array_sized)(void *ptr, size_t size);
    void (*delete_array_aligned)(void *ptr, size_t align);
    void (*delete_array_sized_aligned)(void *ptr, size_t size, size_t align);
};

/* Once, before any call: the functions, over the family that serves. */
const struct dal_check_ *dal_check_start_(const struct dal_malloc_family *served);

#endif /* DAL_PRELOAD_CHECK_H */
