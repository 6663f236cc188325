/* SPDX-License-Identifier: MIT */
/* The list of all cases, and ready-made subjects. */
#include "system.h"

#include <string.h>

/* ---- Cases -------------------------------------------------------------------------------- */

enum { CASES_MAX = 64 };

/* The system's own (system.h). */
static const struct conformance_case cases_of_processes[] = {
    {"fork_leaves_two_heaps", "after fork, parent and child go on with what they had",
     kit_fork_leaves_two_heaps},
    {"fork_while_threads_allocate", "the child of a fork among busy threads can allocate",
     kit_fork_while_threads_allocate},
    {"serves_before_and_after_main", "calls before main and after exit handlers are served",
     kit_serves_before_and_after_main},
    {"serves_the_front_around_fork", "as the global allocator it works in a child of fork",
     kit_serves_the_front_around_fork},
    {NULL, NULL, NULL},
};

const struct conformance_case *conformance_cases(void)
{
    static const struct conformance_case *const lists[] = {
        kit_cases_basics, kit_cases_unsized,  kit_cases_align,    kit_cases_zeroed,
        kit_cases_resize, kit_cases_in_place, kit_cases_exhaust,  kit_cases_absurd,
        kit_cases_child,  kit_cases_threads,  cases_of_processes,
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
