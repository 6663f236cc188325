/* SPDX-License-Identifier: MIT */
/* What can be asked of a limit layer, and who is told of soft. */
#include <string.h>

#include <dispatchalloc/error.h>

#include "limit.h"

static struct limit_instance *layer_of(const struct dal_instance *instance)
{
    return dal_layer_of_(instance, dal_limit_alloc_);
}

static uint64_t live_bytes(struct limit_instance *layer)
{
    return dal_limit_live_(layer);
}

static uint64_t bytes(struct limit_instance *layer)
{
    return layer->bytes == INT64_MAX ? 0 : layer->bytes;
}

static uint64_t soft_bytes(struct limit_instance *layer)
{
    return layer->soft;
}

static uint64_t refusals(struct limit_instance *layer)
{
    return atomic_load_explicit(&layer->refusals, memory_order_relaxed);
}

static uint64_t soft_crossings(struct limit_instance *layer)
{
    return atomic_load_explicit(&layer->crossings, memory_order_relaxed);
}

int dal_limit_get(const struct dal_instance *instance, const char *key, uint64_t *value)
{
    static const struct {
        const char *key;
        uint64_t (*read)(struct limit_instance *layer);
    } keys[] = {
        {"live_bytes", live_bytes},         {"bytes", bytes},
        {"soft_bytes", soft_bytes},         {"refusals", refusals},
        {"soft_crossings", soft_crossings},
    };
    struct limit_instance *layer;

    if (!key || !value)
        return DAL_ERR_INVALID;
    layer = layer_of(instance);
    if (!layer)
        return DAL_ERR_UNSUPPORTED;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i].key, key) == 0) {
            *value = keys[i].read(layer);
            return DAL_OK;
        }
    }
    return DAL_ERR_UNKNOWN;
}

int dal_limit_on_soft(const struct dal_instance *instance, struct dal_limit_listener *listener)
{
    struct limit_instance *layer = layer_of(instance);

    if (!layer || !layer->soft)
        return DAL_ERR_UNSUPPORTED;
    /* Release: pairs with the acquire of who calls it. */
    atomic_store_explicit(&layer->listener, listener, memory_order_release);
    return DAL_OK;
}
