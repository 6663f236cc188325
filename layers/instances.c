/* SPDX-License-Identifier: MIT */
/* The instances of a layer. See instances.h. */
#include <string.h>

#include <dispatchalloc/global.h>

#include "instances.h"

/* ---- The list -------------------------------------------------------------------------------- */

static struct layer_instance *take_unused(struct layer_instances *instances)
{
    struct layer_instance *instance =
        atomic_load_explicit(&instances->newest, memory_order_acquire);

    for (; instance; instance = instance->older) {
        int unused = LAYER_UNUSED;

        /* Acquire: the last one is done with it. Pairs with delist(). */
        if (atomic_compare_exchange_strong_explicit(&instance->state, &unused, LAYER_TAKEN,
                                                    memory_order_acquire, memory_order_relaxed))
            break;
    }
    return instance;
}

/* Memory for one that is LAYER_TAKEN, zeroed but for its link, or NULL. Release: who walks the
 * list, by acquire, finds the links. */
static struct layer_instance *enlist(struct layer_instances *instances,
                                     const struct dal_services *services, size_t bytes)
{
    struct layer_instance *instance = take_unused(instances);
    size_t kept = offsetof(struct layer_instance, child_family);

    if (instance)
        return memset((char *)instance + kept, 0, bytes - kept), instance;
    instance = services->pages_map(bytes);
    if (!instance)
        return NULL;
    atomic_store_explicit(&instance->state, LAYER_TAKEN, memory_order_relaxed);
    instance->older = atomic_load_explicit(&instances->newest, memory_order_acquire);
    while (!atomic_compare_exchange_weak_explicit(&instances->newest, &instance->older, instance,
                                                  memory_order_release, memory_order_acquire))
        ;
    return instance;
}

/* From here on it may be found. Release, for the acquire in live_from(). */
static void show(struct layer_instance *instance)
{
    atomic_store_explicit(&instance->state, LAYER_LIVE, memory_order_release);
}

/* From here on it is not found any more. Returns 0 if somebody looks into it: then what may be
 * looked at stays where it is, and it is not delisted. Sequentially consistent, as the load is: so
 * that who hides one and then looks at something, and who has stored that and then looks at states,
 * do not miss each other (readers, and who walks at exit). */
static int hide(struct layer_instance *instance)
{
    atomic_store_explicit(&instance->state, LAYER_TAKEN, memory_order_seq_cst);
    return atomic_load_explicit(&instance->readers, memory_order_seq_cst) == 0 &&
           !atomic_load_explicit(&instance->layer->instances->is_exiting, memory_order_seq_cst);
}

/* Give its memory to the next one. */
static void delist(struct layer_instance *instance)
{
    atomic_store_explicit(&instance->state, LAYER_UNUSED, memory_order_release);
}

static struct layer_instance *live_from(struct layer_instance *instance)
{
    while (instance && atomic_load_explicit(&instance->state, memory_order_seq_cst) != LAYER_LIVE)
        instance = instance->older;
    return instance;
}

struct layer_instance *dal_layer_newest_(struct layer_instances *instances)
{
    return live_from(atomic_load_explicit(&instances->newest, memory_order_acquire));
}

struct layer_instance *dal_layer_older_(struct layer_instance *instance)
{
    return live_from(instance->older);
}

struct layer_instance *dal_layer_newest_at_exit_(struct layer_instances *instances)
{
    atomic_store_explicit(&instances->is_exiting, 1, memory_order_seq_cst);
    return dal_layer_newest_(instances);
}

int dal_layer_enter_(struct layer_instance *instance)
{
    atomic_fetch_add_explicit(&instance->readers, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&instance->state, memory_order_seq_cst) == LAYER_LIVE)
        return 1;
    dal_layer_leave_(instance);
    return 0;
}

void dal_layer_leave_(struct layer_instance *instance)
{
    atomic_fetch_sub_explicit(&instance->readers, 1, memory_order_seq_cst);
}

/* ---- Making one ------------------------------------------------------------------------------ */

/* Over that of the child, but not where the layer is in that already: the functions have no ctx,
 * and cannot stand for two. */
static void give_family(const struct layer *layer, const struct dal_backend_request *request,
                        struct dal_allocator *allocator)
{
    const struct dal_malloc_family *child_family = request->child_family;
    struct layer_instance *instance = allocator->ctx;
    struct dal_malloc_family family = *layer->family;

    if (dal_layer_is_in_(request->child, layer->name) ||
        child_family->malloc_function == family.malloc_function)
        return;
    family.abi = DAL_ALLOCATOR_ABI;
    family.size_bytes = sizeof family;
    if (!family.free_function)
        family.free_function = child_family->free_function;
    if (!family.usable_size_function)
        family.usable_size_function = child_family->usable_size_function;
    instance->child_family = *child_family;
    instance->family = family;
    allocator->malloc_family = &instance->family;
}

int dal_layer_create_(const struct layer *layer, const struct dal_backend_request *request,
                      struct dal_allocator *allocator)
{
    struct layer_instance *instance =
        enlist(layer->instances, request->services, layer->instance_bytes);
    int error;

    if (!instance)
        return request->fail(request, DAL_ERR_MEMORY, "there is no memory for its %s",
                             layer->needs);
    instance->layer = layer;
    error = layer->start(request, instance);
    if (error) {
        delist(instance);
        return error;
    }
    allocator->ctx = instance;
    layer->give_slots(allocator);
    if (request->child_family)
        give_family(layer, request, allocator);
    /* Last: a report at exit, or a handler, may look at all of it from here on. */
    show(instance);
    return DAL_OK;
}

/* Hidden before anything of it goes; what has to stay is never delisted. */
void dal_layer_destroy_(void *ctx)
{
    struct layer_instance *instance = ctx;

    if (instance->layer->finish)
        instance->layer->finish(ctx);
    if (!hide(instance))
        return;
    instance->layer->unmake(ctx);
    delist(instance);
}

/* ---- Which ----------------------------------------------------------------------------------- */

void *dal_layer_of_(const struct dal_instance *instance, dal_alloc_function alloc)
{
    if (!instance || instance == dal_global())
        instance = dal_global_active();
    return instance && instance->alloc.call == alloc ? instance->alloc.ctx : NULL;
}

struct layer_instance *dal_layer_serving_(struct layer_instances *instances,
                                          dal_alloc_function alloc)
{
    struct layer_instance *instance = dal_layer_of_(NULL, alloc);

    if (instance)
        return instance;
    instance = dal_layer_newest_(instances);
    while (instance && !instance->family.malloc_function)
        instance = dal_layer_older_(instance);
    return instance;
}

/* By its name, which has those of all, such as "limit+stats+system". */
int dal_layer_is_in_(const struct dal_instance *allocator, const char *layer)
{
    size_t length = strlen(layer);

    for (const char *item = allocator->name; item;) {
        const char *end = strchr(item, '+');

        if (strncmp(item, layer, length) == 0 && item + length == (end ? end : item + strlen(item)))
            return 1;
        item = end ? end + 1 : NULL;
    }
    return 0;
}
