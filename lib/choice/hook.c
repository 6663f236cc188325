/* SPDX-License-Identifier: MIT */
/*
 * The hook, and the table that it starts at.
 *
 * Each function of that table resolves the choice and tail-calls the winner's: the first
 * allocation is served by it, and every later one jumps past this file.
 */
#include <config.h>

#include "choice/hook.h"

#include <stdint.h>
#include <stdlib.h>

#include "choice/choice.h"
#include "choice/announce.h"
#include "chain/slots.h"

static const struct dal_instance boot_instance;

const struct dal_instance *_Atomic dal_hook_ = &boot_instance;

/* An allocation from inside create() of the backend that is to serve it, or before there is any. */
static void refuse_call_from_start(const char *backend)
{
    static atomic_flag said[2] = {ATOMIC_FLAG_INIT, ATOMIC_FLAG_INIT};

    if (atomic_flag_test_and_set_explicit(&said[backend != NULL], memory_order_relaxed))
        return;
    if (backend)
        dal_log_("backend \"%s\" calls dal_* from inside its create(), which fails; it has to use "
                 "the child allocator of the request",
                 backend);
    else
        dal_log_("dal_* is called from inside the start of the library, such as by a constructor "
                 "of a module that it opens, which fails");
}

const struct dal_instance *dal_hook_resolve_(size_t size, size_t align, const void *call_site)
{
    const struct dal_decision_ *decision = NULL;
    const struct dal_instance *winner;
    const char *creating = dal_stack_creating_();
    int first = 0;

    if (!creating)
        decision = dal_choice_seal_(&first);
    if (!decision) {
        refuse_call_from_start(creating);
        return NULL;
    }
    if (first) {
        dal_choice_note_first_call_(&(struct dal_first_call_){size, align, call_site});
        dal_announce_report_(decision);
    }
    winner = dal_decision_winner_(decision);
    atomic_store_explicit(&dal_hook_, winner, memory_order_release);
    return winner;
}

#define SITE_alloc        DAL_CALL_SITE_
#define SITE_dealloc      DAL_CALL_SITE_
#define SITE_alloc_zeroed DAL_CALL_SITE_
#define SITE_realloc      DAL_CALL_SITE_OF_FIVE_

#define BOOT(slot, result, parameters, call, site, is_first, size_, align_, without) \
    static result boot_##slot(DAL_LIST_ parameters, void *ctx)                       \
    {                                                                                \
        const struct dal_instance *table =                                           \
            is_first ? dal_hook_resolve_(size_, align_, site) : NULL;                \
                                                                                     \
        (void)ctx;                                                                   \
        return table ? call : without;                                               \
    }
#define BOOT_HEAD(slot, bit, result, parameters, arguments, is_first, size, align, without) \
    BOOT(slot, result, parameters, table->slot.call(DAL_LIST_ arguments, table->slot.ctx),  \
         SITE_##slot, is_first, size, align, without)
#define BOOT_TAIL(slot, bit, result, parameters, arguments, is_first, size, align, without) \
    BOOT(slot, result, parameters, dal_instance_##slot(table, DAL_LIST_ arguments),         \
         DAL_CALL_SITE_OF_FIVE_, is_first, size, align, without)
DAL_SLOTS_(BOOT_HEAD, BOOT_TAIL, DAL_SKIP_)

#define NAME_BOOT(slot, ...) .slot = {boot_##slot, NULL},
#define NAME_FORK(slot)      .slot = {dal_derived_fork_, NULL},

static const struct dal_tail_ boot_tail = {DAL_SLOTS_(DAL_SKIP_, NAME_BOOT, NAME_FORK)};

/* clang-format off */
static const struct dal_instance boot_instance = {
    .name = "unresolved",
    .tail_ = &boot_tail,
    DAL_SLOTS_(NAME_BOOT, DAL_SKIP_, DAL_SKIP_)
    .alloc_natural = {boot_alloc, NULL},
};
/* clang-format on */
