/* SPDX-License-Identifier: MIT */
/*
 * What the modules have in common whose allocator there is one of in a process. Options are shared
 * by all instances: what one of them set stays, and another one that asks for something else is
 * refused before it sets anything. (jemalloc has its options in another way: options.c.)
 */
#ifndef DAL_BACKENDS_PROCESS_OPTIONS_H
#define DAL_BACKENDS_PROCESS_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include <dispatchalloc/module.h>

#include "early_module.h"
#include "process_lock.h"

/* Options without a default: what nobody gives is left to the allocator. The names are short, for
 * the tables are long. */
/* clang-format off */
#define SWITCH(name, summary) \
    {name, DAL_OPTION_SWITCH, 0, 0, 0, NULL, NULL, summary}
#define CHOICE(name, words, summary) \
    {name, DAL_OPTION_CHOICE, 0, 0, 0, NULL, words, summary}
#define COUNT(name, min, max, summary) \
    {name, DAL_OPTION_COUNT, 0, min, max, NULL, NULL, summary}
#define BYTES(name, min, max, summary) \
    {name, DAL_OPTION_BYTES, 0, min, max, NULL, NULL, summary}
#define TEXT(name, summary) \
    {name, DAL_OPTION_TEXT, 0, 0, 0, NULL, NULL, summary}
/* clang-format on */

/* What the options were set to, by their place in the table; numbers, switches and words alone, for
 * texts would have to be compared. */
struct dal_process_options_ {
    bool is_started; /* an instance was made, so that there may be blocks */
    struct {
        bool is_set;
        uint64_t number;
        char text[32]; /* of a longer one, in zeros, the start */
    } kept[64];        /* a backend has no more */
};

typedef int (*dal_process_setter_)(const struct dal_backend_request *request, size_t index,
                                   const struct dal_option_value *given);

/* Set each option that is given and was not set. `set` gives DAL_OK or what it refuses with, and is
 * called by one thread at a time; what was set before one that it refuses stays. */
static inline int dal_process_options_set_(const struct dal_backend_request *request,
                                           const char *allocator, dal_process_setter_ set,
                                           struct dal_process_options_ *options)
{
    static dal_process_lock_word_ setting;
    int error = DAL_OK;

    for (size_t i = 0; i < request->value_count; i++) {
        if (dal_request_value(request, i)->given)
            dal_module_need_constructors_();
    }
    dal_process_lock_(&setting);
    for (size_t i = 0; i < request->value_count && !error; i++) {
        const struct dal_option_value *given = dal_request_value(request, i);

        if (given->given && options->kept[i].is_set && options->kept[i].number != given->number)
            error = request->fail(request, DAL_ERR_CREATE,
                                  "there is one %s in a process, and it runs with %s=%s, not %s",
                                  allocator, given->key, options->kept[i].text, given->text);
    }
    for (size_t i = 0; i < request->value_count && !error; i++) {
        const struct dal_option_value *given = dal_request_value(request, i);

        if (!given->given || options->kept[i].is_set)
            continue;
        error = set(request, i, given);
        if (error)
            break;
        options->kept[i].is_set = true;
        options->kept[i].number = given->number;
        snprintf(options->kept[i].text, sizeof options->kept[i].text, "%s", given->text);
    }
    if (!error)
        options->is_started = true;
    dal_process_unlock_(&setting);
    return error;
}

#endif /* DAL_BACKENDS_PROCESS_OPTIONS_H */
