/* SPDX-License-Identifier: MIT */
/*
 * The hook, and the table that it starts at.
 *
 * Each function of that table resolves the choice and tail-calls the winner's: the first
 * allocation is served by it, and every later one jumps past this file.
 */
#include <config.h>

#include "hook.h"

#include <stdint.h>
#include <stdlib.h>

#include "choice.h"
#include "explain.h"
#include "instance.h"

static const struct dal_instance boot_instance;

const struct dal_instance *_Atomic dal_hook_ = &boot_instance;

/* Written by the one thread that seals; ready is stored with release after it, and loaded
 * with acquire before it is read. */
static struct dal_first_call_ first_call;
static _Atomic(int) first_call_ready;

int dal_hook_first_call_(struct dal_first_call_ *call)
{
    if (!atomic_load_explicit(&first_call_ready, memory_order_acquire))
        return 0;
    *call = first_call;
    return 1;
}

/* An allocation from inside create() of the backend that is to serve it. */
static void refuse_call_from_create(const char *backend)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set_explicit(&said, memory_order_relaxed))
        dal_log_("backend \"%s\" calls dal_* from inside its create(), which fails; it has to use "
                 "the child allocator of the request",
                 backend ? backend : "unknown");
}

const struct dal_instance *dal_hook_resolve_(size_t size, size_t align, const void *call_site)
{
    const struct dal_decision_ *decision = NULL;
    const char *creating = dal_stack_creating_();
    int first = 0;

    if (!creating)
        decision = dal_choice_seal_(&first);
    if (!decision) {
        refuse_call_from_create(creating);
        return NULL;
    }
    if (first) {
        first_call = (struct dal_first_call_){size, align, call_site};
        atomic_store_explicit(&first_call_ready, 1, memory_order_release);
        dal_explain_report_(decision);
    }
    atomic_store_explicit(&dal_hook_, decision->winner, memory_order_release);
    return decision->winner;
}

/* The front got here by a tail call, so this is the address in the program. */
#define CALL_SITE __builtin_return_address(0)

static void *boot_alloc(size_t size, size_t align, void *ctx)
{
    const struct dal_instance *table = dal_hook_resolve_(size, align, CALL_SITE);

    (void)ctx;
    return table ? dal_instance_alloc(table, size, align) : NULL;
}

static void boot_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    const struct dal_instance *table = ptr ? dal_hook_resolve_(size, align, CALL_SITE) : NULL;

    (void)ctx;
    if (table)
        dal_instance_dealloc(table, ptr, size, align);
}

static void *boot_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    const struct dal_instance *table = dal_hook_resolve_(size, align, CALL_SITE);

    (void)ctx;
    return table ? dal_instance_alloc_zeroed(table, size, align) : NULL;
}

static void *boot_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    const struct dal_instance *table = dal_hook_resolve_(new_size, align, CALL_SITE);

    (void)ctx;
    return table ? dal_instance_realloc(table, ptr, old_size, align, new_size) : NULL;
}

static void *boot_grow(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                       size_t new_align, void *ctx)
{
    const struct dal_instance *table = dal_hook_resolve_(new_size, new_align, CALL_SITE);

    (void)ctx;
    return table ? dal_instance_grow(table, ptr, old_size, old_align, new_size, new_align) : NULL;
}

static void *boot_grow_zeroed(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                              size_t new_align, void *ctx)
{
    const struct dal_instance *table = dal_hook_resolve_(new_size, new_align, CALL_SITE);

    (void)ctx;
    return table ? dal_instance_grow_zeroed(table, ptr, old_size, old_align, new_size, new_align)
                 : NULL;
}

static void *boot_shrink(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                         size_t new_align, void *ctx)
{
    const struct dal_instance *table = dal_hook_resolve_(new_size, new_align, CALL_SITE);

    (void)ctx;
    return table ? dal_instance_shrink(table, ptr, old_size, old_align, new_size, new_align) : NULL;
}

static int boot_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                void *ctx)
{
    const struct dal_instance *table = dal_hook_resolve_(new_size, align, CALL_SITE);

    (void)ctx;
    return table ? dal_instance_resize_in_place(table, ptr, old_size, align, new_size)
                 : DAL_ERR_UNSUPPORTED;
}

static size_t boot_usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    const struct dal_instance *table = dal_hook_resolve_(size, align, CALL_SITE);

    (void)ctx;
    return table ? dal_instance_usable_size(table, ptr, size, align) : size;
}

static void boot_dealloc_unsized(void *ptr, void *ctx)
{
    const struct dal_instance *table = ptr ? dal_hook_resolve_(0, 1, CALL_SITE) : NULL;

    (void)ctx;
    if (table)
        dal_instance_dealloc_unsized(table, ptr);
}

/* No block was ever handed out. */
static int boot_owns(const void *ptr, void *ctx)
{
    (void)ptr;
    (void)ctx;
    return 0;
}

static const struct dal_instance boot_instance = {
    .abi = DAL_ALLOCATOR_ABI,
    .size_bytes = sizeof(struct dal_instance),
    .name = "unresolved",
    .alloc = {boot_alloc, NULL},
    .dealloc = {boot_dealloc, NULL},
    .alloc_zeroed = {boot_alloc_zeroed, NULL},
    .realloc = {boot_realloc, NULL},
    .grow = {boot_grow, NULL},
    .grow_zeroed = {boot_grow_zeroed, NULL},
    .shrink = {boot_shrink, NULL},
    .resize_in_place = {boot_resize_in_place, NULL},
    .usable_size = {boot_usable_size, NULL},
    .dealloc_unsized = {boot_dealloc_unsized, NULL},
    .owns = {boot_owns, NULL},
    .fork_prepare = {dal_derived_fork_, NULL},
    .fork_parent = {dal_derived_fork_, NULL},
    .fork_child = {dal_derived_fork_, NULL},
    .alloc_natural = {boot_alloc, NULL},
};
