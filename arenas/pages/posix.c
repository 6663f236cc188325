/* SPDX-License-Identifier: MIT */
/* Pages as a POSIX system has them, with what Linux adds to it. See pages.h. */
#include "../pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* What most processors have, for a system that does not tell. */
#define USUAL_HUGE_BYTES ((size_t)2 << 20)
#define HUGE_BYTES_FILE "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- Huge pages -------------------------------------------------------------------- */

#ifdef MADV_HUGEPAGE
/* The number in a file of one line, or 0. */
static size_t number_in(const char *path)
{
    char text[32];
    size_t number = 0;
    ssize_t length = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return 0;
    length = read(file, text, sizeof text);
    (void)close(file);
    for (ssize_t i = 0; i < length && text[i] >= '0' && text[i] <= '9'; i++)
        number = number * 10 + (size_t)(text[i] - '0');
    return number;
}

size_t dal_pages_huge_bytes_(void)
{
    static _Atomic size_t known;
    size_t bytes = atomic_load_explicit(&known, memory_order_relaxed);
    int saved_errno = errno;

    if (bytes > 0)
        return bytes;
    bytes = number_in(HUGE_BYTES_FILE);
    if (bytes < page_bytes() || (bytes & (bytes - 1)) != 0)
        bytes = USUAL_HUGE_BYTES;
    atomic_store_explicit(&known, bytes, memory_order_relaxed);
    errno = saved_errno;
    return bytes;
}
#else
size_t dal_pages_huge_bytes_(void)
{
    return 0;
}
#endif

/* The units that lie in the memory altogether: where they begin, and *bytes of them. */
static uintptr_t whole_units(const void *base, size_t *bytes, size_t unit)
{
    uintptr_t end = ((uintptr_t)base + *bytes) & ~(uintptr_t)(unit - 1);
    uintptr_t start = ((uintptr_t)base + (unit - 1)) & ~(uintptr_t)(unit - 1);

    *bytes = end > start ? end - start : 0;
    return start;
}

#if defined MADV_HUGEPAGE || defined MADV_POPULATE_WRITE
/* 0 if the advice was taken for all units in the memory, or there are none. */
static int advise(const void *base, size_t bytes, size_t unit, int advice)
{
    uintptr_t start = whole_units(base, &bytes, unit);

    return bytes > 0 ? madvise((void *)start, bytes, advice) : 0;
}
#endif

static void wish_huge(const void *base, size_t bytes, int huge)
{
#ifdef MADV_HUGEPAGE
    if (huge == DAL_PAGES_ADVISE_)
        (void)advise(base, bytes, dal_pages_huge_bytes_(), MADV_HUGEPAGE);
    else if (huge == DAL_PAGES_NEVER_)
        (void)advise(base, bytes, page_bytes(), MADV_NOHUGEPAGE);
#else
    (void)base;
    (void)bytes;
    (void)huge;
#endif
}

/* ---- Presence ---------------------------------------------------------------------- */

/* Pages at the ends belong to others as well, and only our bytes of them are touched. An old
 * system does not know the advice (EINVAL). Where it fails for another reason, there is no
 * memory: touching it could end the process, which may never need that much. */
static void prefault(void *base, size_t bytes)
{
    size_t page = page_bytes();

#ifdef MADV_POPULATE_WRITE
    int failed = advise(base, bytes, page, MADV_POPULATE_WRITE) != 0;

    if (failed && errno != EINVAL)
        return;
    if (!failed) {
        dal_pages_touch_(base, 1, page);
        dal_pages_touch_((char *)base + bytes - 1, 1, page);
        return;
    }
#endif
    dal_pages_touch_(base, bytes, page);
}

void dal_pages_prepare_(void *base, size_t bytes, struct dal_pages_wish_ wish)
{
    int saved_errno = errno;

    if (wish.huge != DAL_PAGES_DEFAULT_)
        wish_huge(base, bytes, wish.huge);
    if (wish.prefault)
        prefault(base, bytes);
    errno = saved_errno;
}
