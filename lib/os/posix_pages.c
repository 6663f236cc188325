/* SPDX-License-Identifier: MIT */
/* Pages as a POSIX system has them, with what Linux adds to it. See os.h for the preconditions. */
#include <config.h>

#include "os/os.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/service.h>

#include "os/lines.h"
#include "shared/number.h"

#if !defined MAP_ANONYMOUS && defined MAP_ANON
# define MAP_ANONYMOUS MAP_ANON
#endif

size_t dal_os_page_bytes_(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- Mapping --------------------------------------------------------------------------------- */

/* LeakSanitizer looks for pointers in blocks of malloc and in data, not in mappings: without a
 * word from us it would take for a leak what a backend has from malloc and only its table
 * knows. Defined by the sanitizer's run-time alone. */
void __lsan_register_root_region(const void *begin, size_t bytes) __attribute__((weak));
void __lsan_unregister_root_region(const void *begin, size_t bytes) __attribute__((weak));

static void *map_pages(size_t bytes, int protection)
{
    int saved_errno = errno;
    void *pages = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    errno = saved_errno;
    if (pages == MAP_FAILED)
        return NULL;
    if (__lsan_register_root_region)
        __lsan_register_root_region(pages, bytes);
    return pages;
}

void *dal_os_map_(size_t bytes)
{
    return map_pages(bytes, PROT_READ | PROT_WRITE);
}

void *dal_os_reserve_(size_t bytes)
{
    return map_pages(bytes, PROT_NONE);
}

void dal_os_unmap_(void *pages, size_t bytes)
{
    int saved_errno = errno;

    if (!pages)
        return;
    if (__lsan_unregister_root_region)
        __lsan_unregister_root_region(pages, bytes);
    (void)munmap(pages, bytes);
    errno = saved_errno;
}

int dal_os_move_(void *from, void *to, size_t bytes)
{
    int saved_errno = errno;
    int failed = 1;

#ifdef MREMAP_FIXED
    failed = mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED;
#else
    (void)from;
    (void)to;
    (void)bytes;
#endif
    errno = saved_errno;
    return failed ? DAL_ERR_SYSTEM : DAL_OK;
}

int dal_os_protect_(void *pages, size_t bytes, uint32_t access)
{
    static const int rights[] = {
        [DAL_PAGES_NO_ACCESS] = PROT_NONE,
        [DAL_PAGES_READ] = PROT_READ,
        [DAL_PAGES_READ_WRITE] = PROT_READ | PROT_WRITE,
    };
    int saved_errno = errno;
    int failed = access > DAL_PAGES_READ_WRITE || mprotect(pages, bytes, rights[access]) != 0;

    errno = saved_errno;
    return failed ? DAL_ERR_SYSTEM : DAL_OK;
}

/* ---- Huge pages ------------------------------------------------------------------------------ */

/* What most processors have, for a system that does not tell. */
#define USUAL_HUGE_BYTES ((size_t)2 << 20)
#define HUGE_BYTES_FILE  "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"

#ifdef MADV_HUGEPAGE
/* The number in a file of one line, or 0. */
static size_t number_in(const char *path)
{
    struct dal_os_lines_ lines;
    char line[32];
    uint64_t number = 0;

    if (!dal_os_lines_open_(&lines, path))
        return 0;
    if (dal_os_lines_next_(&lines, line, sizeof line))
        (void)dal_number_parse_(line, 0, &number);
    dal_os_lines_close_(&lines);
    return (size_t)number;
}

size_t dal_os_huge_page_bytes_(void)
{
    static _Atomic size_t known;
    size_t bytes = atomic_load_explicit(&known, memory_order_relaxed);
    int saved_errno = errno;

    if (bytes > 0)
        return bytes;
    bytes = number_in(HUGE_BYTES_FILE);
    if (bytes < dal_os_page_bytes_() || (bytes & (bytes - 1)) != 0)
        bytes = USUAL_HUGE_BYTES;
    atomic_store_explicit(&known, bytes, memory_order_relaxed);
    errno = saved_errno;
    return bytes;
}
#else
size_t dal_os_huge_page_bytes_(void)
{
    return 0;
}
#endif

/* The units that lie in the memory altogether: where they begin, and *bytes of them. */
static uintptr_t whole_units(const void *memory, size_t *bytes, size_t unit)
{
    uintptr_t end = ((uintptr_t)memory + *bytes) & ~(uintptr_t)(unit - 1);
    uintptr_t start = ((uintptr_t)memory + (unit - 1)) & ~(uintptr_t)(unit - 1);

    *bytes = end > start ? end - start : 0;
    return start;
}

#if defined MADV_HUGEPAGE || defined MADV_POPULATE_WRITE
/* 0 if the advice was taken for all units in the memory, or there are none. */
static int advise(const void *memory, size_t bytes, size_t unit, int advice)
{
    uintptr_t start = whole_units(memory, &bytes, unit);

    return bytes > 0 ? madvise((void *)start, bytes, advice) : 0;
}
#endif

/* ---- Wishes ---------------------------------------------------------------------------------- */

/* Pages at the ends belong to others as well, and only our bytes of them are touched. An old
 * system does not know the advice (EINVAL). Where it fails for another reason, there is no
 * memory: touching it could end the process, which may never need that much. */
static void make_present(void *memory, size_t bytes)
{
    size_t page = dal_os_page_bytes_();

#ifdef MADV_POPULATE_WRITE
    int failed = advise(memory, bytes, page, MADV_POPULATE_WRITE) != 0;

    if (failed && errno != EINVAL)
        return;
    if (!failed) {
        dal_os_touch_(memory, 1, page);
        dal_os_touch_((char *)memory + bytes - 1, 1, page);
        return;
    }
#endif
    dal_os_touch_(memory, bytes, page);
}

void dal_os_wish_(void *memory, size_t bytes, uint32_t wishes)
{
    int saved_errno = errno;

    if (bytes == 0)
        return;
#ifdef MADV_HUGEPAGE
    if (wishes & DAL_PAGES_HUGE)
        (void)advise(memory, bytes, dal_os_huge_page_bytes_(), MADV_HUGEPAGE);
    if (wishes & DAL_PAGES_SMALL)
        (void)advise(memory, bytes, dal_os_page_bytes_(), MADV_NOHUGEPAGE);
#endif
    if (wishes & DAL_PAGES_PRESENT)
        make_present(memory, bytes);
    errno = saved_errno;
}
