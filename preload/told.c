/* SPDX-License-Identifier: MIT */
/* Handing on what calls say. See told.h. */
#include <config.h>

#include "told.h"

#include <stdint.h>

#include "early.h"

/* Written by the interposer's constructor, while there is one thread. */
static const struct dal_malloc_family *family;

/* The exported functions that release get here by a jump, so this is the address in the program;
 * operator new calls, and it is in that. */
#define SITE __builtin_return_address(0)

static void *told_new(size_t size)
{
    return family->make_function(size, DAL_MIN_ALIGN, DAL_MALLOC_CALL_NEW, SITE);
}

static void *told_new_aligned(size_t align, size_t size)
{
    return family->make_function(size, align, DAL_MALLOC_CALL_NEW_ALIGNED, SITE);
}

static void end(void *ptr, size_t size, size_t align, uint32_t call, const void *site)
{
    if (!dal_early_has_(ptr))
        family->end_function(ptr, size, align, call, site);
}

static void told_free_sized(void *ptr, size_t size)
{
    end(ptr, size, 0, DAL_MALLOC_CALL_FREE_SIZED, SITE);
}

static void told_free_aligned_sized(void *ptr, size_t align, size_t size)
{
    end(ptr, size, align, DAL_MALLOC_CALL_FREE_ALIGNED_SIZED, SITE);
}

#define DELETE(suffix, call)                                                        \
    static void told_##suffix(void *ptr)                                            \
    {                                                                               \
        end(ptr, SIZE_MAX, 0, call, SITE);                                          \
    }                                                                               \
    static void told_##suffix##_sized(void *ptr, size_t size)                       \
    {                                                                               \
        end(ptr, size, 0, call, SITE);                                              \
    }                                                                               \
    static void told_##suffix##_aligned(void *ptr, size_t align)                    \
    {                                                                               \
        end(ptr, SIZE_MAX, align, call, SITE);                                      \
    }                                                                               \
    static void told_##suffix##_sized_aligned(void *ptr, size_t size, size_t align) \
    {                                                                               \
        end(ptr, size, align, call, SITE);                                          \
    }

DELETE(delete, DAL_MALLOC_CALL_DELETE)
DELETE(delete_array, DAL_MALLOC_CALL_DELETE_ARRAY)

const struct dal_told_ *dal_told_start_(const struct dal_malloc_family *wants_to_know)
{
    static const struct dal_told_ told = {
        .free_sized = told_free_sized,
        .free_aligned_sized = told_free_aligned_sized,
        .new_plain = told_new,
        .new_aligned = told_new_aligned,
        .delete_plain = told_delete,
        .delete_sized = told_delete_sized,
        .delete_aligned = told_delete_aligned,
        .delete_sized_aligned = told_delete_sized_aligned,
        .delete_array = told_delete_array,
        .delete_array_sized = told_delete_array_sized,
        .delete_array_aligned = told_delete_array_aligned,
        .delete_array_sized_aligned = told_delete_array_sized_aligned,
    };

    family = wants_to_know;
    return &told;
}
