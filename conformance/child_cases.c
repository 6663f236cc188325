/* SPDX-License-Identifier: MIT */
/*
 * What an allocator does with the memory of its child: each item of the spec by itself, over a
 * child of the kit's that watches (child.h).
 */
#include <stdio.h>
#include <time.h>

#include "child.h"
#include "report.h"
#include "system.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { ITEMS = 16 };

/* ---- Items ------------------------------------------------------------------------------ */

/* Of the kit whose child is watched, for who has touched what cannot be touched. */
static struct kit *watched_kit;

/* What it was that cannot be touched; if nothing is known of it, that ends the process. */
static void on_fault(uintptr_t address)
{
    if (watched_kit->child)
        kit_child_explain_fault(watched_kit->child, address);
}

/* Run body for each item. It tells how often its child was asked for memory. */
static void watch_items(struct kit *kit, size_t (*body)(struct kit *kit))
{
    struct kit_item items[ITEMS];
    size_t count = kit_items(kit, items, ITEMS);
    size_t requests = 0;

    if (count == 0)
        kit_skip(kit, "it has no spec, so that it cannot be given another child");
    kit_drop(kit);
    watched_kit = kit;
    kit_on_fault(kit, on_fault);
    for (size_t i = 0; i < count; i++) {
        kit->item = &items[i];
        snprintf(kit->report->item, sizeof kit->report->item, "%.*s", items[i].text_length,
                 items[i].text);
        requests += body(kit);
        kit_drop(kit);
    }
    kit->item = NULL;
    kit->report->item[0] = '\0';
    if (requests == 0)
        kit_skip(kit, "it takes no memory of its child");
}

/* ---- All comes back --------------------------------------------------------------------- */

static const char leak_in_dealloc[] = "dealloc() or destroy() does not give all back that create() "
                                      "and alloc() took";
static const char leak_in_resize[] = "realloc, grow or shrink does not give the old block back";

static const struct {
    const char *name;
    const char *likely_leak;
} works[] = {
    {"size_classes", leak_in_dealloc},
    {"alignments_mix", leak_in_dealloc},
    {"reuse_leaves_live_blocks", leak_in_dealloc},
    {"size_zero", leak_in_dealloc},
    {"dealloc_of_null_is_nothing", leak_in_dealloc},
    {"zeroed_after_dirty", leak_in_dealloc},
    {"usable_size_is_usable", leak_in_dealloc},
    {"absurd_sizes_are_null", "a request that is too large leaves something behind"},
    {"dealloc_unsized_frees", kit_likely_unsized},
    {"realloc_takes_any_step", leak_in_resize},
    {"grow_takes_another_alignment", leak_in_resize},
    {"shrink_takes_another_alignment", leak_in_resize},
};

/* A block that changes between two sizes, over and over: by a call for that, or by another block
 * for it. How much more of the child's is live afterwards. */
struct change {
    size_t small, large;
    bool by_grow;
    size_t rounds; /* that were made */
};

enum { CHANGE_ROUNDS = 20000, CHANGE_REQUESTS = 200 };

static bool change_block(struct kit *kit, struct kit_block *block, const struct change *change)
{
    size_t size = block->size == change->small ? change->large : change->small;

    if (!change->by_grow)
        return kit_realloc(kit, block, size);
    return size == change->large ? kit_grow(kit, block, size, block->align)
                                 : kit_shrink(kit, block, size, block->align);
}

static bool exchange_block(struct kit *kit, struct kit_block *block, const struct change *change)
{
    size_t size = block->size == change->small ? change->large : change->small;
    struct kit_block other;

    if (!kit_alloc(kit, &other, size, block->align))
        return false;
    kit_free(kit, block);
    *block = other;
    return true;
}

static size_t growth_by(struct kit *kit, struct change *change, size_t rounds,
                        bool (*step)(struct kit *, struct kit_block *, const struct change *))
{
    struct kit_block block;
    size_t before, after;

    kit_renew(kit);
    kit_alloc(kit, &block, change->small, 8);
    before = kit->child->live_bytes;
    for (change->rounds = 0; change->rounds < rounds; change->rounds++) {
        if (kit->spent_bytes > kit->budget_bytes || kit->child->requests > CHANGE_REQUESTS ||
            !step(kit, &block, change))
            break;
    }
    after = kit->child->live_bytes;
    kit_free(kit, &block);
    return after > before ? after - before : 0;
}

/* What stays inside of the allocator is given back by destroy() and no leak of its child's. An
 * allocator that uses nothing again is told from one that loses blocks by what it does with other
 * blocks of these sizes. */
static void resizing_keeps_nothing(struct kit *kit, struct change change)
{
    size_t resized = growth_by(kit, &change, CHANGE_ROUNDS, change_block);
    size_t exchanged = growth_by(kit, &change, change.rounds, exchange_block);
    size_t lost = change.rounds * change.small;

    if (resized <= exchanged || resized - exchanged < 65536 + lost / 2)
        return;
    kit_suspect(kit, leak_in_resize);
    kit_fail_asked(kit,
                   change.by_grow ? "one block, grown and shrunk again and again"
                                  : "one block, reallocated again and again",
                   "no more memory of the child in use than by alloc, dealloc and a copy",
                   "%zu bytes more of the child's after %zu times between size %zu and %zu; %zu in "
                   "the other way",
                   resized, change.rounds, change.small, change.large, exchanged);
}

static size_t use_child(struct kit *kit)
{
    static const size_t sizes[][2] = {{24, 40}, {200, 400}, {1000, 3000}};

    /* The limit is for one work of many: a slow machine may take a minute for all of them. */
    for (size_t i = 0; i < COUNT(works); i++) {
        kit_limit_time(kit, kit->profile->timeout_seconds);
        kit_drop(kit);
        kit_phase(kit, NULL);
        kit->likely_leak = works[i].likely_leak;
        kit_renew(kit);
        if (works[i].likely_leak == kit_likely_unsized && !kit_frees_unsized(kit))
            continue;
        conformance_case_find(works[i].name)->run(kit);
        if (kit->child->requests == 0)
            return 0;
    }
    for (size_t i = 0; i < COUNT(sizes) * 2; i++) {
        kit_limit_time(kit, kit->profile->timeout_seconds);
        resizing_keeps_nothing(kit, (struct change){
                                        .small = sizes[i / 2][0],
                                        .large = sizes[i / 2][1],
                                        .by_grow = i % 2,
                                    });
    }
    return kit->child->requests;
}

static void child_memory_comes_back(struct kit *kit)
{
    watch_items(kit, use_child);
}

/* ---- No memory of the child's ----------------------------------------------------------- */

enum {
    REFUSED_MOST = 200,
    REFUSED_ON = 40, /* of so many, also with the requests that follow */
    BLOCKS = 2048,
    STEPS = 6000,
    STEPS_REFUSED = 12,
    STEPS_AFTER = 24
};

/* A call that has nothing to do with what a case has a limit for: it returns, or never. */
enum { ANSWER_SECONDS = 10 };

static void resize_step(struct kit *kit, struct kit_block *block, size_t size)
{
    switch (kit_random(kit, 4)) {
    case 0: kit_realloc(kit, block, size); break;
    case 1: kit_realloc(kit, block, 2 * block->size + 1); break;
    case 2: kit_grow(kit, block, block->size + size, block->align); break;
    default: kit_grow_zeroed(kit, block, block->size + size, 2 * block->align); break;
    }
}

static void step(struct kit *kit, struct kit_block *blocks)
{
    struct kit_block *block = &blocks[kit_random(kit, BLOCKS)];
    size_t most = kit->budget_bytes / 64;
    size_t size = kit_random_size(kit, most < 40000 ? most + 1 : 40000);
    size_t align = (size_t)1 << kit_random(kit, 7);

    if (kit->spent_bytes > kit->budget_bytes / 2)
        return;
    if (block->ptr && kit_random(kit, 4) == 0)
        kit_free(kit, block);
    else if (block->ptr)
        resize_step(kit, block, size);
    else if (kit_random(kit, 2))
        kit_alloc(kit, block, size, align);
    else
        kit_alloc_zeroed(kit, block, size, align);
}

/* Up to the refusal, while it lasts, and on when there is memory again. */
static void work_through(struct kit *kit, struct kit_block *blocks)
{
    struct kit_child *child = kit->child;

    for (int i = 0; i < STEPS && child->refusals == 0; i++)
        step(kit, blocks);
    if (child->refusals)
        kit_phase(kit, "when its child had refused memory");
    for (int i = 0; i < STEPS_REFUSED && child->refusals; i++)
        step(kit, blocks);
    kit->refuse_last = 0;
    if (child->refusals)
        kit_phase(kit, "when its child had memory again");
    for (int i = 0; i < STEPS_AFTER; i++)
        step(kit, blocks);
    kit_check_all(kit, blocks, BLOCKS);
    kit_check_apart(kit, blocks, BLOCKS);
    kit_free_all(kit, blocks, BLOCKS);
}

/* False if the allocator does not ask its child so often. */
static bool refuse(struct kit *kit, size_t first, size_t last, struct kit_block *blocks)
{
    char message[256] = "";
    bool was_reached;
    int error;

    kit_phase(kit, NULL);
    kit_suspect_hang(kit, NULL);
    kit->likely_leak = "what was taken before the child refused is not given back";
    kit->refuse_first = first;
    kit->refuse_last = last;
    error = kit_try_renew(kit, message, sizeof message);
    was_reached = kit->child->refusals > 0;
    if (error && !was_reached)
        kit_fail(kit, "an instance, as at the start", "%s: %s", dal_strerror(error), message);
    if (error)
        kit->likely_leak = "create() fails and does not give back what it took before";
    if (!error) {
        work_through(kit, blocks);
        was_reached = kit->child->refusals > 0;
    }
    kit_drop(kit);
    return was_reached;
}

/* Each request by itself, and with all that come after it; where those are few, again with other
 * calls, since it matters which one meets the refusal. How many were refused. */
static size_t refuse_each(struct kit *kit)
{
    struct kit_block *blocks = kit_memory(kit, BLOCKS * sizeof *blocks);
    unsigned limit = kit->profile->timeout_seconds;
    time_t end = time(NULL) + ANSWER_SECONDS + (time_t)limit / 2;
    size_t reached = 0;

    /* What fails without a refusal has nothing to do with one. */
    kit_limit_time(kit, limit < ANSWER_SECONDS ? limit : ANSWER_SECONDS);
    (void)refuse(kit, SIZE_MAX, SIZE_MAX, blocks);
    for (int round = 0; round < 4 && reached < REFUSED_MOST; round++) {
        for (size_t number = 1; number <= REFUSED_MOST && time(NULL) < end; number++) {
            kit_limit_time(kit, limit < ANSWER_SECONDS ? limit : ANSWER_SECONDS);
            if (!refuse(kit, number, number, blocks) ||
                (number <= REFUSED_ON && !refuse(kit, number, SIZE_MAX, blocks)))
                break;
            reached++;
        }
    }
    kit_limit_time(kit, limit);
    return reached;
}

static void child_without_memory_is_null(struct kit *kit)
{
    watch_items(kit, refuse_each);
}

/* ---- No memory but the child's ---------------------------------------------------------- */

/* What malloc() was used for, and by which call first. */
struct use {
    size_t before, bytes, served_bytes;
    struct kit_note note;
};

static void look_at_malloc(const struct kit *kit, struct use *use)
{
    size_t bytes = kit_malloc_bytes();

    if (use->bytes == 0)
        use->note = *kit->note;
    use->bytes = bytes > use->before ? bytes - use->before : 0;
}

enum { USED_BLOCKS = 400, USED_DOUBLINGS = 8 };

static void use_block(struct kit *kit, struct kit_block *block, size_t size, size_t align,
                      struct use *use)
{
    if (kit_alloc(kit, block, size, align))
        use->served_bytes += size;
    look_at_malloc(kit, use);
}

/* An instance and blocks of all sizes: many, and then one each of double the
 * size, since large ones may be had from elsewhere. How often its child was asked. */
static size_t use_malloc(struct kit *kit, struct kit_block *blocks, struct use *use)
{
    size_t largest_of_many = kit->budget_bytes / 1024 + 1;
    size_t requests;

    kit_drop(kit);
    kit_malloc_drain();
    use->before = kit_malloc_bytes();
    kit_renew(kit);
    look_at_malloc(kit, use);
    for (size_t i = 0; i < USED_BLOCKS && kit->spent_bytes <= kit->budget_bytes / 2; i++)
        use_block(kit, &blocks[i], kit_random_size(kit, largest_of_many), (size_t)1 << i % 7, use);
    for (size_t i = 0; i < USED_DOUBLINGS; i++)
        use_block(kit, &blocks[USED_BLOCKS + i], largest_of_many << i, 8, use);
    requests = kit->child->requests;
    kit_free_all(kit, blocks, USED_BLOCKS + USED_DOUBLINGS);
    return requests;
}

/* Who takes memory of the child takes all of it there, and nobody but `system` serves malloc's.
 * Who maps memory, or has it of another library, is free to. What the system allocates once, such
 * as a module's thread-local storage, is there after a first round, which does not count. */
static size_t expect_no_malloc(struct kit *kit)
{
    struct kit_block *blocks = kit_memory(kit, (USED_BLOCKS + USED_DOUBLINGS) * sizeof *blocks);
    struct use first = {0}, use = {0};
    char asked[160];
    size_t requests;

    if (kit->item->has_nested || kit->item->backend == dal_backend_find("system"))
        return 0;
    (void)use_malloc(kit, blocks, &first);
    requests = use_malloc(kit, blocks, &use);
    if (use.bytes == 0 || (requests == 0 && use.bytes < use.served_bytes))
        return requests;
    kit_note_describe(&use.note, asked, sizeof asked);
    kit_suspect(kit, "malloc() is called instead of the child");
    kit_fail_asked(kit, asked, "no memory of malloc's, as there is the child",
                   "%zu bytes more of the C library's malloc in use, for %zu bytes served; %zu "
                   "requests to the child",
                   use.bytes, use.served_bytes, requests);
}

static void memory_comes_from_child(struct kit *kit)
{
    if (!kit_malloc_is_seen())
        kit_skip(kit, "the C library does not tell here what malloc is used for");
    watch_items(kit, expect_no_malloc);
}

const struct conformance_case kit_cases_child[] = {
    {"child_memory_comes_back",
     "blocks of its child stay whole and are given back as they were taken",
     child_memory_comes_back},
    {"child_without_memory_is_null",
     "when its child has no memory it answers NULL, and then goes on",
     child_without_memory_is_null},
    {"memory_comes_from_child", "memory is the child's, or its own, and not malloc's",
     memory_comes_from_child},
    {NULL, NULL, NULL},
};
