/* SPDX-License-Identifier: MIT */
/*
 * An instance of a built-in backend over a child of the test's choice. A spec would give
 * it the system allocator; here the request is made by hand, its options as numbers.
 */
#ifndef TESTS_OVER_CHILD_H
#define TESTS_OVER_CHILD_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc/backend.h>

enum { OVER_CHILD_OPTIONS = 8 };

struct over_child {
    struct dal_backend_request request; /* first: find and fail get its address */
    struct dal_option_value values[OVER_CHILD_OPTIONS];
    const struct dal_backend *backend;
    struct dal_allocator allocator;
    struct dal_instance_storage storage;
};

static inline const struct dal_option_value *over_child_find(
    const struct dal_backend_request *request, const char *key)
{
    for (size_t i = 0; i < request->value_count; i++)
        if (strcmp(dal_request_value(request, i)->key, key) == 0)
            return dal_request_value(request, i);
    return NULL;
}

static inline int over_child_fail(const struct dal_backend_request *request, int error,
                                  const char *format, ...)
{
    (void)request;
    (void)format;
    return error;
}

/* Options that are to be given follow as pairs of const char * and int; then NULL. What is
 * not given has no value and the number 0, whatever its default. */
static inline int over_child_make(struct over_child *over, const char *name,
                                  const struct dal_instance *child, ...)
{
    va_list pairs;
    const char *key;
    int error;

    memset(over, 0, sizeof *over);
    over->backend = dal_backend_find(name);
    if (!over->backend || over->backend->option_count > OVER_CHILD_OPTIONS)
        abort();
    for (uint32_t i = 0; i < over->backend->option_count; i++)
        over->values[i] = (struct dal_option_value){
            .option = &over->backend->options[i],
            .key = over->backend->options[i].name,
        };
    over->request = (struct dal_backend_request){
        DAL_BACKEND_ABI,
        sizeof over->request,
        .child = child,
        .values = over->values,
        .value_count = over->backend->option_count,
        .value_bytes = sizeof over->values[0],
        .find = over_child_find,
        .fail = over_child_fail,
        .services = dal_services_get(),
    };
    va_start(pairs, child);
    while ((key = va_arg(pairs, const char *)) != NULL) {
        struct dal_option_value *value =
            &over->values[over_child_find(&over->request, key) - over->values];

        value->number = (uint64_t)va_arg(pairs, int);
        value->text = "given";
        value->given = 1;
    }
    va_end(pairs);
    over->allocator.abi = DAL_ALLOCATOR_ABI;
    over->allocator.size_bytes = sizeof over->allocator;
    error = over->backend->create(&over->request, &over->allocator);
    if (error == 0 && dal_instance_init(&over->storage, &over->allocator, name) != 0)
        abort();
    return error;
}

static inline void over_child_destroy(struct over_child *over)
{
    over->backend->destroy(over->allocator.ctx);
}

#endif /* TESTS_OVER_CHILD_H */
