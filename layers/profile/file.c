/* SPDX-License-Identifier: MIT */
/*
 * Where what is found lies: in memory, which the pages of a file take the place of at the first
 * sample, since an instance may be made and never serve. A child of a fork begins in memory again,
 * and has a file of its own, since its parent goes on with this one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../path.h"
#include "profile.h"

/* This thread as a number, which no other one has that lives; the same in the child of a fork. */
static uintptr_t this_thread(void)
{
    return (uintptr_t)&errno;
}

/* ---- Before there is one --------------------------------------------------------------------- */

static size_t index_bytes(const struct profile_instance *instance)
{
    return ((size_t)1 << instance->index_bits) * sizeof *instance->index;
}

static void describe(struct profile_instance *instance, uint32_t site_count, int is_on)
{
    struct profile_file *file = instance->file;

    file->module_bytes = sizeof file->modules[0];
    file->module_count = PROFILE_MODULES;
    file->site_bytes =
        (uint32_t)(sizeof(struct profile_site) + instance->frames * sizeof(struct profile_frame));
    file->site_count = site_count;
    file->every = instance->every;
    file->start_ns = dal_profile_time_of_day_();
    file->clock_at_start = instance->services->clock();
    file->has_lifetimes = instance->has_lifetimes != 0;
    file->memory_bytes = instance->file_bytes + index_bytes(instance) +
                         dal_profile_live_bytes_(instance) + sizeof *instance;
    (void)instance->services->process_name(file->process, sizeof file->process);
    atomic_store_explicit(&file->is_on, is_on != 0, memory_order_relaxed);
    atomic_store_explicit(&file->sites_used, 1, memory_order_relaxed);
    atomic_store_explicit(&file->form, PROFILE_FORM, memory_order_release);
}

int dal_profile_file_open_(struct profile_instance *instance, uint32_t site_count, int is_on)
{
    size_t page = instance->services->page_bytes();
    size_t site_bytes =
        sizeof(struct profile_site) + instance->frames * sizeof(struct profile_frame);

    instance->file_bytes =
        (sizeof *instance->file + site_count * site_bytes + page - 1) / page * page;
    instance->file = instance->services->pages_map(instance->file_bytes);
    while ((size_t)1 << instance->index_bits < 2 * (size_t)site_count)
        instance->index_bits++;
    instance->index = instance->services->pages_map(index_bytes(instance));
    if (!instance->file || !instance->index) {
        instance->services->pages_unmap(instance->file, instance->file_bytes);
        instance->services->pages_unmap(instance->index, index_bytes(instance));
        return 0;
    }
    describe(instance, site_count, is_on);
    if (instance->path[0]) {
        dal_layer_path_make_absolute_(instance->path);
        atomic_store_explicit(&instance->file_state, PROFILE_FILE_WANTED, memory_order_relaxed);
    }
    return 1;
}

void dal_profile_file_close_(struct profile_instance *instance)
{
    if (atomic_load_explicit(&instance->file_state, memory_order_acquire) == PROFILE_FILE_MADE)
        instance->services->file_unmap(instance->file, instance->file_bytes);
    else
        instance->services->pages_unmap(instance->file, instance->file_bytes);
    instance->services->pages_unmap(instance->index, index_bytes(instance));
}

/* ---- Making it ------------------------------------------------------------------------------- */

/* All but the head of another one, as far as it is used: the rest is zero. Threads may be counting
 * there. */
static void copy(struct profile_file *to, const struct profile_file *from)
{
    uint64_t used = atomic_load_explicit(&from->sites_used, memory_order_relaxed);
    size_t words = (sizeof *from - sizeof from->head + used * from->site_bytes) / sizeof(uint64_t);
    _Atomic(uint64_t) *target = (void *)((char *)to + sizeof to->head);
    const _Atomic(uint64_t) *source = (const void *)((const char *)from + sizeof from->head);

    for (size_t i = 0; i < words; i++)
        atomic_store_explicit(&target[i], atomic_load_explicit(&source[i], memory_order_relaxed),
                              memory_order_relaxed);
}

_Static_assert(sizeof(struct profile_site) % sizeof(uint64_t) == 0, "it is copied by words");

static void tell_missing(struct profile_instance *instance, const char *reason)
{
    char path[DAL_FILE_PATH_MAX];

    if (instance->services->file_path(instance->path, path, sizeof path) == 0)
        (void)snprintf(path, sizeof path, "%s", instance->path);
    instance->services->line("profile: cannot write to %s: %s", path, reason);
}

static int make(struct profile_instance *instance)
{
    const char *reason = NULL;
    struct profile_file *made =
        instance->services->file_map(instance->path, instance->file_bytes, &reason);

    if (instance->is_inherited)
        dal_profile_settle_(instance);
    instance->is_inherited = 0;
    if (made) {
        copy(made, instance->file);
        (void)instance->services->process_name(made->process, sizeof made->process);
        if (instance->services->pages_move(made, instance->file, instance->file_bytes) == 0)
            return 1;
        instance->services->file_unmap(made, instance->file_bytes);
        reason = "the system has no memory for it";
    }
    tell_missing(instance, reason);
    return 0;
}

/* Nobody counts in the memory meanwhile, since whoever counts comes here first. Acquire and
 * release: between those that make it. */
__attribute__((noinline, cold)) static int make_or_leave(struct profile_instance *instance)
{
    uintptr_t nobody = 0;
    int state;

    if (!atomic_compare_exchange_strong_explicit(&instance->maker, &nobody, this_thread(),
                                                 memory_order_acquire, memory_order_relaxed))
        return 0;
    state = atomic_load_explicit(&instance->file_state, memory_order_relaxed);
    if (state == PROFILE_FILE_WANTED) {
        state = make(instance) ? PROFILE_FILE_MADE : PROFILE_FILE_NONE;
        atomic_store_explicit(&instance->file_state, state, memory_order_release);
    }
    atomic_store_explicit(&instance->maker, 0, memory_order_release);
    return state != PROFILE_FILE_LOST;
}

int dal_profile_file_make_(struct profile_instance *instance)
{
    return DAL_LIKELY_(atomic_load_explicit(&instance->file_state, memory_order_acquire) <
                       PROFILE_FILE_WANTED) ||
           make_or_leave(instance);
}

static uintptr_t maker_of(const struct profile_instance *instance)
{
    return atomic_load_explicit(&instance->maker, memory_order_relaxed);
}

/* Whoever makes it waits for nobody. A handler in that very thread does not wait either: what it
 * allocates is not sampled, and what ends there may be live for ever. */
int dal_profile_file_await_(struct profile_instance *instance)
{
    while (!dal_profile_file_make_(instance)) {
        uintptr_t maker = maker_of(instance);

        if (maker == this_thread() ||
            (!maker && atomic_load_explicit(&instance->file_state, memory_order_acquire) ==
                           PROFILE_FILE_LOST))
            return 0;
        dal_profile_yield_();
    }
    return 1;
}

/* ---- Around fork(2) -------------------------------------------------------------------------- */

static struct profile_file *copy_in_memory(struct profile_instance *instance)
{
    struct profile_file *copied = instance->services->pages_map(instance->file_bytes);

    if (copied)
        copy(copied, instance->file);
    return copied;
}

/* The child is to have the counts of this moment, when the blocks that it has were live. Of threads
 * that fork at the same time one has them, the others' children those of a little later. */
void dal_profile_fork_prepare_(void *ctx)
{
    struct profile_instance *instance = ctx;
    uintptr_t nobody = 0;

    if (atomic_load_explicit(&instance->file_state, memory_order_acquire) == PROFILE_FILE_MADE &&
        atomic_compare_exchange_strong_explicit(&instance->forking, &nobody, this_thread(),
                                                memory_order_acquire, memory_order_relaxed))
        instance->kept = copy_in_memory(instance);
    instance->calls->fork_prepare(instance->next);
}

/* What this thread has kept, or NULL. */
static struct profile_file *take_kept(struct profile_instance *instance)
{
    struct profile_file *kept = NULL;

    if (atomic_load_explicit(&instance->forking, memory_order_relaxed) == this_thread()) {
        kept = instance->kept;
        instance->kept = NULL;
        atomic_store_explicit(&instance->forking, 0, memory_order_release);
    }
    return kept;
}

void dal_profile_fork_parent_(void *ctx)
{
    struct profile_instance *instance = ctx;

    instance->calls->fork_parent(instance->next);
    instance->services->pages_unmap(take_kept(instance), instance->file_bytes);
}

/* The children of a server that forks are not to sample the same calls, all of them, or none. */
static int forget_gap(void *part, void *unused)
{
    (void)unused;
    ((struct profile_part *)part)->random = 0;
    ((struct profile_part *)part)->rest = 0;
    ((struct profile_part *)part)->clock = 0;
    return 0;
}

/* Sites and modules that another thread has added since the copy was made may be in the child's
 * index already. */
static void copy_what_came(struct profile_file *to, const struct profile_file *from)
{
    uint64_t used = atomic_load_explicit(&from->sites_used, memory_order_relaxed);

    for (size_t i = 0; i < PROFILE_MODULES; i++) {
        if (atomic_load_explicit(&from->modules[i].state, memory_order_acquire) !=
            PROFILE_MODULE_FILLED)
            atomic_store_explicit(&to->modules[i].state, PROFILE_MODULE_UNUSED,
                                  memory_order_relaxed);
        else if (atomic_load_explicit(&to->modules[i].state, memory_order_relaxed) !=
                 PROFILE_MODULE_FILLED)
            memcpy(&to->modules[i], &from->modules[i], sizeof to->modules[i]);
    }
    for (size_t i = 0; i < used; i++) {
        struct profile_site *site = profile_site_at(to, i);
        const struct profile_site *came = profile_site_at(from, i);

        memcpy(site, came, offsetof(struct profile_site, samples));
        memcpy(site->frames, came->frames, from->site_bytes - sizeof *site);
    }
    atomic_store_explicit(&to->sites_used, used, memory_order_relaxed);
}

/* Back to memory, at the same place, unless it is there still. Without memory for that it counts
 * nothing any more: the file is its parent's. */
void dal_profile_fork_child_(void *ctx)
{
    struct profile_instance *instance = ctx;
    int was_made =
        atomic_load_explicit(&instance->file_state, memory_order_relaxed) == PROFILE_FILE_MADE ||
        maker_of(instance);
    struct profile_file *counts = take_kept(instance);

    instance->calls->fork_child(instance->next);
    (void)instance->services->thread_record_visit(&instance->record, forget_gap, NULL);
    dal_profile_clock_ = 0;
    atomic_store_explicit(&instance->forking, 0, memory_order_relaxed);
    atomic_store_explicit(&instance->adds_point, 0, memory_order_relaxed);
    atomic_store_explicit(&instance->maker, 0, memory_order_relaxed);
    if (!was_made)
        return;
    counts = counts ? counts : copy_in_memory(instance);
    if (counts)
        copy_what_came(counts, instance->file);
    if (counts &&
        instance->services->pages_move(counts, instance->file, instance->file_bytes) == 0) {
        instance->is_inherited = 1;
        atomic_store_explicit(&instance->file_state, PROFILE_FILE_WANTED, memory_order_relaxed);
        return;
    }
    instance->services->pages_unmap(counts, instance->file_bytes);
    memset(instance->filter, 0, sizeof instance->filter);
    atomic_store_explicit(&instance->file_state, PROFILE_FILE_LOST, memory_order_relaxed);
}
