/* SPDX-License-Identifier: MIT */
/*
 * What layers share that have a malloc family over their child's. Such a family has no ctx: its
 * functions stand for the one instance that serves the process.
 */
#ifndef DAL_LAYERS_FAMILY_H
#define DAL_LAYERS_FAMILY_H

#include <string.h>

#include <dispatchalloc/instance.h>

/* Whether a layer is one of those that an instance is made of, by the words of its name: "stats" is
 * in "fail+stats+system". Then the functions of its family are taken, and cannot stand for a second
 * instance, however many layers lie between. */
static inline int layer_is_in(const struct dal_instance *instance, const char *layer)
{
    const char *name = instance->name;
    size_t length = strlen(layer);

    while (strncmp(name, layer, length) != 0 || (name[length] && name[length] != '+')) {
        name = strchr(name, '+');
        if (!name)
            return 0;
        name++;
    }
    return 1;
}

#endif /* DAL_LAYERS_FAMILY_H */
