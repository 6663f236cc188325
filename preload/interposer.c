/* SPDX-License-Identifier: MIT */
/*
 * The interposer: the malloc family of an unmodified program, put before the C library's.
 *
 * Each function jumps through a slot of its own. The slots start at the early memory and are
 * set once, by the constructor, which the loader runs before that of any other object
 * (-z initfirst): no thread but the first is there, so there is no first call to race for.
 * What was allocated before, or while a backend starts, is early memory for ever.
 *
 * Limits: where there is early memory, free and malloc_usable_size test for it (one range); most
 * processes have none, but for those under a module in C++. realloc always does. Blocks of
 * another allocator are not looked for; `dispatchalloc run --check` does that, by another family
 * in the slots (check.h).
 */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "choice/choice.h"
#include "os/os.h"
#include "early.h"
#include "choice/announce.h"
#include "front/family.h"
#include "choice/hook.h"
#include "interposer.h"
#include "libc.h"
#include "base/text.h"

#include "../backends/system/system.h"

#define EXPORT __attribute__((visibility("default")))

/* ---- The slots ---------------------------------------------------------------------------- */

static void *early_malloc(size_t size);
static void *early_calloc(size_t count, size_t size);
static void *early_realloc(void *ptr, size_t size);
static void *early_memalign(size_t align, size_t size);
static void early_free(void *ptr);
static size_t early_usable_size(void *ptr);
static void careful_free(void *ptr);
static size_t careful_usable_size(void *ptr);

/* Set once with release (free and malloc_usable_size twice), which a thread that is started later
 * is behind of anyway; so the loads can be relaxed, and each function is one jump through memory.
 */
static void *(*_Atomic malloc_slot)(size_t) = early_malloc;
static void (*_Atomic free_slot)(void *) = careful_free;
static void *(*_Atomic calloc_slot)(size_t, size_t) = early_calloc;
static void *(*_Atomic realloc_slot)(void *, size_t) = early_realloc;
static void *(*_Atomic memalign_slot)(size_t, size_t) = early_memalign;
static size_t (*_Atomic usable_size_slot)(void *) = careful_usable_size;

/* What is behind the careful ones, for all but early blocks. */
static void (*_Atomic served_free_slot)(void *) = early_free;
static size_t (*_Atomic served_usable_size_slot)(void *) = early_usable_size;

#define SLOT     DAL_SLOT_
#define SET_SLOT DAL_SET_SLOT_

static void careful_free(void *ptr)
{
    if (dal_early_has_(ptr))
        return;
    SLOT(served_free)(ptr);
}

static size_t careful_usable_size(void *ptr)
{
    if (dal_early_has_(ptr))
        return dal_early_size_(ptr);
    return SLOT(served_usable_size)(ptr);
}

/* A thread that a backend has started may have read a slot before it was set. Where the early
 * memory is closed already, it is sent on; what it needs for that was set before the closing. */
static void *early_memalign(size_t align, size_t size)
{
    void *ptr = dal_early_alloc_(align, size);

    return ptr || !dal_early_is_closed_() ? ptr : SLOT(memalign)(align, size);
}

static void *early_malloc(size_t size)
{
    void *ptr = dal_early_alloc_(16, size);

    return ptr || !dal_early_is_closed_() ? ptr : SLOT(malloc)(size);
}

static void *early_calloc(size_t count, size_t size)
{
    size_t bytes;
    void *ptr = dal_family_product_(count, size, &bytes) ? dal_early_alloc_(16, bytes) : NULL;

    return ptr || !dal_early_is_closed_() ? ptr : SLOT(calloc)(count, size);
}

/* Of NULL, since an early block is met before the slot; or of a block that the allocator made for
 * such a thread. The fence pairs with the release of the malloc slot, which is the last set. */
static void *early_realloc(void *ptr, size_t size)
{
    void *(*served)(void *, size_t);

    atomic_thread_fence(memory_order_acquire);
    served = SLOT(realloc);
    return served == early_realloc ? early_malloc(size) : served(ptr, size);
}

static void early_free(void *ptr)
{
    (void)ptr;
}

static size_t early_usable_size(void *ptr)
{
    (void)ptr;
    return 0;
}

/* What only `run --check` tells from a free. The jump is the same; it goes to whatever is
 * `free` in the process, which looks at its first parameter alone. */
/* clang-format off */
static void (*_Atomic free_sized_slot)(void *, size_t) =
    (void (*)(void *, size_t))(void (*)(void))free;
static void (*_Atomic free_aligned_sized_slot)(void *, size_t, size_t) =
    (void (*)(void *, size_t, size_t))(void (*)(void))free;
/* clang-format on */

static int is_libc;

/* `run --check`: puts the checks before a family, and under the names that lead to it. */
static const struct dal_malloc_family *start_check(const struct dal_malloc_family *family)
{
    const struct dal_check_ *check = dal_check_start_(family);

    int is_ours = DAL_IS_OURS_(free, dal_preload_free_);

    if (!is_ours || !DAL_IS_OURS_(malloc, dal_preload_malloc_))
        dal_log_("check: the program has a malloc or free of its own; what it does by them is not "
                 "looked at");
    else if (dal_choice_environment_()->verbose)
        dal_log_("check: every pointer that is given back is looked at");
    if (is_ours) {
        SET_SLOT(free_sized, check->free_sized);
        SET_SLOT(free_aligned_sized, check->free_aligned_sized);
    }
    dal_preload_check_cxx_(check);
    return &check->family;
}

/* A malloc in the program itself comes before every preload. */
static void look_who_is_first(void)
{
    static char remark[512];

    if (!DAL_IS_OURS_(malloc, dal_preload_malloc_)) {
        struct dal_text_ text = dal_text_over_(remark, sizeof remark);
        char place[400];

        dal_os_locate_((const void *)(uintptr_t)malloc, place, sizeof place);
        dal_text_add_(&text, "not malloc, which is at %s", place);
        dal_announce_remark_(remark);
    }
}

/* The only constructor of this object: link-time optimisation joins those of one priority to a
 * function without parameters. The loader runs us before the C library has set its `environ`, which
 * is where the core finds the variables; glibc passes the same pointer to every constructor. */
__attribute__((constructor(101))) static void start(int argc, char **argv, char **envp)
{
    const struct dal_malloc_family *libc_family, *family;

    (void)argc;
    (void)argv;
#ifdef __GLIBC__
    if (!environ)
        environ = envp;
#else
    (void)envp;
#endif
    /* In every case, and first: the backend `system` stands on it, and to look the functions up may
     * allocate, from early memory. */
    libc_family = dal_libc_find_();
    dal_choice_start_early_();
    look_who_is_first();
    family = dal_family_for_(dal_hook_resolve_(0, 1, NULL));
    is_libc = family == &dal_system_family_;
    if (is_libc)
        family = libc_family;
    if (dal_choice_environment_()->check)
        family = start_check(family);
    SET_SLOT(served_free, family->free_function);
    SET_SLOT(served_usable_size, family->usable_size_function);
    SET_SLOT(realloc, family->realloc_function);
    SET_SLOT(memalign, family->memalign_function);
    SET_SLOT(calloc, family->calloc_function);
    SET_SLOT(malloc, family->malloc_function);
    /* Where no block is early, and none can be any more, there is nothing to be careful about. */
    if (dal_early_close_()) {
        SET_SLOT(free, family->free_function);
        SET_SLOT(usable_size, family->usable_size_function);
    }
}

/* ---- C ------------------------------------------------------------------------------------ */

EXPORT void *malloc(size_t size)
{
    return SLOT(malloc)(size);
}

EXPORT void free(void *ptr)
{
    SLOT(free)(ptr);
}

extern __typeof__(malloc) dal_preload_malloc_ __attribute__((alias("malloc"))) DAL_OWN_;
extern __typeof__(free) dal_preload_free_ __attribute__((alias("free"))) DAL_OWN_;

EXPORT void *calloc(size_t count, size_t size)
{
    return SLOT(calloc)(count, size);
}

/* Rare enough to be kept out of the way of the other blocks. */
__attribute__((noinline, cold)) static void *realloc_early(void *ptr, size_t size)
{
    size_t old_size = dal_early_size_(ptr);
    void *moved;

    if (size == 0)
        return NULL;
    if (size <= old_size)
        return ptr;
    moved = SLOT(malloc)(size);
    if (moved)
        memcpy(moved, ptr, old_size);
    return moved;
}

/* What is too large for any allocator is looked for only where it is large. */
__attribute__((noinline, cold)) static void *realloc_large(void *ptr, size_t size)
{
    if (size <= DAL_FAMILY_REALLOC_MAX_)
        return SLOT(realloc)(ptr, size);
    errno = ENOMEM;
    return NULL;
}

EXPORT void *realloc(void *ptr, size_t size)
{
    if (dal_early_has_(ptr))
        return realloc_early(ptr, size);
    if (size > INT32_MAX)
        return realloc_large(ptr, size);
    return SLOT(realloc)(ptr, size);
}

EXPORT void *reallocarray(void *ptr, size_t count, size_t size)
{
    size_t bytes;

    return dal_family_product_(count, size, &bytes) ? realloc(ptr, bytes) : NULL;
}

EXPORT size_t malloc_usable_size(void *ptr)
{
    return SLOT(usable_size)(ptr);
}

EXPORT int malloc_trim(size_t keep_bytes)
{
    return is_libc ? dal_libc_trim_(keep_bytes) : 0;
}

/* C23: the sizes are a promise of the caller's that we do not need. */
EXPORT void free_sized(void *ptr, size_t size)
{
    SLOT(free_sized)(ptr, size);
}

EXPORT void free_aligned_sized(void *ptr, size_t align, size_t size)
{
    SLOT(free_aligned_sized)(ptr, align, size);
}

/* Of the C libraries of old. */
EXPORT void cfree(void *ptr)
{
    free(ptr);
}

/* ---- Alignment ---------------------------------------------------------------------------- */

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
    return dal_family_posix_memalign_(SLOT(memalign), out, align, size);
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
    return dal_family_aligned_alloc_(SLOT(memalign), align, size);
}

/* clang-format off */
extern __typeof__(aligned_alloc) dal_preload_aligned_alloc_
    __attribute__((alias("aligned_alloc"))) DAL_OWN_;
/* clang-format on */

/* As glibc, which takes the next power of two. */
EXPORT void *memalign(size_t align, size_t size)
{
    size_t power = sizeof(void *);

    if (align > SIZE_MAX / 2 + 1) {
        errno = EINVAL;
        return NULL;
    }
    while (power < align)
        power *= 2;
    return SLOT(memalign)(power, size);
}

/*
 * As reallocarray and free_sized, by the dynamic name: a program may have malloc, free and
 * aligned_alloc of its own and no valloc, as those do that embed jemalloc, and what it gets
 * from valloc goes to its own free.
 */

EXPORT void *valloc(size_t size)
{
    return aligned_alloc((size_t)sysconf(_SC_PAGESIZE), size);
}

EXPORT void *pvalloc(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (size > SIZE_MAX - page) {
        errno = ENOMEM;
        return NULL;
    }
    size = size ? (size + page - 1) & ~(page - 1) : page;
    return aligned_alloc(page, size);
}
