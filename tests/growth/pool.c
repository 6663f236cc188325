/* SPDX-License-Identifier: MIT */
/*
 * A backend in a module, which assigns a whole struct dal_allocator. One of the next version may
 *
 *   NEEDS_REQUEST, NEEDS_CALLS                need what only that library has
 *   FILLS_SLOT, FILLS_OPTION, FILLS_BACKEND   fill what only that library knows
 *   FILLS_SLOT_ALONE                          do so by the member, and leave the size as it is
 */
#include <dispatchalloc/module.h>

static void *pool_alloc(size_t size, size_t align, void *ctx)
{
    return dal_instance_alloc(ctx, size, align);
}

static void pool_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    dal_instance_dealloc(ctx, ptr, size, align);
}

#if defined FILLS_SLOT || defined FILLS_SLOT_ALONE
static size_t pool_probe(size_t number, void *ctx)
{
    (void)ctx;
    return 3 * number;
}
#endif

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    const struct dal_option_value *last = request->find(request, "last");

#ifdef NEEDS_REQUEST
    if (request->grown != 42)
        return request->fail(request, DAL_ERR_CREATE, "grown is %d", (int)request->grown);
#endif
#ifdef NEEDS_CALLS
    if (request->calls->probe(request->child, 1) != 2)
        return request->fail(request, DAL_ERR_CREATE, "probe does not work");
#endif
    if (request->value_count != 3 || dal_request_value(request, 2) != last)
        return request->fail(request, DAL_ERR_CREATE, "its values are out of place");
    if (last->number > 9)
        return request->fail(request, DAL_ERR_CREATE, "last=%s is too much", last->text);
#ifdef FILLS_SLOT_ALONE
    allocator->ctx = (void *)(uintptr_t)request->child;
    allocator->alloc = pool_alloc;
    allocator->dealloc = pool_dealloc;
    allocator->probe = pool_probe;
#else
    *allocator = (struct dal_allocator){
        DAL_ALLOCATOR_HEADER((void *)(uintptr_t)request->child),
        .alloc = pool_alloc,
        .dealloc = pool_dealloc,
# ifdef FILLS_SLOT
        .probe = pool_probe,
# endif
    };
#endif
    return 0;
}

static const struct dal_option options[] = {
    {.name = "size",
     .type = DAL_OPTION_BYTES,
     .maximum = 1 << 20,
     .default_text = "4K",
     .summary = "how much"},
    {.name = "mode",
     .type = DAL_OPTION_CHOICE,
     .choices = "a|b",
     .default_text = "a",
     .summary = "how"},
    {.name = "last",
     .type = DAL_OPTION_COUNT,
     .maximum = 99,
     .default_text = "1",
#ifdef FILLS_OPTION
     .grown = "something",
#endif
     .summary = "the last"},
};

static const struct dal_backend pool = {
    DAL_BACKEND_HEADER,
    .name = "pool",
    .version = "1",
    .summary = "blocks of its child",
    .option_count = sizeof options / sizeof options[0],
    .options = options,
    .create = create,
#ifdef NEEDS_REQUEST
    .needs_request_bytes = DAL_NEEDS(struct dal_backend_request, grown),
#endif
#ifdef NEEDS_CALLS
    .needs_calls_bytes = DAL_NEEDS(struct dal_instance_calls, probe),
#endif
#ifdef NEEDS_SERVICES
    .needs_services_bytes = DAL_NEEDS(struct dal_services, grown),
#endif
#ifdef FILLS_BACKEND
    .grown = "something",
#endif
};

DAL_MODULE(pool);
