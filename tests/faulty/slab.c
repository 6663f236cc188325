/* SPDX-License-Identifier: MIT */
/*
 * A slab allocator: cells of powers of two, cut out of blocks of its child; what is larger, or
 * aligned to more, is a block of the child's. Without a fault it is what the kit has to pass. Each
 * fault is one line of it, and shows in what the child sees: `slab:fault=N`.
 */
#include "tests/faulty/faulty.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum slab_fault {
    FAULTLESS,
    LAST_CELL_PAST_END,   /* a cell begins wherever the block has not ended */
    CHILD_NULL_UNCHECKED, /* a slab is cut up before one looks whether it is there */
    REALLOC_LEAKS_CELL,   /* a cell that became another one is not freed */
    REALLOC_LEAKS_BLOCK,  /* the same of a block of the child's */
    DESTROY_KEEPS_SLABS,  /* nobody gives them back */
    DESTROY_KEEPS_STATE,  /* its own state is forgotten */
    WRONG_SIZE,           /* a large block goes back with its size rounded up */
    WRONG_SLAB_SIZE,      /* a slab goes back without its header */
    WRONG_ALIGN,          /* a large block goes back with the cells' alignment */
    SIZE_ZERO,            /* a large block goes back with no size */
    NULL_GIVEN,           /* NULL goes back in the place of a large block */
    CELL_GIVEN,           /* what stands behind the header of a slab goes back */
    GIVEN_TWICE,          /* a large block goes back twice */
    SLAB_GIVEN_TWICE,     /* the first slab goes back twice */
    GIVEN_TO_FREE,        /* a large block is freed */
    USED_AFTER,           /* the next slab is read out of the one that went back */
    MALLOC_FOR_SLABS,     /* slabs are malloc's */
    MALLOC_FOR_STATE,     /* its own state is malloc's */
    MALLOC_FOR_LARGE,     /* large blocks are malloc's */
    MALLOC_FOR_HUGE,      /* those of more than 64 KiB are */
    MALLOC_FOR_ALL,       /* all is malloc's */
    NULL_WITH_LOCK,       /* the lock is held where NULL is returned */
    ASKS_FOR_EVER,        /* a child without memory is asked again */
    MISALIGNED_CELLS,     /* cells begin after 8 bytes */
    ASSUMED_ALIGN,        /* slabs are asked for with 8, and taken to have 64 */
    HEADER_BEFORE,        /* a word is written in front of a slab */
    CREATE_UNCHECKED,     /* its own state is not looked at */
    CREATE_LEAKS,         /* the first block stays taken when there is no second one */
    FULL_FOR_EVER,        /* when there was no memory once there is none any more */
    LIST_LOST,            /* a slab that was not to be had is a free cell */
    ZEROED_BY_LUCK,       /* without zeroed memory, memory is as good */
    FRESH_IS_ZERO,        /* the child's memory is taken for clean */
    REALLOC_LOSES_OLD,    /* the old block is gone when there is no new one */
    USABLE_TOO_LARGE,     /* a large block is taken for one rounded up */
    SIZE_OVERFLOWS,       /* a large size has something added */
    STATE_BROKEN,         /* what is a list while a slab is asked for is no list if there is none */
    STATE_POISONED,       /* the same, far from NULL */
    ABORTS,               /* a child without memory is the end */
    COPIES_NEW,           /* realloc copies as much as the new block has */
    LARGE_LEAKS,          /* of a large block that is not to be had something stays */
    UNLOCKED,             /* nothing keeps threads apart */
    NO_FORK,              /* nor a fork and threads */
    UNSIZED_KEEPS,        /* freed without a size, nothing is freed */
    NO_FORK_CHILD,        /* a child finds what fork_prepare has locked */
    FAULT_COUNT
};

enum { CLASS_COUNT = 7, GRAIN = 16, SLAB_BYTES = 16384, SLAB_ALIGN = 64, HEADER_BYTES = 64 };

struct cell {
    struct cell *next;
};

/* What a slab begins with. */
struct header {
    struct header *next;
};

struct slab {
    const struct dal_instance *child;
    enum slab_fault fault;
    bool is_full;
    pthread_mutex_t mutex;
    struct header *slabs;
    struct cell **free; /* CLASS_COUNT lists */
    void *lost;
};

static int class_of(size_t size, size_t align)
{
    int class = 0;

    if (size > (size_t)GRAIN << (CLASS_COUNT - 1) || align > GRAIN)
        return -1;
    while (((size_t)GRAIN << class) < size)
        class ++;
    return class;
}

static void lock(struct slab *self)
{
    if (self->fault != UNLOCKED)
        pthread_mutex_lock(&self->mutex);
    if (self->fault == NO_FORK)
        faulty_yield();
}

static void unlock(struct slab *self)
{
    if (self->fault != UNLOCKED)
        pthread_mutex_unlock(&self->mutex);
}

/* ---- Slabs ------------------------------------------------------------------------------ */

static void *take_slab(struct slab *self)
{
    size_t align = self->fault == ASSUMED_ALIGN ? 8 : SLAB_ALIGN;
    void *slab;

    do {
        slab = self->fault == MALLOC_FOR_SLABS ? malloc(SLAB_BYTES)
                                               : dal_instance_alloc(self->child, SLAB_BYTES, align);
    } while (!slab && self->fault == ASKS_FOR_EVER);
    return slab;
}

static void cut(struct slab *self, struct header *slab, int class)
{
    size_t cell_bytes = (size_t)GRAIN << class;
    size_t needed = self->fault == LAST_CELL_PAST_END ? 1 : cell_bytes;
    size_t at = self->fault == MISALIGNED_CELLS ? 8 : HEADER_BYTES;

    if (self->fault == HEADER_BEFORE)
        ((size_t *)(void *)slab)[-1] = cell_bytes;
    slab->next = self->slabs;
    self->slabs = slab;
    for (; at + needed <= SLAB_BYTES; at += cell_bytes) {
        struct cell *cell = (struct cell *)(void *)((char *)slab + at);

        cell->next = self->free[class];
        self->free[class] = cell;
    }
}

static void refill(struct slab *self, int class)
{
    struct header *slab;

    if (self->is_full)
        return;
    slab = take_slab(self);
    if (slab || self->fault == CHILD_NULL_UNCHECKED)
        cut(self, slab, class);
    self->is_full = !slab && self->fault == FULL_FOR_EVER;
    if (!slab && self->fault == ABORTS)
        abort();
    if (!slab && self->fault == STATE_BROKEN)
        self->slabs = (struct header *)(uintptr_t)1;
    if (!slab && self->fault == STATE_POISONED)
        self->slabs = (struct header *)(UINTPTR_MAX / 3);
    if (!slab && self->fault == LIST_LOST)
        self->free[class] = (struct cell *)(void *)self->free;
}

static void give_slab(struct slab *self, struct header *slab)
{
    size_t bytes = self->fault == WRONG_SLAB_SIZE ? SLAB_BYTES - HEADER_BYTES : SLAB_BYTES;
    size_t behind = self->fault == CELL_GIVEN ? HEADER_BYTES : 0;

    if (self->fault == MALLOC_FOR_SLABS)
        free(slab);
    else
        dal_instance_dealloc(self->child, (char *)slab + behind, bytes,
                             self->fault == ASSUMED_ALIGN ? 8 : SLAB_ALIGN);
}

/* ---- Blocks of the child's -------------------------------------------------------------- */

static bool is_mallocs(const struct slab *self, size_t size, size_t align)
{
    return align <= GRAIN && (self->fault == MALLOC_FOR_LARGE ||
                              (self->fault == MALLOC_FOR_HUGE && size > (size_t)64 << 10));
}

static void *take_large(struct slab *self, size_t size, size_t align)
{
    if (is_mallocs(self, size, align))
        return malloc(size);
    if (self->fault == LARGE_LEAKS && size > PTRDIFF_MAX / 4)
        self->lost = dal_instance_alloc(self->child, GRAIN, GRAIN);
    return dal_instance_alloc(self->child, self->fault == SIZE_OVERFLOWS ? size + GRAIN : size,
                              align);
}

static void give_large(struct slab *self, void *ptr, size_t size, size_t align)
{
    switch (self->fault) {
    case WRONG_SIZE: size = (size + GRAIN - 1) & ~(size_t)(GRAIN - 1); break;
    case SIZE_OVERFLOWS: size += GRAIN; break;
    case SIZE_ZERO: size = 0; break;
    case WRONG_ALIGN: align = GRAIN; break;
    case NULL_GIVEN: ptr = NULL; break;
    case GIVEN_TWICE: dal_instance_dealloc(self->child, ptr, size, align); break;
    default: break;
    }
    if (self->fault == GIVEN_TO_FREE || is_mallocs(self, size, align))
        free(ptr);
    else
        dal_instance_dealloc(self->child, ptr, size, align);
}

/* ---- Calls ------------------------------------------------------------------------------ */

static void *slab_alloc(size_t size, size_t align, void *ctx)
{
    struct slab *self = ctx;
    int class = class_of(size, align);
    struct cell *cell;

    if (class < 0)
        return take_large(self, size, align);
    lock(self);
    if (!self->free[class])
        refill(self, class);
    cell = self->free[class];
    if (self->fault == UNLOCKED)
        faulty_yield();
    if (cell)
        self->free[class] = cell->next;
    if (cell || self->fault != NULL_WITH_LOCK)
        unlock(self);
    return cell;
}

static void *slab_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    struct slab *self = ctx;
    bool is_large = class_of(size, align) < 0;
    bool is_plain = is_large && !is_mallocs(self, size, align) && self->fault != SIZE_OVERFLOWS;
    void *ptr = is_plain ? dal_instance_alloc_zeroed(self->child, size, align)
                         : slab_alloc(size, align, self);

    if (ptr && !is_plain && self->fault != FRESH_IS_ZERO)
        memset(ptr, 0, size);
    if (!ptr && self->fault == ZEROED_BY_LUCK)
        ptr = slab_alloc(size, align, self);
    return ptr;
}

static void slab_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    struct slab *self = ctx;
    int class = class_of(size, align);
    struct cell *cell = ptr;

    if (!ptr)
        return;
    if (class < 0) {
        give_large(self, ptr, size, align);
        return;
    }
    lock(self);
    cell->next = self->free[class];
    self->free[class] = cell;
    unlock(self);
}

static void free_nothing(void *ptr, void *ctx)
{
    (void)ptr;
    (void)ctx;
}

static void *slab_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    struct slab *self = ctx;
    int class = ptr ? class_of(old_size, align) : -1;
    bool keeps = self->fault == (class < 0 ? REALLOC_LEAKS_BLOCK : REALLOC_LEAKS_CELL);
    void *moved;

    if (class >= 0 && class == class_of(new_size, align))
        return ptr;
    moved = slab_alloc(new_size, align, self);
    if (!moved && self->fault == REALLOC_LOSES_OLD)
        slab_dealloc(ptr, old_size, align, self);
    if (!moved || !ptr)
        return moved;
    memcpy(moved, ptr, old_size < new_size && self->fault != COPIES_NEW ? old_size : new_size);
    if (!keeps)
        slab_dealloc(ptr, old_size, align, self);
    return moved;
}

static size_t slab_usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    const struct slab *self = ctx;
    int class = class_of(size, align);

    (void)ptr;
    if (class >= 0)
        return (size_t)GRAIN << class;
    return self->fault == USABLE_TOO_LARGE ? (size + GRAIN - 1) & ~(size_t)(GRAIN - 1) : size;
}

static void slab_lock(void *ctx)
{
    lock(ctx);
}

static void slab_unlock(void *ctx)
{
    unlock(ctx);
}

/* ---- Its life --------------------------------------------------------------------------- */

static struct slab *take_state(const struct dal_instance *child, enum slab_fault fault)
{
    struct slab *self = fault == MALLOC_FOR_STATE
                            ? malloc(sizeof *self)
                            : dal_instance_alloc_layout(child, dal_layout_of(struct slab));

    if (!self && fault != CREATE_UNCHECKED)
        return NULL;
    memset(self, 0, sizeof *self);
    self->child = child;
    self->fault = fault;
    return self;
}

static void give_state(struct slab *self)
{
    if (self->fault == MALLOC_FOR_STATE)
        free(self);
    else if (self->fault != DESTROY_KEEPS_STATE && self->fault != CREATE_LEAKS)
        dal_instance_dealloc_layout(self->child, self, dal_layout_of(struct slab));
}

static int create_slab(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    enum slab_fault fault = (enum slab_fault)request->find(request, "fault")->number;
    const struct dal_instance *child = fault == MALLOC_FOR_ALL ? dal_system() : request->child;
    struct slab *self = take_state(child, fault);

    if (!self)
        return request->fail(request, DAL_ERR_MEMORY, "no memory");
    self->free = dal_instance_alloc_zeroed(child, CLASS_COUNT * sizeof *self->free, sizeof(void *));
    if (!self->free) {
        give_state(self);
        return request->fail(request, DAL_ERR_MEMORY, "no memory for its lists");
    }
    pthread_mutex_init(&self->mutex, NULL);
    *allocator = (struct dal_allocator){
        DAL_ALLOCATOR_HEADER(self), .alloc = slab_alloc,
        .dealloc = slab_dealloc,    .alloc_zeroed = slab_alloc_zeroed,
        .realloc = slab_realloc,    .usable_size = slab_usable_size,
        .fork_prepare = slab_lock,  .fork_parent = slab_unlock,
        .fork_child = slab_unlock,
    };
    if (fault == UNSIZED_KEEPS) {
        allocator->dealloc_unsized = free_nothing;
        allocator->usable_size = NULL;
    }
    if (fault == NO_FORK)
        allocator->fork_prepare = allocator->fork_parent = NULL;
    if (fault == NO_FORK || fault == NO_FORK_CHILD)
        allocator->fork_child = NULL;
    return 0;
}

static void destroy_slab(void *ctx)
{
    struct slab *self = ctx;
    struct header *slab = self->slabs;

    while (slab && self->fault != DESTROY_KEEPS_SLABS) {
        struct header *next = slab->next;

        give_slab(self, slab);
        slab = self->fault == USED_AFTER ? slab->next : next;
    }
    if (self->slabs && self->fault == SLAB_GIVEN_TWICE)
        give_slab(self, self->slabs);
    pthread_mutex_destroy(&self->mutex);
    dal_instance_dealloc(self->child, self->free, CLASS_COUNT * sizeof *self->free, sizeof(void *));
    if (self->fault == CREATE_LEAKS)
        self->fault = FAULTLESS;
    give_state(self);
}

static const struct dal_option options[] = {{
    .name = "fault",
    .type = DAL_OPTION_COUNT,
    .maximum = FAULT_COUNT - 1,
    .default_text = "0",
    .summary = "what is wrong with it",
}};

static const struct dal_backend slab_backend = {
    DAL_BACKEND_HEADER,    .name = "slab",
    .version = "0",        .summary = "cells of powers of two, cut out of blocks of its child",
    .option_count = 1,     .options = options,
    .create = create_slab, .destroy = destroy_slab,
};

__attribute__((constructor(101))) static void register_slab(void)
{
    static char specs[2 * FAULT_COUNT][16]; /* a fault may be found by several cases */

    if (dal_backend_register(&slab_backend) != 0)
        abort();
    for (size_t i = 0; faulty_slabs[i].name; i++) {
        snprintf(specs[i], sizeof specs[i], "slab:fault=%d", faulty_slabs[i].slab_fault);
        faulty_slabs[i].spec = specs[i];
    }
}

#define BACK   "child_memory_comes_back"
#define NONE   "child_without_memory_is_null"
#define MALLOC "memory_comes_from_child"

/* musl's free() ends a program by what nothing can be told from, and does not see at once what was
 * written over. */
#if defined __linux__ && !defined __GLIBC__
# define FREE_ENDS_BY "SIGSEGV"
# define FREE_LIKELY  ""
# define FREE_SEES    0
#else
# define FREE_ENDS_BY "SIGABRT"
# define FREE_LIKELY  "free()"
# define FREE_SEES    1
#endif

struct faulty faulty_slabs[] = {
    {.name = "writes past its last cell",
     .found_by = BACK,
     .got = "past the end of a block of its child (size 16384",
     .likely = "the last cell",
     .slab_fault = LAST_CELL_PAST_END},
    {.name = "cuts up NULL",
     .found_by = NONE,
     .got = "SIGSEGV at address",
     .likely = "the child's NULL is taken for a block",
     .slab_fault = CHILD_NULL_UNCHECKED},
    {.name = "realloc loses a cell",
     .found_by = BACK,
     .got = "bytes more of the child's",
     .likely = "does not give the old block back",
     .slab_fault = REALLOC_LEAKS_CELL},
    {.name = "realloc loses a block",
     .found_by = BACK,
     .asked = "destroy, of",
     .got = "not given back",
     .likely = "does not give the old block back",
     .slab_fault = REALLOC_LEAKS_BLOCK},
    {.name = "keeps a large block that is freed without its size",
     .found_by = BACK,
     .got = "not given back",
     .likely = "dealloc_unsized() does not give",
     .slab_fault = UNSIZED_KEEPS},
    {.name = "keeps a cell that is freed without its size",
     .found_by = "dealloc_unsized_frees",
     .asked = "blocks of size 16, given back by dealloc_unsized",
     .got = "none of",
     .likely = "dealloc_unsized() does not give",
     .slab_fault = UNSIZED_KEEPS},
    {.name = "keeps its slabs",
     .found_by = BACK,
     .got = "not given back",
     .likely = "destroy() does not give all back",
     .slab_fault = DESTROY_KEEPS_SLABS},
    {.name = "keeps its state",
     .found_by = BACK,
     .got = "not given back",
     .likely = "destroy() does not give all back",
     .slab_fault = DESTROY_KEEPS_STATE},
    {.name = "gives a rounded size back",
     .found_by = BACK,
     .likely = "another size is given back",
     .slab_fault = WRONG_SIZE},
    {.name = "gives a slab back without its header",
     .found_by = BACK,
     .asked = "destroy",
     .likely = "another size is given back",
     .slab_fault = WRONG_SLAB_SIZE},
    {.name = "gives another alignment back",
     .found_by = BACK,
     .likely = "another alignment is given back",
     .slab_fault = WRONG_ALIGN},
    {.name = "gives size 0 back",
     .found_by = BACK,
     .got = "size 0, align",
     .likely = "another size is given back",
     .slab_fault = SIZE_ZERO},
    {.name = "gives NULL back",
     .found_by = BACK,
     .got = "not given back",
     .slab_fault = NULL_GIVEN},
    {.name = "gives a cell back",
     .found_by = BACK,
     .got = "64 bytes from the start",
     .likely = "a cell",
     .slab_fault = CELL_GIVEN},
    {.name = "gives a block back twice",
     .found_by = BACK,
     .got = "once more",
     .likely = "given back twice",
     .slab_fault = GIVEN_TWICE},
    {.name = "gives a slab back twice",
     .found_by = BACK,
     .got = "once more",
     .likely = "given back twice",
     .slab_fault = SLAB_GIVEN_TWICE},
    {.name = "frees a block of its child",
     .found_by = BACK,
     .got = FREE_ENDS_BY,
     .likely = FREE_LIKELY,
     .slab_fault = GIVEN_TO_FREE},
    {.name = "reads a slab that it gave back",
     .found_by = BACK,
     .got = "after it was given back",
     .likely = "used after",
     .slab_fault = USED_AFTER},
    {.name = "mallocs its slabs",
     .found_by = MALLOC,
     .likely = "malloc() is called instead",
     .slab_fault = MALLOC_FOR_SLABS},
    {.name = "mallocs its state",
     .found_by = MALLOC,
     .asked = "a fresh instance",
     .likely = "malloc() is called instead",
     .slab_fault = MALLOC_FOR_STATE},
    {.name = "mallocs all",
     .found_by = MALLOC,
     .got = "; 0 requests to the child",
     .likely = "malloc() is called instead",
     .slab_fault = MALLOC_FOR_ALL},
    {.name = "mallocs large blocks",
     .found_by = MALLOC,
     .likely = "malloc() is called instead",
     .slab_fault = MALLOC_FOR_LARGE},
    {.name = "mallocs huge blocks",
     .found_by = MALLOC,
     .likely = "malloc() is called instead",
     .slab_fault = MALLOC_FOR_HUGE},
    {.name = "returns NULL with its lock held",
     .found_by = NONE,
     .got = "it hangs",
     .likely = "with the lock held",
     .slab_fault = NULL_WITH_LOCK},
    {.name = "asks for ever",
     .found_by = NONE,
     .got = "it hangs",
     .likely = "asked for ever",
     .slab_fault = ASKS_FOR_EVER},
    {.name = "misaligns its cells",
     .found_by = "alloc_is_aligned",
     .likely = "does not look at the alignment",
     .slab_fault = MISALIGNED_CELLS},
    {.name = "assumes an alignment", .found_by = BACK, .slab_fault = ASSUMED_ALIGN},
    {.name = "writes in front of a slab",
     .found_by = BACK,
     .got = BY_BITS("8 bytes before the start", "4 bytes before the start"),
     .likely = "a header",
     .slab_fault = HEADER_BEFORE},
    {.name = "does not look at its state",
     .found_by = NONE,
     .asked = "a fresh instance",
     .likely = "the child's NULL",
     .slab_fault = CREATE_UNCHECKED},
    {.name = "leaks where create fails",
     .found_by = NONE,
     .likely = "create() fails and does not give back",
     .slab_fault = CREATE_LEAKS},
    {.name = "is full for ever",
     .found_by = NONE,
     .got = "NULL",
     .likely = "leaves a state that is wrong",
     .slab_fault = FULL_FOR_EVER},
    {.name = "takes a refusal for a cell", .found_by = NONE, .slab_fault = LIST_LOST},
    {.name = "takes any memory for zeroed",
     .found_by = NONE,
     .asked = "zeroed",
     .slab_fault = ZEROED_BY_LUCK},
    {.name = "takes fresh memory for clean", .found_by = BACK, .slab_fault = FRESH_IS_ZERO},
    {.name = "realloc loses the old block where there is no new one",
     .found_by = NONE,
     .likely = "the old block is given back",
     .slab_fault = REALLOC_LOSES_OLD},
    {.name = "tells more to be usable than there is",
     .found_by = BACK,
     .got = "past the end",
     .slab_fault = USABLE_TOO_LARGE},
    {.name = "adds to a size",
     .found_by = BACK,
     .got = "size",
     .likely = "overflow",
     .slab_fault = SIZE_OVERFLOWS},
    {.name = "leaves a broken list where there is no slab",
     .found_by = NONE,
     .got = "of an earlier call",
     .likely = "leaves a state that is wrong",
     .slab_fault = STATE_BROKEN},
    {.name = "leaves a poisoned list where there is no slab",
     .found_by = NONE,
     .got = "SIGSEGV",
     .likely = "leaves a state that is wrong",
     .slab_fault = STATE_POISONED},
    {.name = "aborts where there is no slab",
     .found_by = NONE,
     .got = "SIGABRT",
     .likely = "it calls abort()",
     .slab_fault = ABORTS},
    {.name = "copies as much as the new block has",
     .found_by = BACK,
     .asked = "realloc",
     .got = "of a block of its child", /* past its end, or before the next one's start */
     .likely = "copies more than the smaller of both sizes; or the last cell",
     .slab_fault = COPIES_NEW},
    {.name = "loses something where a size is absurd",
     .found_by = BACK,
     .likely = "a request that is too large",
     .slab_fault = LARGE_LEAKS},
    {.name = "loses a block, whether there is memory or not",
     .found_by = NONE,
     .got = "not given back",
     .likely = "",
     .slab_fault = REALLOC_LEAKS_BLOCK},
    {.name = "has no lock",
     .found_by = "threads_share_nothing",
     .likely = "several threads change",
     .slab_fault = UNLOCKED},
#if FREE_SEES
    {.name = "writes past its last cell, by whatever thread",
     .found_by = "threads_share_nothing",
     .asked = "in the only thread at work",
     /* Where free() does not crash before it sees that. */
     .likely = sizeof(void *) > 4 ? "written past its end" : NULL,
     .slab_fault = LAST_CELL_PAST_END},
#endif
    {.name = "has no fork functions",
     .found_by = "fork_while_threads_allocate",
     .asked = "in the child of fork",
     .got = "it hangs",
     .likely = "fork_child",
     .slab_fault = NO_FORK},
    {.name = "has no function for the child of a fork",
     .found_by = "fork_leaves_two_heaps",
     .asked = "in the child of fork",
     .got = "it hangs",
     .likely = "fork_child",
     .slab_fault = NO_FORK_CHILD},
    {.name = NULL},
};
