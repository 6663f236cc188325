/* SPDX-License-Identifier: MIT */
/*
 * malloc and its family in a layer, over the family of the wrapped allocator, which knows its
 * blocks by their addresses. No block gets a header for it, and what resizes in place goes on to do
 * so. Who gives a block back does not say how large it was asked for: what a layer goes by is the
 * usable size, which the allocator tells of every block at any time.
 *
 * To be included once in a layer, by the file that has its functions, after that has declared
 *
 *     static struct layer_instance *family_serving(void);  which instance they stand for
 *
 * which the first call of a function is to find, and it alone. Then CHILD(malloc_function)(size)
 * calls the function below, and family_instance() is that instance.
 */
#ifndef LAYERS_FAMILY_H
#define LAYERS_FAMILY_H

#include "instances.h"

/* What the functions, which have no ctx, stand for: the instance that serves, and the functions of
 * the allocator below it. The first call finds them; they never change after, since who serves does
 * not. Release, the instance before the functions; the functions are loaded with acquire, so that
 * who calls one finds the instance as well; and so is the instance, for who looks at it before. */
static _Atomic(struct layer_instance *) family_found;

/* (The library has such a list, which is private.) */
#define FAMILY_FUNCTIONS(X)                                                 \
    X(void *, malloc, (size_t size), (size), return)                        \
    X(void, free, (void *ptr), (ptr), )                                     \
    X(void *, calloc, (size_t count, size_t size), (count, size), return)   \
    X(void *, realloc, (void *ptr, size_t size), (ptr, size), return)       \
    X(void *, memalign, (size_t align, size_t size), (align, size), return) \
    X(size_t, usable_size, (void *ptr), (ptr), return)

#define FAMILY_DECLARE_(result, name, parameters, arguments, give) \
    static result family_boot_##name parameters;
FAMILY_FUNCTIONS(FAMILY_DECLARE_)

static struct {
#define FAMILY_MEMBER_(result, name, parameters, arguments, give) \
    result(*_Atomic name##_function) parameters;
    FAMILY_FUNCTIONS(FAMILY_MEMBER_)
} family_child = {family_boot_malloc,  family_boot_free,     family_boot_calloc,
                  family_boot_realloc, family_boot_memalign, family_boot_usable_size};

#define CHILD(function) atomic_load_explicit(&family_child.function, memory_order_acquire)

static inline struct layer_instance *family_instance(void)
{
    return atomic_load_explicit(&family_found, memory_order_acquire);
}

/* Where another layer has a family over ours, the one that serves cannot be asked for it. Threads
 * that come here at once find the same. */
static const struct dal_malloc_family *family_find(void)
{
    struct layer_instance *instance = family_serving();

    atomic_store_explicit(&family_found, instance, memory_order_release);
#define FAMILY_STORE_(result, name, parameters, arguments, give)                                 \
    atomic_store_explicit(&family_child.name##_function, instance->child_family.name##_function, \
                          memory_order_release);
    FAMILY_FUNCTIONS(FAMILY_STORE_)
    return &instance->child_family;
}

#define FAMILY_BOOT_(result, name, parameters, arguments, give) \
    static result family_boot_##name parameters                 \
    {                                                           \
        give family_find()->name##_function arguments;          \
    }
FAMILY_FUNCTIONS(FAMILY_BOOT_)

#endif /* LAYERS_FAMILY_H */
