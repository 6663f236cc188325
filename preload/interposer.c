/* SPDX-License-Identifier: MIT */
/*
 * The interposer: the malloc family of an unmodified program, put before the C library's.
 *
 * Each function jumps through a slot of its own. The slots start at the early memory and are
 * set once, by the constructor, which the loader runs before that of any other object
 * (-z initfirst): no thread but the first is there, so there is no first call to race for. They are
 * read-only from then on. What was allocated before, or while a backend starts, is early memory for
 * ever.
 *
 * Limits: where there is early memory, free, realloc and malloc_usable_size test for it (one
 * range); most processes have none. Blocks of another allocator are not looked for; the layer
 * `debug` does that.
 */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "aside.h"
#include "choice/choice.h"
#include "os/os.h"
#include "early.h"
#include "choice/announce.h"
#include "base/malloc_rules.h"
#include "front/family.h"
#include "choice/hook.h"
#include "interposer.h"
#include "libc.h"
#include "slots.h"
#include "told.h"
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
static void *careful_realloc(void *ptr, size_t size);
static void careful_free(void *ptr);
static size_t careful_usable_size(void *ptr);

struct dal_slots_ dal_slots_ = {.malloc = early_malloc,
                                .free = careful_free,
                                .calloc = early_calloc,
                                .realloc = careful_realloc,
                                .memalign = early_memalign,
                                .usable_size = careful_usable_size,
                                .served_free = early_free,
                                .served_realloc = early_realloc,
                                .served_usable_size = early_usable_size,
                                .free_sized = (void (*)(void *, size_t))(void (*)(void))free,
                                .free_aligned_sized =
                                    (void (*)(void *, size_t, size_t))(void (*)(void))free,
                                .new_plain = malloc,
                                .new_aligned = aligned_alloc,
#define X(name, plain, form) .name = (void(*) DAL_TAKEN_(form))(void (*)(void))plain,
                                DAL_DELETE_FORMS_(X)
#undef X
};

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

static void *careful_realloc(void *ptr, size_t size)
{
    if (dal_early_has_(ptr))
        return realloc_early(ptr, size);
    return SLOT(served_realloc)(ptr, size);
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
    void *ptr = dal_malloc_product_(count, size, &bytes) ? dal_early_alloc_(16, bytes) : NULL;

    return ptr || !dal_early_is_closed_() ? ptr : SLOT(calloc)(count, size);
}

/* Of NULL, since an early block is met before the slot; or of a block that the allocator made for
 * such a thread. The fence pairs with the release of the malloc slot, which is the last set. */
static void *early_realloc(void *ptr, size_t size)
{
    void *(*served)(void *, size_t);

    atomic_thread_fence(memory_order_acquire);
    served = SLOT(served_realloc);
    return served == early_realloc ? early_malloc(size) : served(ptr, size);
}

static void early_free(void *ptr)
{
    (void)ptr;
}

/* The same: of NULL, or of a block of such a thread. */
static size_t early_usable_size(void *ptr)
{
    size_t (*served)(void *);

    atomic_thread_fence(memory_order_acquire);
    served = SLOT(served_usable_size);
    return served == early_usable_size ? 0 : served(ptr);
}

/* For a family that wants to know what calls say. */
static void start_telling(const struct dal_malloc_family *family)
{
    const struct dal_told_ *told = dal_told_start_(family);
    int is_ours = DAL_IS_OURS_(free, dal_preload_free_);

    if (!is_ours || !DAL_IS_OURS_(malloc, dal_preload_malloc_))
        dal_log_("the program has a malloc or free of its own; what it does by them is not looked "
                 "at");
    if (is_ours) {
        SET_SLOT(free_sized, told->free_sized);
        SET_SLOT(free_aligned_sized, told->free_aligned_sized);
    }
    dal_preload_tell_cxx_(told);
}

/* A malloc in the program itself comes before every preload. next: whose it is left to, or NULL. */
static void look_who_is_first(const struct dal_malloc_family *next)
{
    static char remark[512];
    struct dal_text_ text = dal_text_over_(remark, sizeof remark);
    const char *tool = dal_choice_environment_()->verbose ? dal_preload_valgrind_() : NULL;
    void *(*other)(size_t) = !DAL_IS_OURS_(malloc, dal_preload_malloc_) ? malloc
                             : next                                     ? next->malloc_function
                                                                        : NULL;
    char place[400];

    if (other) {
        dal_os_locate_((const void *)(uintptr_t)other, place, sizeof place);
        dal_text_add_(&text, "not malloc, which is at %s", place);
    } else if (tool) {
        dal_text_add_(&text, "not malloc, which valgrind replaces (%.*s)", (int)strcspn(tool, ": "),
                      tool);
    } else {
        return;
    }
    dal_announce_remark_(remark);
}

/* Whether the C library's malloc is what serves in the end, under whatever layers. */
static int ends_in_system(const char *name)
{
    const char *last = strrchr(name, '+');

    return strcmp(last ? last + 1 : name, "system") == 0;
}

/* Set all that a family brings. */
static void set_slots(const struct dal_malloc_family *family)
{
    SET_SLOT(served_free, family->free_function);
    SET_SLOT(served_usable_size, family->usable_size_function);
    SET_SLOT(served_realloc, family->realloc_function);
    SET_SLOT(memalign, family->memalign_function);
    SET_SLOT(calloc, family->calloc_function);
    SET_SLOT(malloc, family->malloc_function);
    /* Where no block is early, and none can be any more, there is nothing to be careful about. */
    if (dal_early_close_()) {
        SET_SLOT(free, family->free_function);
        SET_SLOT(realloc, family->realloc_function);
        SET_SLOT(usable_size, family->usable_size_function);
    }
    /* Who can write eight bytes somewhere is not to choose what free() calls. */
    (void)dal_os_protect_(&dal_slots_, sizeof dal_slots_, DAL_PAGES_READ);
}

/* The only constructor of this object: link-time optimisation joins those of one priority to a
 * function without parameters. The loader runs us before the C library has set its `environ`, which
 * is where the core finds the variables; glibc passes the same pointer to every constructor. The
 * program's errno at main() is 0. */
__attribute__((constructor(101))) static void start(int argc, char **argv, char **envp)
{
    const struct dal_malloc_family *libc_family, *next, *family;
    const struct dal_instance *winner;
    int saved_errno = errno;

#ifdef __GLIBC__
    if (!environ) {
        environ = envp;
        dal_libc_await_(argc, argv, envp);
    }
#else
    (void)argc;
    (void)argv;
    (void)envp;
#endif
    /* In every case, and first: the backend `system` stands on it, and to look the functions up may
     * allocate, from early memory. */
    libc_family = dal_libc_find_();
    dal_choice_start_early_();
    next = dal_aside_family_(libc_family);
    look_who_is_first(next == libc_family ? NULL : next);
    winner = dal_hook_resolve_(0, 1, NULL);
    family = dal_family_for_(winner);
    /* The C library's own functions without ours in between: where those would do nothing else, or
     * where the library is off, and even realloc(ptr, 0) is to be the C library's. */
    if ((family == &dal_system_family_ &&
         (DAL_SYSTEM_REALLOC_FREES || dal_choice_environment_()->off)) ||
        next != libc_family)
        family = next;
    dal_libc_serves_ = next == libc_family && ends_in_system(winner->name);
    if (family->make_function && family->end_function)
        start_telling(family);
    set_slots(family);
    dal_preload_construct_();
    errno = saved_errno;
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

/* What is too large for any allocator is looked for only where it is large. */
__attribute__((noinline, cold)) static void *realloc_large(void *ptr, size_t size)
{
    return size <= DAL_MALLOC_REALLOC_MAX_ ? SLOT(realloc)(ptr, size) : dal_malloc_fail_(ENOMEM);
}

EXPORT void *realloc(void *ptr, size_t size)
{
    if (size > INT32_MAX)
        return realloc_large(ptr, size);
    return SLOT(realloc)(ptr, size);
}

EXPORT void *reallocarray(void *ptr, size_t count, size_t size)
{
    size_t bytes;

    return dal_malloc_product_(count, size, &bytes) ? realloc(ptr, bytes) : NULL;
}

EXPORT size_t malloc_usable_size(void *ptr)
{
    return SLOT(usable_size)(ptr);
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
    int error = dal_malloc_posix_memalign_(SLOT(memalign), out, align, size);

    /* As glibc's, though POSIX lets it be. */
    if (error == ENOMEM)
        errno = ENOMEM;
    return error;
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
    return dal_malloc_aligned_alloc_(SLOT(memalign), align, size);
}

/* clang-format off */
extern __typeof__(aligned_alloc) dal_preload_aligned_alloc_
    __attribute__((alias("aligned_alloc"))) DAL_OWN_;
/* clang-format on */

/* As glibc, which takes the next power of two. */
EXPORT void *memalign(size_t align, size_t size)
{
    size_t power = sizeof(void *);

    if (align > SIZE_MAX / 2 + 1)
        return dal_malloc_fail_(EINVAL);
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

    if (size > SIZE_MAX - page)
        return dal_malloc_fail_(ENOMEM);
    size = size ? (size + page - 1) & ~(page - 1) : page;
    return aligned_alloc(page, size);
}

/* ---- glibc's own names, as mimalloc, tcmalloc and oneTBB export them ------------------------ */

EXPORT __typeof__(malloc) __libc_malloc __attribute__((alias("malloc")));
EXPORT __typeof__(free) __libc_free __attribute__((alias("free")));
EXPORT __typeof__(calloc) __libc_calloc __attribute__((alias("calloc")));
EXPORT __typeof__(realloc) __libc_realloc __attribute__((alias("realloc")));
EXPORT __typeof__(memalign) __libc_memalign __attribute__((alias("memalign")));
EXPORT __typeof__(valloc) __libc_valloc __attribute__((alias("valloc")));
EXPORT __typeof__(pvalloc) __libc_pvalloc __attribute__((alias("pvalloc")));

int __posix_memalign(void **out, size_t align, size_t size);

EXPORT int __posix_memalign(void **out, size_t align, size_t size)
{
    return posix_memalign(out, align, size);
}
