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

        /* Acquire: the last one is done with it. Pairs with dal_layer_delist_(). */
        if (atomic_compare_exchange_strong_explicit(&instance->state, &unused, LAYER_TAKEN,
                                                    memory_order_acquire, memory_order_relaxed))
            break;
    }
    return instance;
}

/* Release: who walks the list, by acquire, finds the links. */
void *dal_layer_enlist_(struct layer_instances *instances, const struct dal_services *services,
                        size_t bytes)
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

/* Release, for the acquire in live_from(). */
void dal_layer_show_(struct layer_instance *instance)
{
    atomic_store_explicit(&instance->state, LAYER_LIVE, memory_order_release);
}

/* Sequentially consistent, as the load is: so that who hides one and then looks at something, and
 * who has stored that and then looks at states, do not miss each other (readers, and the reports of
 * `stats`). */
int dal_layer_hide_(struct layer_instance *instance)
{
    atomic_store_explicit(&instance->state, LAYER_TAKEN, memory_order_seq_cst);
    return atomic_load_explicit(&instance->readers, memory_order_seq_cst) == 0;
}

void dal_layer_delist_(struct layer_instance *instance)
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
