/* SPDX-License-Identifier: MIT */
/* Faults that show when an allocator is the global one of a process, as backends that this
 * program registers before anything else runs, also in the fresh processes of the kit. */
#include "tests/faulty/faulty.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* ---- Shuts down in an exit handler -------------------------------------------------- */

static atomic_int shut;

static void shut_down(void)
{
    atomic_store_explicit(&shut, 1, memory_order_relaxed);
}

static void *until_exit(size_t size, size_t align, void *ctx)
{
    return atomic_load_explicit(&shut, memory_order_relaxed) ? NULL : good_alloc(size, align, ctx);
}

static int create_closing(const struct dal_backend_request *request,
                          struct dal_allocator *allocator)
{
    (void)request;
    atexit(shut_down);
    allocator->alloc = until_exit;
    allocator->dealloc = good_dealloc;
    return 0;
}

/* ---- Keeps its lock across fork ----------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void take_lock(void)
{
    pthread_mutex_lock(&lock);
}

static void give_lock_back(void)
{
    pthread_mutex_unlock(&lock);
}

static void *locked_alloc(size_t size, size_t align, void *ctx)
{
    void *ptr;

    take_lock();
    ptr = good_alloc(size, align, ctx);
    give_lock_back();
    return ptr;
}

/* Each fork finds it locked, and nobody thinks of the child. */
static void lock_at_fork(void)
{
    pthread_atfork(take_lock, give_lock_back, NULL);
}

static int create_locked(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)request;
    pthread_once(&once, lock_at_fork);
    allocator->alloc = locked_alloc;
    allocator->dealloc = good_dealloc;
    return 0;
}

static const struct dal_backend closing = {
    DAL_BACKEND_HEADER,       .name = "closing",
    .version = "0",           .summary = "shuts down in an exit handler",
    .create = create_closing,
};

static const struct dal_backend locked = {
    DAL_BACKEND_HEADER,      .name = "locked",
    .version = "0",          .summary = "keeps its lock across fork",
    .create = create_locked,
};

/* Before the kit's own constructor. */
__attribute__((constructor(101))) static void register_all(void)
{
    if (dal_backend_register(&closing) != 0 || dal_backend_register(&locked) != 0)
        abort();
}

const struct faulty faulty_processes[] = {
    {.name = "shuts down in an exit handler",
     .found_by = "serves_before_and_after_main",
     .got = "NULL for size",
     .spec = "closing"},
    {.name = "keeps its lock across fork",
     .found_by = "serves_the_front_around_fork",
     .got = "it hangs",
     .likely = "fork_child",
     .spec = "locked"},
    {.name = NULL},
};
