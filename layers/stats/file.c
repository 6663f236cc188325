/* SPDX-License-Identifier: MIT */
/*
 * Counters in a file, as the JVM has them in its hsperfdata: threads count there as they do
 * elsewhere, and others read it while the process runs or after it has ended, however it did. The
 * service that makes it says what it is good for; here is what stands in it.
 *
 * They begin in memory, which the pages of the file take the place of at the first call: an
 * instance may be made and never serve, since a program chooses another, or only to see whether it
 * can be. A child of a fork begins in memory again, since its parent goes on with the file.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/global.h>

#include "../path.h"
#include "stats.h"

/* This thread as a number, which no other one has that lives; the same in the child of a fork. */
static uintptr_t this_thread(void)
{
    return (uintptr_t)&errno;
}

/* ---- Before there is one --------------------------------------------------------------------- */

static void place(struct stats_instance *instance)
{
    instance->shared = &instance->file->shared;
    instance->services->thread_record_place(&instance->record, instance->file->parts,
                                            sizeof instance->file->parts);
}

int dal_stats_file_prepare_(struct stats_instance *instance)
{
    size_t page = instance->services->page_bytes();

    dal_layer_path_make_absolute_(instance->path);
    instance->file_bytes = (sizeof *instance->file + page - 1) / page * page;
    instance->file = instance->services->pages_map(instance->file_bytes);
    if (!instance->file)
        return 0;
    memcpy(&instance->file->shared, &instance->own, sizeof instance->own);
    place(instance);
    atomic_store_explicit(&instance->maker_process, getpid(), memory_order_relaxed);
    atomic_store_explicit(&instance->file_state, STATS_FILE_WANTED, memory_order_relaxed);
    return 1;
}

static int is_made(struct stats_instance *instance)
{
    return atomic_load_explicit(&instance->file_state, memory_order_acquire) == STATS_FILE_MADE;
}

void dal_stats_file_close_(struct stats_instance *instance)
{
    if (is_made(instance))
        instance->services->file_unmap(instance->file, instance->file_bytes);
    else
        instance->services->pages_unmap(instance->file, instance->file_bytes);
}

/* ---- Making it ------------------------------------------------------------------------------- */

static int is_in(const struct stats_instance *instance, const struct dal_instance *from)
{
    for (; from; from = ((struct stats_instance *)from->alloc.ctx)->next) {
        if (from->alloc.call != dal_stats_alloc_ && from->alloc.call != dal_stats_alloc_followed_)
            return 0;
        if (from->alloc.ctx == instance)
            return 1;
    }
    return 0;
}

/* What the choice is, if this is part of it. */
static void describe(struct stats_instance *instance, struct stats_file *file)
{
    const struct dal_instance *active = dal_global_active();
    char *first_call;

    (void)instance->services->process_name(file->process, sizeof file->process);
    if (!active || !is_in(instance, active))
        return;
    (void)dal_global_explain(file->chosen, sizeof file->chosen);
    /* Which is being noted at this moment. */
    first_call = strstr(file->chosen, "sealed by: ");
    if (first_call)
        *first_call = '\0';
}

/* All but the head of another one, in which threads may be counting. */
static void copy(struct stats_file *to, const struct stats_file *from)
{
    _Atomic(uint64_t) *target = (void *)to->report;
    const _Atomic(uint64_t) *source = (const void *)from->report;
    size_t words = (sizeof *to - sizeof to->head) / sizeof *target;

    for (size_t i = 0; i < words; i++)
        atomic_store_explicit(&target[i], atomic_load_explicit(&source[i], memory_order_relaxed),
                              memory_order_relaxed);
}

_Static_assert(sizeof(struct stats_file) % 64 == 0 && DAL_FILE_HEAD_BYTES % 64 == 0,
               "it is copied by words");

/* Whether it is still for this thread to make, and no other has taken it for gone. */
static int is_maker(const struct stats_instance *instance)
{
    return atomic_load_explicit(&instance->maker, memory_order_relaxed) == this_thread();
}

/* 1, or 0 and why not, but to who is not the maker any more. Until the pages are moved other
 * threads wait, and count nothing. */
static int make(struct stats_instance *instance, const char **reason)
{
    const struct dal_services *services = instance->services;
    struct stats_file *made =
        services->file_map(instance->path[0] ? instance->path : NULL, instance->file_bytes, reason);

    if (!made)
        return 0;
    copy(made, instance->file);
    describe(instance, made);
    made->shared_bytes = sizeof made->shared;
    made->part_bytes = sizeof made->parts[0];
    made->part_count = STATS_FILE_PARTS;
    atomic_store_explicit(&made->form, STATS_FORM, memory_order_release);
    if (!is_maker(instance)) {
        services->file_unmap(made, instance->file_bytes);
        return 0;
    }
    if (services->pages_move(made, instance->file, instance->file_bytes) == 0)
        return 1;
    services->file_unmap(made, instance->file_bytes);
    *reason = "the system has no memory for it";
    return 0;
}

/* Whether who makes it is known not to be there: in a child whose fork handlers were not run only
 * one thread is. A maker that has not said yet who it is may be this thread, in a signal handler.
 */
static int is_gone(const struct stats_instance *instance, uintptr_t maker)
{
    return !maker ||
           getpid() != atomic_load_explicit(&instance->maker_process, memory_order_relaxed);
}

/* Returns 0 if another thread was quicker. */
static int take_over(struct stats_instance *instance, uintptr_t maker)
{
    if (!atomic_compare_exchange_strong_explicit(&instance->maker, &maker, this_thread(),
                                                 memory_order_relaxed, memory_order_relaxed))
        return 0;
    atomic_store_explicit(&instance->maker_process, getpid(), memory_order_relaxed);
    return 1;
}

/* Returns 1 if it does not come to an end: who makes it is gone, in a child of clone(2), and this
 * thread is to. Not at once, since a child of vfork(2) looks the same and has the threads of its
 * parent; one that is late all the same finds that it is not the maker any more. One that is there
 * and as slow, as a file system may be, keeps the file, and this thread goes on without: what it
 * counts meanwhile may be missing there. So does one that is the maker, in a signal handler. */
static int wait_for_maker(struct stats_instance *instance)
{
    const uint64_t most = UINT64_C(5000000000); /* nanoseconds */
    uint64_t start = instance->services->clock();
    uintptr_t maker;

    do {
        maker = atomic_load_explicit(&instance->maker, memory_order_relaxed);
        if (atomic_load_explicit(&instance->file_state, memory_order_acquire) !=
                STATS_FILE_MAKING ||
            maker == this_thread())
            return 0;
        (void)sched_yield();
    } while (instance->services->clock() - start < most);
    return is_gone(instance, maker) && take_over(instance, maker);
}

/* Whether this thread is to make it, now or once the one that began is gone. */
static int become_maker(struct stats_instance *instance)
{
    int wanted = STATS_FILE_WANTED;

    return (atomic_compare_exchange_strong_explicit(&instance->file_state, &wanted,
                                                    STATS_FILE_MAKING, memory_order_acquire,
                                                    memory_order_relaxed) &&
            take_over(instance, 0)) ||
           wait_for_maker(instance);
}

/* By the path that was tried, if there is one. */
__attribute__((noinline)) static void tell_missing(struct stats_instance *instance,
                                                   const char *reason)
{
    const char *wanted = instance->path[0] ? instance->path : NULL;
    char path[DAL_FILE_PATH_MAX];

    if (instance->services->file_path(wanted, path, sizeof path) > 0)
        instance->services->line("stats: cannot write to %s: %s", path, reason);
    else
        instance->services->line("stats: %s%s: %s", wanted ? "cannot write to " : "share=on",
                                 instance->path, reason);
}

void dal_stats_file_make_(struct stats_instance *instance)
{
    const char *reason = NULL;
    int made;

    if (!become_maker(instance))
        return;
    made = make(instance, &reason);
    if (!is_maker(instance))
        return;
    if (!made)
        instance->prints_to_file = 0;
    atomic_store_explicit(&instance->file_state, made ? STATS_FILE_MADE : STATS_FILE_NONE,
                          memory_order_release);
    if (!made)
        tell_missing(instance, reason);
}

/* ---- Around fork(2) -------------------------------------------------------------------------- */

/* Where this thread keeps its counts over the fork, a place that is free or its own; NULL if there
 * is none. */
static struct stats_file **place_of_fork(struct stats_instance *instance, uintptr_t holder)
{
    for (size_t i = 0; i < STATS_FORKS; i++) {
        uintptr_t found = holder;

        if (atomic_compare_exchange_strong_explicit(&instance->forks[i].thread, &found,
                                                    this_thread(), memory_order_acquire,
                                                    memory_order_relaxed))
            return &instance->forks[i].pages;
    }
    return NULL;
}

static void leave_fork(struct stats_instance *instance)
{
    for (size_t i = 0; i < STATS_FORKS; i++) {
        uintptr_t self = this_thread();

        (void)atomic_compare_exchange_strong_explicit(&instance->forks[i].thread, &self, 0,
                                                      memory_order_release, memory_order_relaxed);
    }
}

/* Whether the pages may be those of the file. They may be before that is known: another thread has
 * moved them, and was to say so next. */
static int may_be_in_file(int state)
{
    return state == STATS_FILE_MADE || state == STATS_FILE_MAKING;
}

static struct stats_file *counts_of_now(struct stats_instance *instance)
{
    struct stats_file *counts = instance->services->pages_map(instance->file_bytes);

    if (counts)
        copy(counts, instance->file);
    return counts;
}

/* The child is to have the counts of this moment: the file goes on to be the parent's. Other
 * threads may be forking too, since the C library lets go of its lock while it runs the handlers.
 */
void dal_stats_fork_prepare_(void *ctx)
{
    struct stats_instance *instance = ctx;
    int state = atomic_load_explicit(&instance->file_state, memory_order_acquire);
    struct stats_file **kept = may_be_in_file(state) ? place_of_fork(instance, 0) : NULL;

    if (kept)
        *kept = counts_of_now(instance);
    instance->calls->fork_prepare(instance->next);
}

/* Take them out again; the place is free from then on. */
static struct stats_file *counts_kept(struct stats_instance *instance)
{
    struct stats_file **kept = place_of_fork(instance, this_thread());
    struct stats_file *counts = kept ? *kept : NULL;

    if (kept)
        *kept = NULL;
    leave_fork(instance);
    return counts;
}

void dal_stats_fork_parent_(void *ctx)
{
    struct stats_instance *instance = ctx;

    instance->calls->fork_parent(instance->next);
    instance->services->pages_unmap(counts_kept(instance), instance->file_bytes);
}

/* Those that were at a fork too are not there any more. */
static void forget_other_forks(struct stats_instance *instance)
{
    for (size_t i = 0; i < STATS_FORKS; i++) {
        if (atomic_exchange_explicit(&instance->forks[i].thread, 0, memory_order_relaxed))
            instance->services->pages_unmap(instance->forks[i].pages, instance->file_bytes);
        instance->forks[i].pages = NULL;
    }
}

/* A part that a thread was given in the moment between. */
static int fill_if_empty(void *part, void *unused)
{
    struct stats_counters *counters = part;

    (void)unused;
    if (!atomic_load_explicit(&counters->recent_made[STATS_CLASSES - 1], memory_order_relaxed))
        dal_stats_fill_(part);
    return 0;
}

/* Back to memory, at the same place, where the parts of threads are known to be. */
void dal_stats_fork_child_(void *ctx)
{
    struct stats_instance *instance = ctx;
    int state = atomic_load_explicit(&instance->file_state, memory_order_relaxed);
    struct stats_file *counts = counts_kept(instance);

    instance->calls->fork_child(instance->next);
    forget_other_forks(instance);
    if (state == STATS_FILE_NONE) {
        instance->services->pages_unmap(counts, instance->file_bytes);
        return;
    }
    if (!counts && may_be_in_file(state))
        counts = counts_of_now(instance);
    if (counts && instance->services->pages_move(counts, instance->file, instance->file_bytes) != 0)
        return;
    memset(instance->file->report, 0, sizeof instance->file->report);
    (void)instance->services->thread_record_visit(&instance->record, fill_if_empty, NULL);
    dal_stats_close_words_(instance);
    atomic_store_explicit(&instance->maker_process, getpid(), memory_order_relaxed);
    atomic_store_explicit(&instance->maker, 0, memory_order_relaxed);
    atomic_store_explicit(&instance->file_state, STATS_FILE_WANTED, memory_order_relaxed);
}

/* ---- Reading one ----------------------------------------------------------------------------- */

static void copy_text(const char *text, size_t most, char *buffer, size_t bytes)
{
    size_t length = strnlen(text, most);
    size_t fitting = length < bytes ? length : bytes - 1;

    if (bytes > 0) {
        memcpy(buffer, text, fitting);
        buffer[fitting] = '\0';
    }
}

int dal_stats_file_text(const void *file, size_t bytes, const char *key, char *buffer,
                        size_t buffer_bytes)
{
    const struct stats_file *counters = file;
    struct stats_sum sum;
    int error = key ? dal_stats_sum_file_(file, bytes, &sum) : DAL_ERR_INVALID;

    if (error)
        return error;
    if (strcmp(key, "head") == 0)
        copy_text(counters->head, sizeof counters->head, buffer, buffer_bytes);
    else if (strcmp(key, "name") == 0)
        copy_text(counters->shared.name, sizeof counters->shared.name, buffer, buffer_bytes);
    else if (strcmp(key, "label") == 0)
        copy_text(counters->shared.label, sizeof counters->shared.label, buffer, buffer_bytes);
    else if (strcmp(key, "explanation") == 0)
        copy_text(counters->chosen, sizeof counters->chosen, buffer, buffer_bytes);
    else
        return DAL_ERR_UNKNOWN;
    return DAL_OK;
}
