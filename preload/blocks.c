/* SPDX-License-Identifier: MIT */
/*
 * The register of blocks: a table of three levels over the address space. See blocks.h.
 *
 * Each place is two words. The first has all but the site, and is what threads agree on: it
 * is stored with release when a block becomes live, swapped when it is taken.
 */
#include <config.h>

#include "blocks.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "os/os.h"

/* Blocks begin at multiples of 8 (lib/front/family.c). A leaf is for 1 MiB of addresses. */
#define GRANULE_BITS 3
#define LEAF_BITS    20
#define LEVEL_BITS   14
#define PLACES       ((size_t)1 << (LEAF_BITS - GRANULE_BITS))
#define BRANCHES     ((size_t)1 << LEVEL_BITS)
#define ADDRESS_BITS (LEAF_BITS + 2 * LEVEL_BITS)

struct place {
    _Atomic(uint64_t) word;
    _Atomic(const void *) site; /* relaxed: the word says when it may be read */
};

/* Places are searched a page of the table at a time; a page that nothing was put into is
 * passed over, and not touched. */
#define PAGE_PLACES ((size_t)4096 / sizeof(struct place))

struct leaf {
    _Atomic(unsigned char) used[PLACES / PAGE_PLACES]; /* relaxed; set, never reset */
    struct place places[PLACES];
};

struct branch {
    _Atomic(struct leaf *) leaves[BRANCHES];
};

/* Release when one is put in, acquire when it is read. */
static _Atomic(struct branch *) root[BRANCHES];

static atomic_int lost;

/* ---- The word ----------------------------------------------------------------------------- */

#define STATE_BITS  2
#define CALL_BITS   6
#define ALIGN_BITS  6
#define CALL_SHIFT  STATE_BITS
#define ALIGN_SHIFT (CALL_SHIFT + CALL_BITS)
#define SIZE_SHIFT  (ALIGN_SHIFT + ALIGN_BITS)
#define MASK(bits)  ((UINT64_C(1) << (bits)) - 1)

static uint64_t pack(enum dal_block_state_ state, const struct dal_block_ *block)
{
    uint64_t align_log2 = 0;

    while (align_log2 < MASK(ALIGN_BITS) && (size_t)1 << align_log2 < block->align)
        align_log2++;
    return (uint64_t)state | (uint64_t)block->call << CALL_SHIFT | align_log2 << ALIGN_SHIFT |
           (uint64_t)block->size << SIZE_SHIFT;
}

static enum dal_block_state_ state_of(uint64_t word)
{
    return (enum dal_block_state_)(word & MASK(STATE_BITS));
}

static uint64_t with(uint64_t word, enum dal_block_state_ state, unsigned call)
{
    return (word & ~MASK(ALIGN_SHIFT)) | (uint64_t)state | (uint64_t)call << CALL_SHIFT;
}

static void unpack(uint64_t word, uintptr_t address, const void *site, struct dal_block_ *block)
{
    *block = (struct dal_block_){
        .state = state_of(word),
        .address = address,
        .size = (size_t)(word >> SIZE_SHIFT),
        .align = (size_t)1 << (word >> ALIGN_SHIFT & MASK(ALIGN_BITS)),
        .call = (unsigned)(word >> CALL_SHIFT & MASK(CALL_BITS)),
        .site = site,
    };
}

/* ---- The table ---------------------------------------------------------------------------- */

/* No huge pages: most of a leaf stays untouched. */
static void *map_table(size_t bytes)
{
    void *table = dal_os_map_(bytes);

#ifdef MADV_NOHUGEPAGE
    int saved_errno = errno;

    if (table)
        (void)madvise(table, bytes, MADV_NOHUGEPAGE);
    errno = saved_errno;
#endif
    return table;
}

static size_t root_index(uintptr_t address)
{
    return (size_t)((uint64_t)address >> (LEAF_BITS + LEVEL_BITS));
}

static size_t branch_index(uintptr_t address)
{
    return (size_t)(address >> LEAF_BITS) & (BRANCHES - 1);
}

static size_t place_index(uintptr_t address)
{
    return (size_t)(address >> GRANULE_BITS) & (PLACES - 1);
}

/* Whether the table has room for an address. */
static int is_covered(uintptr_t address)
{
    return (uint64_t)address >> ADDRESS_BITS == 0;
}

static struct branch *branch_at(size_t index)
{
    return atomic_load_explicit(&root[index], memory_order_acquire);
}

static struct leaf *leaf_at(const struct branch *branch, size_t index)
{
    return atomic_load_explicit(&branch->leaves[index], memory_order_acquire);
}

/* The leaf of an address, or NULL. */
static struct leaf *find_leaf(uintptr_t address)
{
    struct branch *branch = is_covered(address) ? branch_at(root_index(address)) : NULL;

    return branch ? leaf_at(branch, branch_index(address)) : NULL;
}

/* The leaf of an address, made if need be, or NULL. Of several threads that make one the first
 * is followed by the others. */
static struct leaf *make_leaf(uintptr_t address)
{
    struct branch *branch, *other_branch = NULL;
    struct leaf *leaf, *other_leaf = NULL;

    if (!is_covered(address))
        return NULL;
    branch = branch_at(root_index(address));
    if (!branch) {
        branch = map_table(sizeof *branch);
        if (branch && !atomic_compare_exchange_strong_explicit(
                          &root[root_index(address)], &other_branch, branch, memory_order_acq_rel,
                          memory_order_acquire)) {
            dal_os_unmap_(branch, sizeof *branch);
            branch = other_branch;
        }
    }
    leaf = branch ? map_table(sizeof *leaf) : NULL;
    if (leaf && !atomic_compare_exchange_strong_explicit(&branch->leaves[branch_index(address)],
                                                         &other_leaf, leaf, memory_order_acq_rel,
                                                         memory_order_acquire)) {
        dal_os_unmap_(leaf, sizeof *leaf);
        leaf = other_leaf;
    }
    return leaf;
}

/* Whether a block can begin there at all. */
static int is_granule(uintptr_t address)
{
    return (address & MASK(GRANULE_BITS)) == 0;
}

/* ---- One block ---------------------------------------------------------------------------- */

int dal_blocks_lost_(void)
{
    return atomic_load_explicit(&lost, memory_order_relaxed);
}

static void read_place(const struct place *place, uintptr_t address, struct dal_block_ *block)
{
    uint64_t word = atomic_load_explicit(&place->word, memory_order_acquire);

    unpack(word, address, atomic_load_explicit(&place->site, memory_order_relaxed), block);
}

int dal_blocks_add_(const struct dal_block_ *block, struct dal_block_ *replaced)
{
    struct leaf *leaf = find_leaf(block->address);
    size_t index = place_index(block->address);
    struct place *place;
    int was_live;

    if (!leaf)
        leaf = make_leaf(block->address);
    if (!leaf || !is_granule(block->address)) {
        atomic_store_explicit(&lost, 1, memory_order_relaxed);
        return 1;
    }
    if (!atomic_load_explicit(&leaf->used[index / PAGE_PLACES], memory_order_relaxed))
        atomic_store_explicit(&leaf->used[index / PAGE_PLACES], 1, memory_order_relaxed);
    place = &leaf->places[index];
    was_live = state_of(atomic_load_explicit(&place->word, memory_order_relaxed)) == DAL_BLOCK_LIVE;
    if (was_live && replaced)
        read_place(place, block->address, replaced);
    atomic_store_explicit(&place->site, block->site, memory_order_relaxed);
    /* Pairs with the loads of take and look; the block itself goes to another thread by
     * whatever the program has for that. */
    atomic_store_explicit(&place->word, pack(DAL_BLOCK_LIVE, block), memory_order_release);
    return !was_live;
}

int dal_blocks_take_(const void *ptr, unsigned call, const void *site, struct dal_block_ *block)
{
    const uintptr_t address = (uintptr_t)ptr;
    struct leaf *leaf = find_leaf(address);
    struct place *place = leaf ? &leaf->places[place_index(address)] : NULL;
    uint64_t word = 0;

    if (place && is_granule(address))
        word = atomic_load_explicit(&place->word, memory_order_acquire);
    while (state_of(word) == DAL_BLOCK_LIVE) {
        const void *old_site = atomic_load_explicit(&place->site, memory_order_relaxed);

        if (!atomic_compare_exchange_weak_explicit(&place->word, &word,
                                                   with(word, DAL_BLOCK_GOING, call),
                                                   memory_order_acq_rel, memory_order_acquire))
            continue;
        atomic_store_explicit(&place->site, site, memory_order_relaxed);
        atomic_store_explicit(&place->word, with(word, DAL_BLOCK_GONE, call), memory_order_release);
        unpack(word, address, old_site, block);
        return 1;
    }
    dal_blocks_look_(ptr, block);
    return 0;
}

void dal_blocks_look_(const void *ptr, struct dal_block_ *block)
{
    const uintptr_t address = (uintptr_t)ptr;
    struct leaf *leaf = find_leaf(address);

    if (leaf && is_granule(address))
        read_place(&leaf->places[place_index(address)], address, block);
    else
        unpack(0, address, NULL, block);
}

/* ---- The block around an address ---------------------------------------------------------- */

/* A search downwards from an address. */
struct search {
    uintptr_t address;
    struct dal_block_ *found; /* NONE until something covers the address */
    int is_over;              /* a live block was met */
};

static void visit_place(struct search *search, const struct place *place, uintptr_t start)
{
    struct dal_block_ block;

    read_place(place, start, &block);
    if (block.state == DAL_BLOCK_NONE)
        return;
    /* Live blocks do not overlap, so the first one that is met decides. What is gone may lie
     * within a later, larger one. */
    search->is_over = block.state == DAL_BLOCK_LIVE;
    if (search->address - start <= block.size &&
        (search->is_over || search->found->state == DAL_BLOCK_NONE))
        *search->found = block;
}

/* The places of a leaf that begins at an address, from one of them down. */
static void search_leaf(struct search *search, const struct leaf *leaf, uintptr_t start,
                        size_t last)
{
    for (size_t i = last + 1; i-- > 0 && !search->is_over;) {
        if (!atomic_load_explicit(&leaf->used[i / PAGE_PLACES], memory_order_relaxed))
            i -= i % PAGE_PLACES;
        else
            visit_place(search, &leaf->places[i], start + ((uintptr_t)i << GRANULE_BITS));
    }
}

/* The leaves of a branch, likewise; the last place of the first one is given. */
static void search_branch(struct search *search, const struct branch *branch, uintptr_t start,
                          size_t last_leaf, size_t last_place)
{
    for (size_t i = last_leaf + 1; i-- > 0 && !search->is_over;) {
        const struct leaf *leaf = leaf_at(branch, i);

        if (leaf)
            search_leaf(search, leaf, start + ((uintptr_t)i << LEAF_BITS),
                        i == last_leaf ? last_place : PLACES - 1);
    }
}

int dal_blocks_find_(const void *address, struct dal_block_ *block)
{
    const uintptr_t wanted = (uintptr_t)address;
    struct search search = {wanted, block, 0};

    block->state = DAL_BLOCK_NONE;
    if (!is_covered(wanted))
        return 0;
    for (size_t i = root_index(wanted) + 1; i-- > 0 && !search.is_over;) {
        const struct branch *branch = branch_at(i);
        int is_first = i == root_index(wanted);

        if (branch)
            search_branch(&search, branch, (uintptr_t)((uint64_t)i << (LEAF_BITS + LEVEL_BITS)),
                          is_first ? branch_index(wanted) : BRANCHES - 1,
                          is_first ? place_index(wanted) : PLACES - 1);
    }
    return block->state != DAL_BLOCK_NONE;
}
