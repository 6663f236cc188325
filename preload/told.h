/* SPDX-License-Identifier: MIT */
/*
 * What C++ and C23 say of a block beyond what malloc's family is told: by which operator it comes
 * and goes, of what size and alignment. It is handed on to a family that wants to know
 * (make_function and end_function of struct dal_malloc_family), such as that of the layer `debug`.
 */
#ifndef DAL_PRELOAD_TOLD_H
#define DAL_PRELOAD_TOLD_H

#include <dispatchalloc/instance.h>

struct dal_told_ {
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

/* Once, before any call, with a family that has both functions: what hands on to it. */
const struct dal_told_ *dal_told_start_(const struct dal_malloc_family *family);

#endif /* DAL_PRELOAD_TOLD_H */
