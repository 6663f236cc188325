/* SPDX-License-Identifier: MIT */
/*
 * The default: Rust's __rdl_alloc and its siblings. A table over the system allocator that
 * is complete at link time.
 */
#include <config.h>

#include <dispatchalloc/instance.h>

#include "../backends/system/system.h"
#include "builtin.h"
#include "instance.h"

#define SELF ((void *)(uintptr_t)&dal_system_instance_)

const struct dal_instance dal_system_instance_ = {
    .abi = DAL_ALLOCATOR_ABI,
    .size_bytes = sizeof(struct dal_instance),
    .name = "system",
    .alloc = {dal_system_alloc_, NULL},
    .dealloc = {dal_system_dealloc_, NULL},
    .alloc_zeroed = {dal_system_alloc_zeroed_, NULL},
    .realloc = {dal_system_realloc_, NULL},
    .grow = {dal_derived_relayout_, SELF},
    .grow_zeroed = {dal_derived_grow_zeroed_, SELF},
    .shrink = {dal_derived_relayout_, SELF},
    .resize_in_place = {dal_derived_resize_in_place_, SELF},
#if DAL_SYSTEM_KNOWS_SIZES
    .native = DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC | DAL_SLOT_ALLOC_ZEROED | DAL_SLOT_REALLOC |
              DAL_SLOT_USABLE_SIZE | DAL_SLOT_DEALLOC_UNSIZED,
    .usable_size = {dal_system_usable_size_, NULL},
    .dealloc_unsized = {dal_system_dealloc_unsized_, NULL},
    .malloc_family = &dal_system_family_,
#else
    .native = DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC | DAL_SLOT_ALLOC_ZEROED | DAL_SLOT_REALLOC,
    .usable_size = {dal_derived_usable_size_, SELF},
    .dealloc_unsized = {dal_derived_dealloc_unsized_, SELF},
#endif
    .owns = {dal_derived_owns_, SELF},
    .fork_prepare = {dal_derived_fork_, SELF},
    .fork_parent = {dal_derived_fork_, SELF},
    .fork_child = {dal_derived_fork_, SELF},
    .alloc_natural = {dal_system_alloc_natural_, NULL},
};

const struct dal_instance *dal_system(void)
{
    return &dal_system_instance_;
}
