/* SPDX-License-Identifier: MIT */
/* Threads of a case. */
#include "report.h"

static void *thread_main(void *data)
{
    struct kit_thread *thread = data;

    thread->body(thread);
    return NULL;
}

/* Each thread notes what it asks in a place of its own, keeps its own count of bytes, and
 * has its own numbers. Where many share a small capacity, NULL proves nothing: the allocator
 * may keep a share for each thread. */
static void make_thread(struct kit *kit, struct kit_thread *thread, unsigned index)
{
    thread->kit = *kit;
    thread->kit.note = &kit->report->notes[1 + index];
    thread->kit.note->phase = kit->note->phase;
    thread->kit.random = kit->random + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    thread->kit.null_is_fine = kit->profile->limited;
    thread->index = index;
}

void kit_threads_start(struct kit *kit, struct kit_crew *crew, unsigned count,
                       void (*body)(struct kit_thread *thread), void *shared)
{
    crew->count = count;
    atomic_store_explicit(&kit->report->thread_count, count, memory_order_relaxed);
    for (unsigned i = 0; i < count; i++) {
        struct kit_thread *thread = &crew->threads[i];

        make_thread(kit, thread, i);
        thread->shared = shared;
        thread->body = body;
        if (pthread_create(&thread->id, NULL, thread_main, thread) != 0)
            kit_skip(kit, "the system gave only %u threads", i);
    }
}

void kit_threads_join(struct kit *kit, struct kit_crew *crew)
{
    for (unsigned i = 0; i < crew->count; i++)
        pthread_join(crew->threads[i].id, NULL);
    atomic_store_explicit(&kit->report->thread_count, 0, memory_order_relaxed);
    kit->random += KIT_THREADS;
}

void kit_threads_run(struct kit *kit, unsigned count, void (*body)(struct kit_thread *thread),
                     void *shared)
{
    struct kit_crew crew;

    kit_threads_start(kit, &crew, count, body, shared);
    kit_threads_join(kit, &crew);
}
