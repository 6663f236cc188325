/* SPDX-License-Identifier: MIT */
/*
 * In which process calls fail, and what is recorded of them: for who runs a program again and
 * again, each time with another call failing (`dispatchalloc fail-each`). A record tells by which
 * stacks the calls of a run come, and in a run with one that fails which stack that was: numbers of
 * stacks are a process's own, so what two runs share is the numbers of calls and the text of
 * frames.
 */
#include <errno.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/stats.h>

#include "fail.h"

/* ---- From options ---------------------------------------------------------------------------- */

static void take_text(const struct dal_backend_request *request, const char *key, char *text,
                      size_t bytes)
{
    const char *given = request->find(request, key)->text;

    (void)snprintf(text, bytes, "%s", given ? given : "");
}

int dal_fail_watch_take_(const struct dal_backend_request *request, struct fail_instance *instance)
{
    struct fail_watch *watch = &instance->watch;
    int records = layer_is_given(request, "record");

    if (layer_is_given(request, "stacks") && !records)
        return request->fail(request, DAL_ERR_OPTION,
                             "option \"stacks\" is for \"record\", which is not given");
    watch->services = request->services;
    watch->process = layer_number(request, "process");
    watch->frames = (unsigned)layer_number(request, "stacks");
    take_text(request, "program", watch->program, sizeof watch->program);
    take_text(request, "record", watch->path, sizeof watch->path);
    watch->is_wanted = records || watch->process || *watch->program;
    watch->records_all = records && !instance->rules.has_all && !layer_is_given(request, "nth") &&
                         !layer_is_given(request, "every") && !layer_is_given(request, "rate");
    if (records && request->services->stacks_prepare() == DAL_ERR_MEMORY)
        return request->fail(request, DAL_ERR_MEMORY, "there is no memory for its stacks");
    return DAL_OK;
}

/* ---- Which process --------------------------------------------------------------------------- */

/* Name, in "4711 (name)". */
static int is_program(const char *process, const char *name)
{
    const char *at = strchr(process, '(');
    size_t length = strlen(name);

    return at && strncmp(at + 1, name, length) == 0 && strcmp(at + 1 + length, ")") == 0;
}

static void tell_missing(const struct fail_watch *watch, const char *reason)
{
    char path[DAL_FILE_PATH_MAX];

    if (watch->services->file_path(watch->path, path, sizeof path) == 0)
        (void)snprintf(path, sizeof path, "%s", watch->path);
    watch->services->line("fail: cannot write to %s: %s", path, reason);
}

/* NULL after a line that says why. */
static struct fail_file *make_record(struct fail_watch *watch, const char *process)
{
    size_t page = watch->services->page_bytes();
    uint64_t stacks = watch->records_all ? FAIL_STACKS : FAIL_STACKS_FAILED;
    size_t bytes = sizeof(struct fail_file) + stacks * sizeof(struct fail_stack);
    const char *reason;
    struct fail_file *file;

    watch->file_bytes = (bytes + page - 1) / page * page;
    file = watch->services->file_map(watch->path, watch->file_bytes, &reason);
    if (!file) {
        tell_missing(watch, reason);
        return NULL;
    }
    (void)snprintf(file->process, sizeof file->process, "%s", process);
    file->stack_bytes = sizeof file->stacks[0];
    file->stack_count = stacks;
    atomic_store_explicit(&file->form, FAIL_FORM, memory_order_release);
    return file;
}

static enum fail_place look(struct fail_watch *watch)
{
    char process[FAIL_PROCESS_BYTES];

    (void)watch->services->process_name(process, sizeof process);
    if ((watch->process && strtoull(process, NULL, 10) != watch->process) ||
        (*watch->program && !is_program(process, watch->program)))
        return FAIL_ELSEWHERE;
    if (*watch->path)
        watch->file = make_record(watch, process);
    return FAIL_HERE;
}

/* By the first call that counts, and not when an instance is made: it may never serve. Other
 * threads' calls pass meanwhile: nobody may wait, since a handler in the very thread that looks may
 * be who asks. (Before a program has threads it has allocated.) */
int dal_fail_is_here_(struct fail_watch *watch)
{
    int saved_errno = errno;
    int place = FAIL_UNKNOWN;

    if (atomic_compare_exchange_strong_explicit(&watch->place, &place, FAIL_LOOKING,
                                                memory_order_acquire, memory_order_acquire)) {
        place = (int)look(watch);
        atomic_store_explicit(&watch->place, place, memory_order_release);
        errno = saved_errno;
    }
    return place == FAIL_HERE;
}

/* It shares the pages of the record with its parent, whose they are. */
void dal_fail_fork_child_(void *ctx)
{
    struct fail_instance *instance = ctx;

    atomic_store_explicit(&instance->watch.place, FAIL_ELSEWHERE, memory_order_release);
    instance->calls->fork_child(instance->next);
}

/* ---- Recording ------------------------------------------------------------------------------- */

static void raise_to(_Atomic(uint64_t) *most, uint64_t number)
{
    uint64_t seen = atomic_load_explicit(most, memory_order_relaxed);

    while (number > seen && !atomic_compare_exchange_weak_explicit(
                                most, &seen, number, memory_order_relaxed, memory_order_relaxed))
        ;
}

/* 0 is none yet: numbers begin with 1. */
static void lower_to(_Atomic(uint64_t) *least, uint64_t number)
{
    uint64_t seen = atomic_load_explicit(least, memory_order_relaxed);

    while ((!seen || number < seen) &&
           !atomic_compare_exchange_weak_explicit(least, &seen, number, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

/* That of a stack, or one that is taken for it; NULL if all are taken. */
static struct fail_stack *place_of(struct fail_file *file, uint32_t stack)
{
    uint64_t home = stack * UINT64_C(0x9e3779b97f4a7c15) >> 32;

    for (uint64_t i = 0; stack && i < file->stack_count; i++) {
        struct fail_stack *place = &file->stacks[(home + i) & (file->stack_count - 1)];
        uint32_t found = 0;

        if (atomic_compare_exchange_strong_explicit(&place->stack, &found, stack,
                                                    memory_order_relaxed, memory_order_relaxed) ||
            found == stack)
            return place;
    }
    return NULL;
}

/* Whole lines only. */
static void put_stack(const struct fail_watch *watch, uint32_t stack, char *text, size_t bytes)
{
    const void *const *places;
    size_t count = watch->services->stack_places(stack, &places);
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        size_t length =
            watch->services->frame_text((unsigned)i, places[i], text + used, bytes - used);

        if (length >= bytes - used) {
            text[used] = '\0';
            return;
        }
        used += length;
    }
}

/* What is live is known by a layer `stats` right below. */
static void put_failed(struct fail_instance *instance, const struct fail_call *call, uint32_t stack)
{
    struct fail_file *file = instance->watch.file;
    struct dal_stats live = DAL_STATS_INIT;

    if (dal_stats_read(instance->next, &live) == DAL_OK) {
        file->live_blocks = live.live_blocks;
        file->live_bytes = live.live_bytes;
    }
    file->size = call->size;
    put_stack(&instance->watch, stack, file->stack, sizeof file->stack);
    atomic_store_explicit(&file->nth, call->number, memory_order_release);
}

void dal_fail_record_(struct fail_instance *instance, const struct fail_call *call, int has_failed)
{
    struct fail_watch *watch = &instance->watch;
    uint32_t stack = watch->services->stack_capture(call->site, watch->frames);
    struct fail_stack *place = place_of(watch->file, stack);

    raise_to(&watch->file->calls, call->number);
    if (place) {
        lower_to(&place->first, call->number);
        raise_to(&place->last, call->number);
        atomic_fetch_add_explicit(&place->calls, 1, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(&watch->file->lost, 1, memory_order_relaxed);
    }
    if (has_failed && !atomic_exchange_explicit(&watch->is_failed, 1, memory_order_relaxed))
        put_failed(instance, call, stack);
}

/* ---- The end --------------------------------------------------------------------------------- */

void dal_fail_watch_end_(void *ctx)
{
    struct fail_watch *watch = &((struct fail_instance *)ctx)->watch;

    /* That of a parent is the parent's to close. */
    if (atomic_load_explicit(&watch->place, memory_order_acquire) == FAIL_HERE)
        watch->services->file_unmap(watch->file, watch->file_bytes);
}

/* The lowest priority that a program may use, so that its own destructors run before. */
__attribute__((destructor(101))) static void note_end(void)
{
    for (struct layer_instance *i = dal_layer_newest_at_exit_(&dal_fail_instances_); i;
         i = dal_layer_older_(i)) {
        struct fail_watch *watch = &((struct fail_instance *)i)->watch;

        if (atomic_load_explicit(&watch->place, memory_order_acquire) == FAIL_HERE && watch->file)
            atomic_store_explicit(&watch->file->ended, 1, memory_order_relaxed);
    }
}
