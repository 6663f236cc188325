/* SPDX-License-Identifier: MIT */
/* The list of all cases, and ready-made subjects. */
#include "kit.h"

#include <string.h>

/* ---- Cases -------------------------------------------------------------------------------- */

enum { CASES_MAX = 64 };

const struct conformance_case *conformance_cases(void)
{
    static const struct conformance_case *const lists[] = {
        kit_cases_basics,   kit_cases_align,   kit_cases_zeroed,  kit_cases_resize,
        kit_cases_in_place, kit_cases_exhaust, kit_cases_absurd,  kit_cases_child,
        kit_cases_threads,  kit_cases_fork,    kit_cases_process,
    };
    static struct conformance_case all[CASES_MAX + 1];
    size_t count = 0;

    if (all[0].name)
        return all;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (const struct conformance_case *c = lists[i]; c->name && count < CASES_MAX; c++)
            all[count++] = *c;
    }
    return all;
}

const struct conformance_case *conformance_case_find(const char *name)
{
    for (const struct conformance_case *c = conformance_cases(); c->name; c++) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

/* ---- Subjects ------------------------------------------------------------------------------- */

static int create_by_spec(const struct conformance_subject *subject,
                          const struct dal_instance **instance, char *message, size_t message_bytes)
{
    return dal_instance_create_spec(subject->spec, instance, message, message_bytes);
}

static void destroy_instance(const struct conformance_subject *subject,
                             const struct dal_instance *instance)
{
    (void)subject;
    dal_instance_destroy(instance);
}

struct conformance_subject conformance_subject_by_spec(const char *spec)
{
    return (struct conformance_subject){
        .name = spec,
        .spec = spec,
        .create = create_by_spec,
        .destroy = destroy_instance,
    };
}

static int create_by_allocator(const struct conformance_subject *subject,
                               const struct dal_instance **instance, char *message,
                               size_t message_bytes)
{
    if (message_bytes > 0)
        message[0] = '\0';
    return dal_instance_create(subject->data, subject->name, instance);
}

struct conformance_subject conformance_subject_by_allocator(const struct dal_allocator *allocator,
                                                            const char *name)
{
    return (struct conformance_subject){
        .name = name,
        .create = create_by_allocator,
        .destroy = destroy_instance,
        .data = allocator,
    };
}
