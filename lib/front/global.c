/* SPDX-License-Identifier: MIT */
/* The public calls that choose and that tell who serves. */
#include <config.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/global.h>

#include "choice/choice.h"
#include "choice/announce.h"
#include "registry/registry.h"

/* Say in words what became of a request, where it failed. argument is NULL if that was given. */
static int conclude(int error, const char *call, const char *argument, const char *reason)
{
    char what[256];
    struct dal_text_ text = dal_text_over_(what, sizeof what);

    if (!error)
        return DAL_OK;
    if (argument)
        dal_text_add_(&text, "%s(\"%s\")", call, argument);
    else
        dal_text_add_(&text, "%s(NULL)", call);
    if (error == DAL_ERR_SEALED)
        dal_announce_late_(what);
    else
        dal_announce_refusal_(what, reason);
    return error;
}

int dal_global_set_named(const struct dal_allocator *allocator, const char *name)
{
    char reason[DAL_MESSAGE_BYTES];
    struct dal_text_ why = dal_text_over_(reason, sizeof reason);
    int error;

    if (!name)
        name = "custom";
    error = allocator ? dal_choice_set_allocator_(allocator, name, &why)
                      : dal_fail_(&why, DAL_ERR_INVALID, "the allocator is NULL");
    return conclude(error, "dal_global_set", name, reason);
}

int dal_global_set(const struct dal_allocator *allocator)
{
    return dal_global_set_named(allocator, NULL);
}

int dal_global_set_spec(const char *spec)
{
    char reason[DAL_MESSAGE_BYTES];
    struct dal_text_ why = dal_text_over_(reason, sizeof reason);
    int error = spec ? dal_choice_set_spec_(spec, &why)
                     : dal_fail_(&why, DAL_ERR_INVALID, "the spec is NULL");

    return conclude(error, "dal_global_set_spec", spec, reason);
}

int dal_backend_register(const struct dal_backend *backend)
{
    int error = dal_registry_add_(backend);

    if (!error)
        dal_choice_retry_environment_();
    return error;
}

void dal_global_set_strict(bool strict)
{
    dal_choice_set_strict_(strict);
}

const char *dal_global_name(void)
{
    const struct dal_decision_ *decision = dal_choice_current_(NULL);

    return decision ? dal_decision_winner_(decision)->name : "unknown";
}

enum dal_source dal_global_source(void)
{
    const struct dal_decision_ *decision = dal_choice_current_(NULL);

    return decision ? dal_decision_source_(decision) : DAL_SOURCE_DEFAULT;
}

bool dal_global_is_sealed(void)
{
    int sealed = 0;

    (void)dal_choice_current_(&sealed);
    return sealed != 0;
}

const struct dal_instance *dal_global_active(void)
{
    int sealed = 0;
    const struct dal_decision_ *decision = dal_choice_current_(&sealed);

    return sealed ? dal_decision_winner_(decision) : NULL;
}
