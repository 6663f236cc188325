/* SPDX-License-Identifier: MIT */
/*
 * The insides of the layer `profile`, for its own files only.
 *
 *   profile.c          the slots, create() and destroy()
 *   family.c           malloc and its family over that of the wrapped allocator
 *   sample.c           which calls are sampled, what a sample stands for, and what becomes of it
 *   live.c             the sampled blocks that are live, by address
 *   point.c            live bytes over time
 *   site.c             stacks, what each has allocated, and the peak
 *   module.c           the files that code is from
 *   posix.c, windows.c what threads are called, and what time it is
 *   file.c             where all of that lies, and what a fork does to it
 *   read.c             reading it
 *
 * A thread counts down bytes to its next sample, so a call that is not sampled costs one
 * subtraction. Whether a block was sampled is told by a filter: how many live samples have an
 * address with that place in it, which for nearly all others are none.
 *
 * The peak takes no snapshot: each new one has a number, the generation, and a site that changes
 * for the first time since then keeps what it had. One that has not changed has it still.
 *
 * There is no lock anywhere, so a fork at any moment leaves the child able to go on; what a thread
 * that it does not have was just counting may be counted in part.
 *
 * Memory orders: a site and a module are filled before their number is published (release; acquire
 * by who finds it). All counts are relaxed. A place of live.c is written by who has taken it, and
 * read by who ends the block, which has come to it by the program's own means.
 */
#ifndef DAL_PROFILE_PRIVATE_H
#define DAL_PROFILE_PRIVATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#if defined __GLIBC__ && defined __has_include
# if __has_include(<sys/single_threaded.h>)
#  include <sys/single_threaded.h>
#  define PROFILE_IS_SINGLE_THREADED __libc_single_threaded
# endif
#endif
#ifndef PROFILE_IS_SINGLE_THREADED
# define PROFILE_IS_SINGLE_THREADED 0
#endif

#include <dispatchalloc/backend.h>
#include <dispatchalloc/profile.h>

#include "../instances.h"

/* ---- What lies in a file ------------------------------------------------------------------- */

#define PROFILE_FORM    UINT32_C(1)
#define PROFILE_MODULES 256

/* Blocks are counted in such parts of one: samples stand for fractions. */
#define PROFILE_UNIT 1024

/* Bytes in as many parts as make a sample, which stands for no fewer bytes than `every`, exact to a
 * part in 1000: mostly in whole ones, so that what is ever allocated fits. */
static inline uint64_t profile_byte_unit(uint64_t every)
{
    return every > 1 ? 1 + 1024 / every : 1;
}

/* A file that code is from. They are filled in their order. */
struct profile_module {
    _Atomic(uint32_t) state; /* enum profile_module_state */
    char build_id[68];
    char path[440];
};

enum profile_module_state { PROFILE_MODULE_UNUSED, PROFILE_MODULE_FILLING, PROFILE_MODULE_FILLED };

/* A call: its address, and that in its module (the low bits) with the module's number, from 1 on.
 */
struct profile_frame {
    uint64_t address, place;
};

enum { PROFILE_OFFSET_BITS = 48 };

/* A stack, and what was allocated there. */
struct profile_site {
    uint64_t key; /* a hash of it */
    uint64_t thread;
    uint32_t frame_count;
    uint32_t is_of_loader;      /* one of its calls is in the loader */
    _Atomic(uint32_t) is_stale; /* other code is at these addresses now */
    _Atomic(uint32_t) loads;    /* those of the instance when that was looked at */
    _Atomic(uint64_t) samples;  /* with every=1 the blocks tell */
    _Atomic(uint64_t) made_blocks, made_bytes, ended_blocks, ended_bytes;
    _Atomic(uint64_t) temporary_blocks;
    _Atomic(uint64_t) lifetime_ns; /* of all that have ended; the most that fits stays */
    /* The peak that is kept, and what was live then. */
    _Atomic(uint64_t) generation; /* PROFILE_KEEPING: a thread is keeping one */
    _Atomic(uint64_t) peak_blocks, peak_bytes;
    struct profile_frame frames[];
};

#define PROFILE_KEEPING UINT64_MAX

/* Live bytes, in parts, at a time. */
struct profile_point {
    _Atomic(uint64_t) time_ns, live_bytes;
};

#define PROFILE_POINTS 512

/* Times but start_ns are since the start. */
struct profile_file {
    char head[DAL_FILE_HEAD_BYTES]; /* the service's */
    _Atomic(uint32_t) form;         /* last of what is filled at the start: release */
    uint32_t module_bytes, module_count;
    uint32_t site_bytes, site_count;
    uint64_t every, memory_bytes;
    uint64_t start_ns;       /* since 1970 */
    uint64_t clock_at_start; /* the service's */
    uint64_t has_lifetimes;
    char process[128];

    _Alignas(64) _Atomic(uint32_t) is_on; /* written from outside */
    _Alignas(64) _Atomic(uint64_t) sites_used;
    _Atomic(uint64_t) lost_blocks, lost_sites, lost_modules;
    _Alignas(64) _Atomic(uint64_t) live_bytes; /* of all, in parts */
    _Atomic(uint64_t) peak_bytes, generation;
    _Atomic(uint64_t) changed_ns, peak_ns, next_point_ns;
    _Atomic(uint64_t) gap_ns; /* between points; 0 before the first one */
    _Atomic(uint32_t) point_count;
    struct profile_point points[PROFILE_POINTS]; /* in the order of their times */
    struct profile_module modules[PROFILE_MODULES];
    _Alignas(64) unsigned char sites[]; /* that of number 0 is for what has none */
};

static inline struct profile_site *profile_site_at(const struct profile_file *file, size_t index)
{
    return (struct profile_site *)(uintptr_t)(file->sites + index * file->site_bytes);
}

/* ---- A thread's part, and its clocks ------------------------------------------------------- */

/* A clock has the bytes before the next one that is sampled, and one more. One that was not drawn
 * yet has 0, and that of a thread without a part, which is all 0xff, UINT32_MAX. */
struct profile_part {
    _Alignas(64) uint32_t clock;
    uint64_t rest;    /* more bytes, where a clock has no room for all */
    uint64_t random;  /* 0 before the first one */
    uintptr_t newest; /* the block of its last sample, and when that was born */
    uint64_t newest_born_ns;
};

/* The clock for the instance that serves the process. */
extern LAYER_HIDDEN _Thread_local uint32_t dal_profile_clock_;

/* Subtract a size, of any bytes: whether nothing is left. (Both by one instruction, where gcc would
 * take one for each.) */
static inline int profile_subtract(uintptr_t *left, uintptr_t size)
{
#if defined __x86_64__ && defined __GCC_ASM_FLAG_OUTPUTS__
    int is_empty;

    __asm__("sub %2, %0" : "+r"(*left), "=@ccbe"(is_empty) : "r"(size));
    return is_empty;
#else
    return __builtin_sub_overflow(*left, size, left) || *left == 0;
#endif
}

/* Count down a block's bytes, unless it may be sampled. in_part: 1 if it is the clock of a part, of
 * which those are left alone that may not be written to: one more makes them 0. */
static inline int profile_is_due(uint32_t *clock, size_t size, int in_part)
{
    uintptr_t left = (uint32_t)(*clock + (uint32_t)in_part);

    if (DAL_UNLIKELY_(profile_subtract(&left, size + (size_t)in_part)))
        return 1;
    *clock = (uint32_t)left;
    return 0;
}

/* ---- An instance --------------------------------------------------------------------------- */

enum { PROFILE_FILTER_BITS = 16, PROFILE_KNOWN = 4096 };

/* A sampled block that is live. */
struct profile_live {
    _Atomic(uintptr_t) block; /* 0: none */
    uint64_t size_and_site;
    uint64_t born_ns;
};

/* What is known of it. */
struct profile_block {
    uint32_t site;
    uint64_t size, born_ns;
};

enum { PROFILE_SITE_BITS = 20 };
#define PROFILE_SITES_MAX ((uint32_t)1 << PROFILE_SITE_BITS)

enum profile_file_state {
    PROFILE_FILE_NONE, /* none is wanted, or it could not be made */
    PROFILE_FILE_MADE,
    /* Those from here on are seen to before anything is counted. */
    PROFILE_FILE_WANTED,
    PROFILE_FILE_LOST /* it is the parent's, and there is no memory: nothing is counted */
};

/* An instance, the ctx of the slots; at the start of a page. */
struct profile_instance {
    struct layer_instance listed; /* first */
    const struct dal_instance *next;
    struct dal_thread_record record; /* of struct profile_part */
    int has_clock;                   /* dal_profile_clock_, not that of the part */
    const struct dal_services *services;
    const struct dal_instance_calls *calls;

    uint64_t every;
    unsigned frames;
    int by_thread;           /* threads=on */
    int has_lifetimes;       /* the clock is read well whenever a block is born or ends */
    _Atomic(uint32_t) loads; /* samples of the loader: code may have come or gone */

    struct profile_live *live; /* hashed */
    unsigned live_bits;
    _Atomic(uint32_t) *index; /* of sites, hashed; 0: none */
    unsigned index_bits;

    struct profile_file *file; /* pages of the file, or memory */
    size_t file_bytes;
    _Atomic(int) file_state;  /* enum profile_file_state; release where it becomes MADE or NONE */
    _Atomic(uintptr_t) maker; /* the thread that makes it, as this_thread() in file.c; 0 */
    int is_inherited;         /* what was counted is of before a fork, and not settled yet */
    char path[DAL_FILE_PATH_MAX];
    /* What a fork in progress keeps for its child, and the thread that does. */
    _Atomic(uintptr_t) forking;
    struct profile_file *kept;
    _Atomic(int) adds_point; /* a thread does */

    _Atomic(uint64_t) known[PROFILE_KNOWN]; /* see find_known() in site.c */
    /* The identity of its code by which each module of the file was met last; 0: it was not. */
    _Atomic(uint64_t) codes[PROFILE_MODULES];
    /* How many live samples have this place, see profile_filter_place(). */
    _Alignas(64) _Atomic(uint16_t) filter[1 << PROFILE_FILTER_BITS];
};

LAYER_HIDDEN extern struct layer_instances dal_profile_instances_;

/* The place of a block in the filter, in two instructions: 16 bytes of memory to a place, so that
 * blocks that lie in a few lines of the cache have few of the filter, and a little more, so that
 * what is aligned to pages, or lies 1 MiB apart, has places of its own. */
static inline size_t profile_filter_place(const void *block)
{
    const uint32_t step = (UINT32_C(1) << 12) + 157;

    return (uint32_t)((uint32_t)(uintptr_t)block * step) >> (32 - PROFILE_FILTER_BITS);
}

/* Whether a block may be a sampled one. */
static inline int profile_filter_has(const _Atomic(uint16_t) *filter, const void *block)
{
    return DAL_UNLIKELY_(atomic_load_explicit(&filter[profile_filter_place(block)],
                                              memory_order_relaxed)) != 0;
}

/* ---- live.c -------------------------------------------------------------------------------- */

/* Memory for so many blocks, or 0. */
LAYER_HIDDEN int dal_profile_live_open_(struct profile_instance *instance, size_t count);
LAYER_HIDDEN void dal_profile_live_close_(struct profile_instance *instance);
LAYER_HIDDEN size_t dal_profile_live_bytes_(const struct profile_instance *instance);

/* Put a block in, or take it out if it is there: 0 if there is no place, or no such block. */
LAYER_HIDDEN int dal_profile_live_put_(struct profile_instance *instance, const void *address,
                                       const struct profile_block *block);
LAYER_HIDDEN int dal_profile_live_take_(struct profile_instance *instance, const void *address,
                                        struct profile_block *block);

/* Called for each. */
typedef void (*profile_live_visitor)(struct profile_instance *instance,
                                     const struct profile_block *block);
LAYER_HIDDEN void dal_profile_live_visit_(struct profile_instance *instance,
                                          profile_live_visitor visit);

/* ---- module.c ------------------------------------------------------------------------------ */

/* Where a call is: the number of its module, and the offset there; 0 if that is not known. */
LAYER_HIDDEN uint64_t dal_profile_place_of_(struct profile_instance *instance, const void *place);

/* Whether that is in the dynamic loader. */
LAYER_HIDDEN int dal_profile_is_of_loader_(const struct profile_instance *instance, uint64_t place);

/* ---- posix.c, windows.c --------------------------------------------------------------------- */

/* The number of this thread, above 0. */
LAYER_HIDDEN uint64_t dal_profile_thread_(void);

/* The service's clock as far as a glance tells, which may be some milliseconds late. */
LAYER_HIDDEN uint64_t dal_profile_glance_(const struct dal_services *services);

/* Nanoseconds since 1970. */
LAYER_HIDDEN uint64_t dal_profile_time_of_day_(void);

/* Let other threads run. */
LAYER_HIDDEN void dal_profile_yield_(void);

/* ---- point.c ------------------------------------------------------------------------------- */

/* Add one, if it is time for that and no other thread does. */
LAYER_HIDDEN void dal_profile_point_add_(struct profile_instance *instance, uint64_t now_ns,
                                         uint64_t live_bytes);

/* ---- site.c -------------------------------------------------------------------------------- */

/* The number of the site of a call. */
LAYER_HIDDEN uint32_t dal_profile_site_of_(struct profile_instance *instance, const void *from);

/* How much a block stands for, in parts. */
struct profile_weight {
    uint64_t blocks, bytes;
};

/* A block is born, or ends. */
LAYER_HIDDEN void dal_profile_site_add_(struct profile_instance *instance,
                                        const struct profile_block *block,
                                        struct profile_weight weight);
LAYER_HIDDEN void dal_profile_site_end_(struct profile_instance *instance,
                                        const struct profile_block *block,
                                        struct profile_weight weight, uint64_t now_ns,
                                        int is_temporary);

/* Have nothing count as live, and then each block that is. */
LAYER_HIDDEN void dal_profile_site_end_all_(struct profile_instance *instance);
LAYER_HIDDEN void dal_profile_site_revive_(struct profile_instance *instance,
                                           const struct profile_block *block,
                                           struct profile_weight weight);

/* ---- sample.c ------------------------------------------------------------------------------ */

/* In the child of a fork, before anything else is counted: what it has inherited is live. */
LAYER_HIDDEN void dal_profile_settle_(struct profile_instance *instance);

/* For a call that profile_is_due() has found: whether its block is to be sampled. clock: the one
 * that was counted down; NULL: that of the thread's part. */
LAYER_HIDDEN int dal_profile_draw_(struct profile_instance *instance, uint32_t *clock, size_t size);

/* A sampled block has come. */
LAYER_HIDDEN void dal_profile_made_(struct profile_instance *instance, const void *address,
                                    size_t size, const void *site);

/* What may be a sampled block goes. */
LAYER_HIDDEN void dal_profile_end_(struct profile_instance *instance, const void *address);

/* A block is resized, which ends it and makes another one: before, with whether the new one is to
 * be sampled, and after; is_done: 0 if the old one stays as it was. */
struct profile_resize {
    const void *address;
    int is_sampled, was_sampled;
    struct profile_block block; /* if it was */
};
LAYER_HIDDEN void dal_profile_resize_begin_(struct profile_instance *instance,
                                            struct profile_resize *resize, const void *address,
                                            int is_sampled);
LAYER_HIDDEN void dal_profile_resize_end_(struct profile_instance *instance,
                                          const struct profile_resize *resize, int is_done,
                                          const void *address, size_t size, const void *site);

/* ---- file.c -------------------------------------------------------------------------------- */

/* Memory for so many sites, which may become a file; or 0. */
LAYER_HIDDEN int dal_profile_file_open_(struct profile_instance *instance, uint32_t site_count,
                                        int is_on);
LAYER_HIDDEN void dal_profile_file_close_(struct profile_instance *instance);

/* Have it become the file if that is wanted. Returns 0 while a thread does so. */
LAYER_HIDDEN int dal_profile_file_make_(struct profile_instance *instance);

/* The same, and wait for another thread: 0 if that is this one, or if nothing is counted. */
LAYER_HIDDEN int dal_profile_file_await_(struct profile_instance *instance);

/* Slots. */
LAYER_HIDDEN void dal_profile_fork_prepare_(void *ctx);
LAYER_HIDDEN void dal_profile_fork_parent_(void *ctx);
LAYER_HIDDEN void dal_profile_fork_child_(void *ctx);

/* ---- profile.c ----------------------------------------------------------------------------- */

/* The layer of an instance, NULL: of the front; or NULL. */
LAYER_HIDDEN struct profile_instance *dal_profile_layer_of_(const struct dal_instance *instance);

/* ---- family.c ------------------------------------------------------------------------------ */

/* The family over that of the wrapped allocator, and what is to be done before it is given. */
LAYER_HIDDEN void dal_profile_family_open_(struct profile_instance *instance);
LAYER_HIDDEN extern const struct dal_malloc_family dal_profile_family_;

#endif /* DAL_PROFILE_PRIVATE_H */
