/* SPDX-License-Identifier: MIT */
/*
 * Modules for tests/tool.sh, over their child allocator:
 *
 *   (none)    a good one, with an option of every type
 *   TILTED    forgets that a block may have to be aligned to more than its size
 *   ROUNDING  gives another size back than it took
 *   CRASHING  does not stand that size
 *   SULKING   cannot be started
 *   STARTING  a statement for its start
 *   OPENING   a statement for when it is opened
 *   LAYER     a layer that leaves everything alone
 *   SPLIT     such a layer, with an option that takes a spec
 */
#include <stdlib.h>

#include <dispatchalloc/module.h>

#ifndef LAYER
static void *module_alloc(size_t size, size_t align, void *ctx)
{
    const struct dal_instance *child = ctx;

# ifdef CRASHING
    if (size == CRASHING)
        abort();
# endif
# ifdef TILTED
    if (size < 8 && align <= 16) {
        char *block = child->alloc.call(size + 8, 16, child->alloc.ctx);

        return block ? block + 8 : NULL;
    }
# endif
    return child->alloc.call(size, align, child->alloc.ctx);
}

static void module_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    const struct dal_instance *child = ctx;

# ifdef TILTED
    if (ptr && size < 8 && align <= 16)
        ptr = (char *)ptr - 8;
# endif
# ifdef ROUNDING
    size = (size + 15) & ~(size_t)15;
# endif
    child->dealloc.call(ptr, size, align, child->dealloc.ctx);
}
#endif

#ifdef OPENING
__attribute__((constructor)) static void opening(void)
{
    OPENING;
}
#endif

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
#ifdef STARTING
    STARTING;
#endif
#ifdef SULKING
    return request->fail(request, DAL_ERR_SYSTEM, "it is not in the mood (%d)", 3);
#endif
#ifdef SPLIT
    if (!request->find(request, "to")->instance)
        return request->fail(request, DAL_ERR_INVALID, "it was made without its other allocator");
#endif
    allocator->ctx = (void *)(uintptr_t)request->child;
#ifndef LAYER
    allocator->alloc = module_alloc;
    allocator->dealloc = module_dealloc;
#endif
    return 0;
}

static const struct dal_option options[] = {
    {"chunk", DAL_OPTION_BYTES, 0, 4096, 1 << 30, "64K", NULL, "how much is taken at a time"},
    {"threads", DAL_OPTION_COUNT, 0, 1, 64, "8", NULL, "how many it is made for"},
    {"huge", DAL_OPTION_SWITCH, 0, 0, 0, "off", NULL, "whether to ask for huge pages"},
    {"order", DAL_OPTION_CHOICE, 0, 0, 0, "first", "first|best|next", "which free block to take"},
    {"note", DAL_OPTION_TEXT, 0, 0, 0, NULL, NULL, "a word about it"},
    {"path", DAL_OPTION_TEXT, 0, 1, 99, NULL, NULL, "where it writes to"},
#ifdef SPLIT
    {"to", DAL_OPTION_SPEC, 0, 0, 0, "(fixed-arena:capacity=64K)", NULL,
     "where the rest comes from"},
#endif
};

static const struct dal_backend module = {
    DAL_BACKEND_HEADER,
    .name = NAME,
    .version = "1.2",
    .summary = "a module of the test",
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .create = create,
#ifdef LAYER
    .flags = DAL_BACKEND_LAYER,
#endif
};

DAL_MODULE(module);
