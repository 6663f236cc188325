/* SPDX-License-Identifier: MIT */
/* A layer in a module, which fills the allocator member by member and passes grow on by the
 * functions that its request has. With NO_CALLS it is older than those, with NEXT it knows what
 * only the next version has. */
#include <dispatchalloc/module.h>
#include <string.h>
#include <unistd.h>

static const struct dal_instance *child;

#ifndef NO_CALLS
static const struct dal_instance_calls *calls;

static void *layer_grow(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                        size_t new_align, void *ctx)
{
    (void)ctx;
    return calls->grow(child, ptr, old_size, old_align, new_size, new_align);
}

static size_t layer_usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return calls->usable_size(child, ptr, size, align);
}
#endif

static void say(const char *text)
{
    (void)!write(2, text, strlen(text));
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    const struct dal_option_value *size = request->find(request, "size");
    const struct dal_malloc_family *family = request->child_family;

    child = request->child;
    if (!size || size->number == 0 || strcmp(size->option->summary, "how much"))
        return request->fail(request, DAL_ERR_CREATE, "its size is missing");
    for (size_t i = 1; i < request->value_count; i++) {
        say("layer has ");
        say(dal_request_value(request, i)->key);
        say("\n");
    }
    if (family && family->size_bytes >= sizeof(struct dal_malloc_family))
        family->free_function(family->malloc_function(100));
#ifdef NEXT
    if (family && request->size_bytes < sizeof *request && family->size_bytes >= sizeof *family)
        return request->fail(request, DAL_ERR_CREATE,
                             "the family is longer than the library knows");
#endif
    say(family ? "layer: its child has a family\n" : "layer: its child has no family\n");
#ifndef NO_CALLS
    calls = request->calls;
    allocator->grow = layer_grow;
    allocator->usable_size = layer_usable_size;
#else
    (void)allocator;
#endif
    return 0;
}

static const struct dal_option options[] = {
    {.name = "size",
     .type = DAL_OPTION_BYTES,
     .maximum = 1 << 20,
     .default_text = "4K",
     .summary = "how much"},
};

static const struct dal_backend layer = {
    DAL_BACKEND_HEADER,
    .name = "layer",
    .version = "1",
    .summary = "passes everything on",
    .flags = DAL_BACKEND_LAYER | DAL_BACKEND_CHECKS_OPTIONS,
    .option_count = 1,
    .options = options,
    .create = create,
};

DAL_MODULE(layer);
