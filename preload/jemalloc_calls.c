/* SPDX-License-Identifier: MIT */
/*
 * jemalloc's own calls, for a program that is linked with libjemalloc and uses them beside malloc
 * and free: a block of mallocx() comes to free(), which is the interposer's. An object of its own,
 * which `dispatchalloc run` preloads behind the interposer only where libjemalloc is among the
 * program's libraries: others detect jemalloc by these names.
 *
 * They are made of the process's malloc family, whoever serves; an arena or cache that the program
 * makes is the heap that there is. Where jemalloc's module serves, arenas and controls are its own.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dispatchalloc/layout.h>

#include "base/malloc_rules.h"

#include "../backends/jemalloc/calls.h"

#define EXPORT __attribute__((visibility("default")))

/* Those of the module that brings a jemalloc of its own, once it has made an allocator. */
extern const struct dal_jemalloc_calls_ *dal_jemalloc_calls_ __attribute__((weak));

/* Whether blocks of malloc are jemalloc's and no layer looks at them: with its own name alone as
 * the spec. The environment as it was at the start is what the interposer went by, too. */
static bool serves_alone;

__attribute__((constructor)) static void look_who_serves(void)
{
    static const char name[] = "jemalloc";
    const char *spec = getenv("DISPATCHALLOC_MALLOC");
    size_t length = sizeof name - 1;

    serves_alone = spec && strncmp(spec, name, length) == 0 &&
                   (spec[length] == '\0' || spec[length] == ':') && !strchr(spec, '+');
}

static const struct dal_jemalloc_calls_ *jemalloc(void)
{
    return serves_alone && &dal_jemalloc_calls_ ? dal_jemalloc_calls_ : NULL;
}

#define X(result, name, parameters) result name parameters;
DAL_JEMALLOC_CALLS_(X)
#undef X
size_t sallocx(const void *ptr, int flags);
void dallocx(void *ptr, int flags);
void sdallocx(void *ptr, size_t size, int flags);

void *memalign(size_t align, size_t size);
size_t malloc_usable_size(void *ptr);
int malloc_trim(size_t keep_bytes);

/* ---- Blocks ------------------------------------------------------------------------------- */

/* A power that no size_t holds is none that an allocator can do. */
static size_t align_of(int flags)
{
    unsigned log2 = (unsigned)flags & 63;

    return (size_t)1 << (log2 < sizeof(size_t) * 8 ? log2 : sizeof(size_t) * 8 - 1);
}

/* Whether malloc aligns a block so: for any object that fits into it. */
static bool is_natural(size_t size, int flags)
{
    return align_of(flags) <= sizeof(void *) ||
           (align_of(flags) <= DAL_MIN_ALIGN && align_of(flags) <= size);
}

static bool is_zeroed(int flags)
{
    return flags & 0x40;
}

/* How many arenas the program made (arenas.create). All are the one heap that there is: what they
 * are for is how blocks lie. */
static atomic_uint arenas_made;

/* The number of the arena is in the flags, one more than it is; the first there is anyway. Of what
 * cache is for speed alone. */
static bool has_other_arena(int flags)
{
    return (unsigned)flags >> 20 > 1 + atomic_load_explicit(&arenas_made, memory_order_relaxed);
}

static void dal_write_(const char *text, size_t bytes)
{
    while (write(2, text, bytes) < 0 && errno == EINTR)
        ;
}

static void *refuse_arena(int flags)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    char line[160];
    int bytes, state = PTHREAD_CANCEL_ENABLE;

    if (!atomic_flag_test_and_set_explicit(&said, memory_order_relaxed)) {
        bytes =
            snprintf(line, sizeof line,
                     "dispatchalloc: a block of arena %u of jemalloc, which nobody made: NULL\n",
                     ((unsigned)flags >> 20) - 1);
        (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
        dal_write_(line, (size_t)bytes);
        (void)pthread_setcancelstate(state, &bytes);
    }
    return dal_malloc_fail_(ENOMEM);
}

EXPORT void *mallocx(size_t size, int flags)
{
    void *ptr;

    if (has_other_arena(flags))
        return jemalloc() ? jemalloc()->mallocx(size, flags) : refuse_arena(flags);
    if (is_natural(size, flags))
        return is_zeroed(flags) ? calloc(1, size) : malloc(size);
    ptr = memalign(align_of(flags), size);
    /* All that a later rallocx() takes for what there was. */
    return ptr && is_zeroed(flags) ? memset(ptr, 0, malloc_usable_size(ptr)) : ptr;
}

static void *move(void *ptr, size_t size, int flags)
{
    size_t old_bytes = malloc_usable_size(ptr);
    void *moved;

    if (size <= old_bytes && size >= old_bytes / 2 && (uintptr_t)ptr % align_of(flags) == 0)
        return ptr;
    moved = mallocx(size, flags);
    if (moved) {
        memcpy(moved, ptr, old_bytes < size ? old_bytes : size);
        free(ptr);
    }
    return moved;
}

EXPORT void *rallocx(void *ptr, size_t size, int flags)
{
    size_t old_bytes;
    char *resized;

    if (has_other_arena(flags))
        return jemalloc() ? jemalloc()->rallocx(ptr, size, flags) : refuse_arena(flags);
    if (!is_natural(size, flags))
        return move(ptr, size, flags);
    old_bytes = malloc_usable_size(ptr);
    resized = realloc(ptr, size ? size : 1);
    if (resized && is_zeroed(flags) && size > old_bytes)
        memset(resized + old_bytes, 0, malloc_usable_size(resized) - old_bytes);
    return resized;
}

/* No allocator is asked to grow where it is: what there is already may do. */
EXPORT size_t xallocx(void *ptr, size_t size, size_t extra, int flags)
{
    return jemalloc() ? jemalloc()->xallocx(ptr, size, extra, flags) : malloc_usable_size(ptr);
}

EXPORT size_t sallocx(const void *ptr, int flags)
{
    (void)flags;
    return malloc_usable_size((void *)(uintptr_t)ptr);
}

EXPORT void dallocx(void *ptr, int flags)
{
    (void)flags;
    free(ptr);
}

EXPORT void sdallocx(void *ptr, size_t size, int flags)
{
    (void)size;
    (void)flags;
    free(ptr);
}

/* Of another allocator no more can be promised than what was asked for. */
EXPORT size_t nallocx(size_t size, int flags)
{
    if (jemalloc())
        return jemalloc()->nallocx(size, flags);
    return size <= (size_t)PTRDIFF_MAX ? size : 0;
}

/* ---- Controls ------------------------------------------------------------------------------ */

static const char version[] = "0.0.0-0-g" PACKAGE_VERSION "-dispatchalloc";

enum answer { VERSION_TEXT, EPOCH, ARENAS, NEW_ARENA, PAGE_BYTES, NO_COUNT, NO_BYTES, DONE };

/* What a program that asks whether jemalloc is there goes on with, # being any number. redis 8 and
 * valkey end where they get no arena, cache or statistics; of those there is nothing to tell, of no
 * size class. All caches are number 0, which is none, so that they may come and go for ever. */
static const struct {
    const char *name;
    enum answer answer;
} controls[] = {
    {"version", VERSION_TEXT},
    {"epoch", EPOCH},
    {"arenas.narenas", ARENAS},
    {"arenas.create", NEW_ARENA},
    {"arenas.page", PAGE_BYTES},
    {"arenas.nbins", NO_COUNT},
    {"tcache.create", NO_COUNT},
    {"tcache.flush", DONE},
    {"tcache.destroy", DONE},
    {"stats.arenas.#.pactive", NO_BYTES},
    {"stats.arenas.#.pmuzzy", NO_BYTES},
    {"stats.arenas.#.small.allocated", NO_BYTES},
    {"stats.arenas.#.large.allocated", NO_BYTES},
};

#define CONTROL_COUNT (sizeof controls / sizeof controls[0])

static bool has_name(const char *name, const char *pattern)
{
    for (; *pattern; pattern++) {
        size_t digits = *pattern == '#' ? strspn(name, "0123456789") : *name == *pattern;

        if (digits == 0)
            return false;
        name += digits;
    }
    return *name == '\0';
}

static int give(const void *value, size_t bytes, void *old, size_t *old_bytes)
{
    if (!old || !old_bytes)
        return 0;
    if (*old_bytes != bytes)
        return EINVAL;
    memcpy(old, value, bytes);
    return 0;
}

/* The most that flags have room for. */
#define MOST_ARENAS 4094

static int make_arena(void *old, size_t *old_bytes)
{
    unsigned number;

    if (atomic_load_explicit(&arenas_made, memory_order_relaxed) >= MOST_ARENAS)
        return EAGAIN;
    number = atomic_fetch_add_explicit(&arenas_made, 1, memory_order_relaxed) + 1;
    return give(&number, sizeof number, old, old_bytes);
}

static int control(size_t index, void *old, size_t *old_bytes, const void *new)
{
    const char *text = version;
    uint64_t epoch = 1;
    unsigned none = 0;
    unsigned arenas = 1 + atomic_load_explicit(&arenas_made, memory_order_relaxed);
    size_t no_bytes = 0, page_bytes = (size_t)sysconf(_SC_PAGESIZE);

    switch (controls[index].answer) {
    case VERSION_TEXT: return give(&text, sizeof text, old, old_bytes);
    case EPOCH: return give(&epoch, sizeof epoch, old, old_bytes);
    case ARENAS: return give(&arenas, sizeof arenas, old, old_bytes);
    /* One with hooks of its own would have its blocks from those. */
    case NEW_ARENA: return new ? ENOENT : make_arena(old, old_bytes);
    case PAGE_BYTES: return give(&page_bytes, sizeof page_bytes, old, old_bytes);
    case NO_COUNT: return give(&none, sizeof none, old, old_bytes);
    case NO_BYTES: return give(&no_bytes, sizeof no_bytes, old, old_bytes);
    case DONE: break;
    }
    return 0;
}

/* "arena.0.purge", or of all of them, and decay: a wish that any allocator may have heard. */
static bool is_purge(const char *name)
{
    const char *last = strrchr(name, '.');

    return strncmp(name, "arena.", 6) == 0 && last &&
           (strcmp(last, ".purge") == 0 || strcmp(last, ".decay") == 0);
}

EXPORT int mallctlnametomib(const char *name, size_t *mib, size_t *mib_count)
{
    if (jemalloc())
        return jemalloc()->mallctlnametomib(name, mib, mib_count);
    for (size_t i = 0; i < CONTROL_COUNT; i++) {
        if (has_name(name, controls[i].name) && *mib_count >= 1) {
            mib[0] = i;
            *mib_count = 1;
            return 0;
        }
    }
    return ENOENT;
}

EXPORT int mallctlbymib(const size_t *mib, size_t mib_count, void *old, size_t *old_bytes,
                        void *new, size_t new_bytes)
{
    if (jemalloc())
        return jemalloc()->mallctlbymib(mib, mib_count, old, old_bytes, new, new_bytes);
    if (mib_count != 1 || mib[0] >= CONTROL_COUNT)
        return ENOENT;
    return control(mib[0], old, old_bytes, new);
}

EXPORT int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes)
{
    size_t mib[1], count = 1;

    if (jemalloc())
        return jemalloc()->mallctl(name, old, old_bytes, new, new_bytes);
    if (is_purge(name)) {
        (void)malloc_trim(0);
        return 0;
    }
    if (mallctlnametomib(name, mib, &count) != 0)
        return ENOENT;
    return control(mib[0], old, old_bytes, new);
}

EXPORT void malloc_stats_print(void (*print)(void *, const char *), void *data, const char *options)
{
    static const char nothing[] =
        "jemalloc does not serve this process by itself (dispatchalloc)\n";

    if (jemalloc())
        jemalloc()->malloc_stats_print(print, data, options);
    else if (print)
        print(data, nothing);
    else
        dal_write_(nothing, sizeof nothing - 1);
}
