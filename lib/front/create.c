/* SPDX-License-Identifier: MIT */
/* The public calls that make instances and that look at specs. */
#include <config.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/instance.h>
#include <dispatchalloc/spec.h>

#include "registry/builtin.h"
#include "os/os.h"
#include "registry/loader.h"
#include "registry/registry.h"
#include "chain/stack.h"

int dal_instance_create(const struct dal_allocator *allocator, const char *name,
                        const struct dal_instance **instance)
{
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);
    struct dal_stack_ *stack;
    int error;

    if (!allocator || !instance)
        return DAL_ERR_INVALID;
    error = dal_stack_create_single_(allocator, name, DAL_STACK_OF_PROGRAM, &stack, &nowhere);
    if (!error)
        *instance = dal_stack_top_(stack);
    return error;
}

int dal_instance_create_spec(const char *spec, const struct dal_instance **instance, char *message,
                             size_t message_bytes)
{
    struct dal_text_ why = dal_text_over_(message, message ? message_bytes : 0);
    struct dal_stack_ *stack;
    int error;

    if (!spec || !instance)
        return dal_fail_(&why, DAL_ERR_INVALID, "the spec or the place for the instance is NULL");
    error = dal_stack_create_(spec, &dal_system_instance_, DAL_STACK_OF_PROGRAM, &stack, &why);
    dal_text_clean_(&why, 0);
    if (!error)
        *instance = dal_stack_top_(stack);
    return error;
}

void dal_instance_destroy(const struct dal_instance *instance)
{
    dal_stack_destroy_(dal_stack_of_(instance), 0);
}

/* The items outside of parentheses, of a spec that was found good. */
static int visit_items(const struct dal_spec_ *spec, dal_spec_visitor visit, void *data,
                       struct dal_option_value *values)
{
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);
    int result = DAL_OK;

    for (size_t i = 0; !result && i < spec->lists[0].count; i++) {
        struct dal_spec_item item = {
            .size_bytes = sizeof item,
            .value_bytes = sizeof values[0],
            .backend = spec->items[i].backend,
            .values = values,
            .name = spec->items[i].name,
        };
        size_t value_count;

        result = dal_options_resolve_(spec, i, values, &value_count, &nowhere);
        item.value_count = (uint32_t)value_count;
        if (!result)
            result = visit(&item, data);
    }
    return result;
}

int dal_module_visit(dal_module_visitor visit, void *data)
{
    return visit && dal_loader_visit_ ? dal_loader_visit_(visit, data) : DAL_OK;
}

int dal_spec_visit(const char *spec, dal_spec_visitor visit, void *data, char *message,
                   size_t message_bytes)
{
    struct dal_text_ why = dal_text_over_(message, message ? message_bytes : 0);
    struct dal_option_value values[DAL_VALUES_MAX];
    struct dal_spec_ *parsed;
    int error;

    if (!spec)
        return dal_fail_(&why, DAL_ERR_INVALID, "the spec is NULL");
    error = dal_stack_parse_(spec, &parsed, values, &why);
    dal_text_clean_(&why, 0);
    if (error)
        return error;
    if (visit)
        error = visit_items(parsed, visit, data, values);
    dal_os_unmap_(parsed, sizeof *parsed);
    return error;
}
