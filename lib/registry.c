/* SPDX-License-Identifier: MIT */
/*
 * The backends and layers that have a name: those that the program registered, then those
 * built in.
 *
 * Registration takes no lock. The slots are filled in order, and whoever registers looks at
 * every slot before the one it takes, so that of two registrations of one name that run at
 * once exactly one sees the other's.
 */
#include <config.h>

#include "registry.h"

#include <stdatomic.h>
#include <string.h>

#include <dispatchalloc/error.h>

#include "builtin.h"
#include "choice.h"
#include "nearest.h"
#include "options.h"

#define REGISTERED_MAX 64

/* Each goes from NULL to a backend once: release in register, acquire in every reader. */
static _Atomic(const struct dal_backend *) registered[REGISTERED_MAX];

static const struct dal_backend *registered_at(size_t index)
{
    return atomic_load_explicit(&registered[index], memory_order_acquire);
}

static const struct dal_backend *find_builtin(const char *name)
{
    for (size_t i = 0; dal_builtins_[i]; i++) {
        if (strcmp(dal_builtins_[i]->name, name) == 0)
            return dal_builtins_[i];
    }
    return NULL;
}

static int word_is_good(const char *word, size_t length_max)
{
    size_t length;

    if (!word || word[0] < 'a' || word[0] > 'z')
        return 0;
    length = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return word[length] == '\0' && length <= length_max;
}

static int options_are_good(const struct dal_backend *backend)
{
    if (backend->option_count > DAL_OPTIONS_MAX || (backend->option_count && !backend->options))
        return 0;
    for (size_t i = 0; i < backend->option_count; i++) {
        const struct dal_option *option = &backend->options[i];
        uint64_t number;

        if (!word_is_good(option->name, DAL_NAME_MAX) || !option->summary ||
            option->type < DAL_OPTION_BYTES || option->type > DAL_OPTION_CHOICE ||
            (option->type == DAL_OPTION_CHOICE && !option->choices))
            return 0;
        if (option->default_text && dal_option_check_(option, option->default_text, &number))
            return 0;
    }
    return 1;
}

static int check(const struct dal_backend *backend)
{
    if (!backend)
        return DAL_ERR_INVALID;
    if (backend->abi != DAL_BACKEND_ABI || backend->size_bytes < sizeof *backend)
        return DAL_ERR_ABI;
    if (!word_is_good(backend->name, DAL_NAME_MAX) || !backend->version || !backend->summary ||
        !backend->create || !options_are_good(backend))
        return DAL_ERR_INVALID;
    return DAL_OK;
}

int dal_backend_register(const struct dal_backend *backend)
{
    int error = check(backend);
    size_t i = 0;

    if (error)
        return error;
    if (find_builtin(backend->name))
        return DAL_ERR_TAKEN;
    while (i < REGISTERED_MAX) {
        const struct dal_backend *there = registered_at(i);

        if (!there &&
            atomic_compare_exchange_strong_explicit(&registered[i], &there, backend,
                                                    memory_order_acq_rel, memory_order_acquire)) {
            dal_choice_retry_environment_();
            return DAL_OK;
        }
        if (there == backend)
            return DAL_OK;
        if (strcmp(there->name, backend->name) == 0)
            return DAL_ERR_TAKEN;
        i++;
    }
    return DAL_ERR_FULL;
}

const struct dal_backend *dal_backend_at(size_t index)
{
    size_t count = 0;

    while (count < REGISTERED_MAX && registered_at(count))
        count++;
    if (index < count)
        return registered_at(index);
    for (index -= count, count = 0; dal_builtins_[count]; count++) {
        if (count == index)
            return dal_builtins_[count];
    }
    return NULL;
}

size_t dal_backend_count(void)
{
    size_t count = 0;

    while (dal_backend_at(count))
        count++;
    return count;
}

const struct dal_backend *dal_backend_find(const char *name)
{
    const struct dal_backend *backend;

    for (size_t i = 0; i < REGISTERED_MAX && (backend = registered_at(i)) != NULL; i++) {
        if (strcmp(backend->name, name) == 0)
            return backend;
    }
    return find_builtin(name);
}

void dal_registry_explain_unknown_(const char *name, struct dal_text_ *why)
{
    struct dal_nearest_ nearest = {name, NULL, 0};
    const struct dal_backend *backend;

    dal_text_add_(why, "no backend or layer is called \"%s\"", name);
    for (size_t i = 0; (backend = dal_backend_at(i)) != NULL; i++)
        dal_nearest_try_(&nearest, backend->name);
    if (nearest.best)
        dal_text_add_(why, " (did you mean \"%s\"?)", nearest.best);
    dal_text_add_(why, "; known:");
    for (size_t i = 0; (backend = dal_backend_at(i)) != NULL; i++)
        dal_text_add_(why, "%s %s", i ? "," : "", backend->name);
}
