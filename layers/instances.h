/* SPDX-License-Identifier: MIT */
/*
 * The instances of a layer, for what has no ctx to find one by: the functions of a malloc family, a
 * report at exit, a public call. For the layers of this folder only.
 *
 * Memory of an instance is never given back to the system, but to the next instance of its layer:
 * who walks the list needs no lock, and finds each of them whole.
 */
#ifndef LAYERS_INSTANCES_H
#define LAYERS_INSTANCES_H

#include <stdatomic.h>
#include <stddef.h>

#include <dispatchalloc/instance.h>
#include <dispatchalloc/service.h>

#if defined __ELF__ || defined __APPLE__
# define LAYER_HIDDEN __attribute__((visibility("hidden")))
#else
# define LAYER_HIDDEN
#endif

/* Whether the memory of an instance is in use, and whether the instance may be found. */
enum layer_state { LAYER_UNUSED, LAYER_TAKEN, LAYER_LIVE };

/* What an instance begins with, at the start of a page. */
struct layer_instance {
    struct layer_instance *older; /* in the list of all that were ever made */
    _Atomic(int) state;           /* enum layer_state */
    _Atomic(unsigned) readers;    /* see dal_layer_enter_() */
    /* From here on an instance begins with zeroes. */
    struct dal_malloc_family child_family; /* that of the wrapped allocator, and the one over it; */
    struct dal_malloc_family family;       /* unused where there is none */
};

/* All of a layer. Grows by new ones and never shrinks. */
struct layer_instances {
    _Atomic(struct layer_instance *) newest;
};

/* Memory for one that is LAYER_TAKEN, zeroed but for its link, or NULL. */
LAYER_HIDDEN void *dal_layer_enlist_(struct layer_instances *instances,
                                     const struct dal_services *services, size_t bytes);

/* From here on it may be found. */
LAYER_HIDDEN void dal_layer_show_(struct layer_instance *instance);

/* From here on it is not found any more. Returns 0 if somebody looks into it: then what may be
 * looked at stays where it is, and it is not delisted. */
LAYER_HIDDEN int dal_layer_hide_(struct layer_instance *instance);

/* Give its memory to the next one. */
LAYER_HIDDEN void dal_layer_delist_(struct layer_instance *instance);

/* The instance that was made last of those that may be found; the next older one; or NULL. */
LAYER_HIDDEN struct layer_instance *dal_layer_newest_(struct layer_instances *instances);
LAYER_HIDDEN struct layer_instance *dal_layer_older_(struct layer_instance *instance);

/* Look into one that was found, which another thread may be about to destroy: 1 if it stays until
 * it is left. Nobody waits. A reader that a fork leaves behind keeps it in the child for ever. */
LAYER_HIDDEN int dal_layer_enter_(struct layer_instance *instance);
LAYER_HIDDEN void dal_layer_leave_(struct layer_instance *instance);

/* The one that an allocation from an instance (NULL: from the front) comes to first, by the alloc
 * function of the layer, or NULL. */
LAYER_HIDDEN void *dal_layer_of_(const struct dal_instance *instance, dal_alloc_function alloc);

/* The one that the functions of a malloc family stand for, at the first call of one: that which
 * serves, or, since another layer may be around that, the one that was made last and has a family.
 */
LAYER_HIDDEN struct layer_instance *dal_layer_serving_(struct layer_instances *instances,
                                                       dal_alloc_function alloc);

/* Whether a layer of this name is one of those that an allocator consists of. */
LAYER_HIDDEN int dal_layer_is_in_(const struct dal_instance *allocator, const char *layer);

#endif /* LAYERS_INSTANCES_H */
