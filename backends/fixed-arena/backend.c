/* SPDX-License-Identifier: MIT */
/*
 * The backend `fixed-arena`: a fixed arena over one block of the child allocator's.
 *
 * The block and what describes it are one allocation. The description has a cache line of
 * its own behind the block, so that the contended counter shares none with the blocks.
 */
#include <dispatchalloc/backend.h>
#include <dispatchalloc/fixed_arena.h>
#include <dispatchalloc/version.h>

#include <stdint.h>

#include "../pages_options.h"

#define CACHE_LINE_BYTES 64

/* More than any machine has; it keeps the sums below from overflowing. */
#define CAPACITY_MAX (SIZE_MAX > UINT32_MAX ? UINT64_C(1) << 46 : UINT64_C(1) << 30)

struct arena_block {
    struct dal_fixed_arena arena; /* first: its address is the allocator's ctx */
    const struct dal_instance *child;
    size_t total_bytes;
    size_t align;
};

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    size_t capacity = (size_t)request->find(request, "capacity")->number;
    size_t offset = (capacity + CACHE_LINE_BYTES - 1) & ~(size_t)(CACHE_LINE_BYTES - 1);
    size_t total_bytes = offset + sizeof(struct arena_block);
    uint32_t wishes = dal_pages_wishes_of_(request);
    size_t huge = dal_pages_huge_bytes_(request, wishes);
    size_t align = huge > 0 ? huge : DAL_FIXED_ARENA_ALIGN_MAX;
    struct arena_block *block;
    char *memory;

    if (capacity < huge)
        return request->fail(request, DAL_ERR_OPTION,
                             "capacity=%s is less than a huge page (%zuK), as "
                             "huge_pages=advise needs it",
                             request->find(request, "capacity")->text, huge / 1024);
    memory = dal_instance_alloc(request->child, total_bytes, align);
    if (!memory)
        return request->fail(request, DAL_ERR_MEMORY, "cannot get a block of %zu bytes",
                             total_bytes);
    request->services->pages_wish(memory, total_bytes, wishes);
    block = (struct arena_block *)(void *)(memory + offset);
    *block = (struct arena_block){
        .arena = DAL_FIXED_ARENA_INIT(memory, capacity),
        .child = request->child,
        .total_bytes = total_bytes,
        .align = align,
    };
    *allocator = (struct dal_allocator)DAL_FIXED_ARENA_ALLOCATOR(&block->arena);
    return 0;
}

static void destroy(void *ctx)
{
    const struct arena_block *block = ctx;

    dal_instance_dealloc(block->child, block->arena.memory_, block->total_bytes, block->align);
}

static const struct dal_option options[] = {
    {
        .name = "capacity",
        .type = DAL_OPTION_BYTES,
        .minimum = 1,
        .maximum = CAPACITY_MAX,
        .default_text = "128K",
        .summary = "size of the block that all allocations come from",
    },
    DAL_PAGES_OPTIONS_("what the system is told about huge pages in the block",
                       "make all pages of the block present at the start"),
};

extern const struct dal_backend dal_backend_fixed_arena_;

const struct dal_backend dal_backend_fixed_arena_ = {
    DAL_BACKEND_HEADER,
    .name = "fixed-arena",
    .version = DAL_VERSION_STRING,
    .summary = "one block shared by all threads, without locks; nothing is reused",
    .option_count = sizeof options / sizeof options[0],
    .options = options,
    .create = create,
    .destroy = destroy,
};
