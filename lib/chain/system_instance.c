/* SPDX-License-Identifier: MIT */
/*
 * The default: Rust's __rdl_alloc and its siblings. A table over the system allocator that
 * is complete at link time.
 */
#include <config.h>

#include <dispatchalloc/instance.h>

#include "../../backends/system/system.h"
#include "registry/builtin.h"
#include "chain/slots.h"

/* The derived slots first, and in their place what the system has of its own. */
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
# pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif

#if DAL_SYSTEM_KNOWS_SIZES
# define NATIVE_UNSIZED (DAL_SLOT_USABLE_SIZE | DAL_SLOT_DEALLOC_UNSIZED)
#else
# define NATIVE_UNSIZED UINT64_C(0)
#endif

/* clang-format off */
static const struct dal_tail_ system_tail = {
    DAL_DERIVED_TAIL_
#if DAL_SYSTEM_KNOWS_SIZES
    .usable_size = {dal_system_usable_size_, NULL},
    .dealloc_unsized = {dal_system_dealloc_unsized_, NULL},
    .malloc_family = &dal_system_family_,
#endif
};
/* clang-format on */

const struct dal_instance dal_system_instance_ = {
    .native = DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC | DAL_SLOT_ALLOC_ZEROED | DAL_SLOT_REALLOC |
              NATIVE_UNSIZED,
    .name = "system",
    .tail_ = &system_tail,
    .alloc = {dal_system_alloc_, NULL},
    .dealloc = {dal_system_dealloc_, NULL},
    .alloc_zeroed = {dal_system_alloc_zeroed_, NULL},
    .realloc = {dal_system_realloc_, NULL},
    .alloc_natural = {dal_system_alloc_natural_, NULL},
};

const struct dal_instance *dal_system(void)
{
    return &dal_system_instance_;
}
