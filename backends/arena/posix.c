/* SPDX-License-Identifier: MIT */
/* What the backend `arena` needs of a POSIX system. See heap.h. */
#include "heap.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#if !defined MAP_ANONYMOUS && defined MAP_ANON
# define MAP_ANONYMOUS MAP_ANON
#endif

/* The one key of the process, and 1 more, so that 0 is none. It is never deleted: threads
 * may end after the last heap. */
static _Atomic size_t key_plus_one;

static void at_thread_exit(void *unused)
{
    (void)unused;
    dal_heap_leave_();
}

/* pthread_once would leave a child of fork waiting for a thread that it does not have. */
int dal_heap_exit_prepare_(void)
{
    size_t expected = 0;
    pthread_key_t key;

    if (atomic_load_explicit(&key_plus_one, memory_order_relaxed) != 0)
        return 0;
    if (pthread_key_create(&key, at_thread_exit) != 0)
        return -1;
    if (!atomic_compare_exchange_strong_explicit(&key_plus_one, &expected, (size_t)key + 1,
                                                 memory_order_relaxed, memory_order_relaxed))
        (void)pthread_key_delete(key);
    return 0;
}

void dal_heap_exit_watch_(void)
{
    size_t plus_one;

    /* The heap of the process has no create() that would have done it. */
    if (dal_heap_exit_prepare_() != 0)
        return;
    plus_one = atomic_load_explicit(&key_plus_one, memory_order_relaxed);
    (void)pthread_setspecific((pthread_key_t)(plus_one - 1), &key_plus_one);
}

void *dal_heap_pages_(size_t bytes)
{
    int saved_errno = errno;
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    errno = saved_errno;
    return pages == MAP_FAILED ? NULL : pages;
}
