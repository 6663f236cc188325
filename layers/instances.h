/* SPDX-License-Identifier: MIT */
/*
 * The instances of a layer: how they are made and destroyed, and found by what has no ctx, which is
 * the functions of a malloc family, a report at exit, a public call. For the layers of this folder
 * only.
 *
 * Memory of an instance is never given back to the system, but to the next instance of its layer:
 * who walks the list needs no lock, and finds each of them whole.
 */
#ifndef LAYERS_INSTANCES_H
#define LAYERS_INSTANCES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/backend.h>

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
    const struct layer *layer;
    /* From here on an instance begins with zeroes. */
    struct dal_malloc_family child_family; /* that of the wrapped allocator, and the one over it; */
    struct dal_malloc_family family;       /* unused where there is none */
};

/* All of a layer. Grows by new ones and never shrinks. */
struct layer_instances {
    _Atomic(struct layer_instance *) newest;
    _Atomic(int) is_exiting; /* see dal_layer_newest_at_exit_() */
};

/* What a layer has of its own in the making and destroying of an instance, which begins with a
 * struct layer_instance. */
struct layer {
    const char *name;  /* in the name of an allocator */
    const char *needs; /* what an instance is memory for, in the message that there is none */
    struct layer_instances *instances;
    size_t instance_bytes;

    /* Fill a zeroed instance: 0; or what request->fail() has returned, with all of it undone. */
    int (*start)(const struct dal_backend_request *request, void *ctx);

    /* For an allocator whose ctx is an instance that was started. */
    void (*give_slots)(struct dal_allocator *allocator);

    /* See family.h. What frees, and tells a size, is the child's where it is NULL. */
    const struct dal_malloc_family *family;

    /* The last that is done while the instance may be found. May be NULL. */
    void (*finish)(void *ctx);

    /* Undo start(), once the instance is not found any more. */
    void (*unmake)(void *ctx);
};

/* The number that an option has, given or not. */
static inline uint64_t layer_number(const struct dal_backend_request *request, const char *key)
{
    return request->find(request, key)->number;
}

static inline int layer_is_given(const struct dal_backend_request *request, const char *key)
{
    return request->find(request, key)->given;
}

/* create() of a layer, and its destroy(). */
LAYER_HIDDEN int dal_layer_create_(const struct layer *layer,
                                   const struct dal_backend_request *request,
                                   struct dal_allocator *allocator);
LAYER_HIDDEN void dal_layer_destroy_(void *ctx);

/* The instance that was made last of those that may be found; the next older one; or NULL. */
LAYER_HIDDEN struct layer_instance *dal_layer_newest_(struct layer_instances *instances);
LAYER_HIDDEN struct layer_instance *dal_layer_older_(struct layer_instance *instance);

/* The first of them for who walks through all when exit handlers are done, and enters none: what is
 * destroyed from then on stays as it is. */
LAYER_HIDDEN struct layer_instance *dal_layer_newest_at_exit_(struct layer_instances *instances);

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
