/* SPDX-License-Identifier: MIT */
/*
 * Making stacks: look each item up, check its options, call create() from the innermost
 * item outwards, nested specs before the item whose option they are, fill the tables.
 *
 * No lock is held while create() runs, since it is code that we do not know: it may load
 * libraries, start threads, or wait for either.
 */
#include <config.h>

#include "chain/stack.h"

#include <string.h>

#include <dispatchalloc/error.h>

#include "registry/builtin.h"
#include "os/os.h"
#include "chain/fork.h"
#include "chain/headed.h"
#include "chain/instance.h"
#include "chain/respell.h"
#include "registry/registry.h"
#include "service/service.h"

/* dal_* calls that come from inside create() are found by this (see hook.c). */
static _Thread_local const char *creating;

const char *dal_stack_creating_(void)
{
    return creating;
}

static const struct dal_option_value *find_value(const struct dal_backend_request *request,
                                                 const char *key)
{
    return dal_option_value_of_((struct dal_option_value *)(uintptr_t)request->values,
                                request->value_count, key);
}

static int keep_reason(const struct dal_backend_request *request, int error, const char *format,
                       ...)
{
    struct dal_text_ *why = request->private_;
    va_list arguments;

    va_start(arguments, format);
    dal_text_add_list_(why, format, arguments);
    va_end(arguments);
    return error;
}

/* What create() fills in: with room behind it, since a module of a later version may assign a
 * whole struct dal_allocator of its own. As many slots as a program's storage has room for. */
struct filled {
    struct dal_allocator allocator;
    unsigned char later[32 * sizeof(void *)];
};

/* A slot that we do not know counts as part of the allocator, so that it is refused as one. */
static void measure(struct filled *filled)
{
    size_t used = sizeof filled->later;
    size_t bytes;

    while (used > 0 && filled->later[used - 1] == 0)
        used--;
    used = (used + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    bytes = offsetof(struct filled, later) + used;
    if (used > 0 && filled->allocator.size_bytes < bytes)
        filled->allocator.size_bytes = (uint32_t)bytes;
}

/* Calls create() and makes sure that a failure has a number and a reason. */
static int call_create(const struct dal_backend *backend, const struct dal_option_value *values,
                       size_t value_count, const struct dal_instance *next,
                       const struct dal_malloc_family *child_family, struct filled *filled,
                       struct dal_text_ *why)
{
    const char *outer = creating;
    size_t length;
    int error;
    struct dal_backend_request request = {
        .abi = DAL_BACKEND_ABI,
        .size_bytes = sizeof request,
        .child = next ? next : &dal_system_instance_,
        .values = values,
        .value_count = (uint32_t)value_count,
        .value_bytes = sizeof *values,
        .find = find_value,
        .fail = keep_reason,
        .private_ = why,
        .child_family = child_family,
        .calls = &dal_instance_calls_,
        .services = &dal_services_,
    };

    memset(filled, 0, sizeof *filled);
    filled->allocator.abi = DAL_ALLOCATOR_ABI;
    filled->allocator.size_bytes = sizeof filled->allocator;
    dal_text_add_(why, "\"%s\": ", backend->name);
    length = why->length;
    creating = backend->name;
    error = backend->create(&request, &filled->allocator);
    creating = outer;
    measure(filled);
    if (error > 0)
        error = DAL_ERR_CREATE;
    return error && why->length == length ? dal_fail_(why, error, "%s", dal_strerror(error))
                                          : error;
}

/* Point the values of an item to the nested stacks, which are there already. */
static void set_instances(struct dal_stack_ *stack, size_t index, size_t value_count)
{
    for (size_t i = 1; i < stack->spec.list_count; i++) {
        const struct dal_spec_list_ *list = &stack->spec.lists[i];

        if (list->owner == index)
            dal_option_value_of_(stack->values, value_count, list->key)->instance =
                &stack->tables[list->first].head;
    }
}

/* What a layer may give a family over: only in what may come to serve malloc is there a use for
 * one, and a family has no ctx, so that a process has but one of each. Over what would be told by
 * headers it is the family that puts them there, so that the layer sees blocks without. */
static const struct dal_malloc_family *child_family(const struct dal_stack_ *stack, size_t index,
                                                    const struct dal_instance *child)
{
    int may_serve = stack->owner == DAL_STACK_OF_LIBRARY && stack->spec.items[index].list == 0;

    if (!child || !may_serve)
        return NULL;
    if (!dal_tail_of_(child)->malloc_family && !dal_is_known_(child))
        return &dal_headed_family_;
    return dal_tail_of_(child)->malloc_family;
}

/* Make item number index, whose next one (or base) is there already. */
static int create_item(struct dal_stack_ *stack, size_t index, const struct dal_instance *base,
                       const char *name, struct dal_text_ *why)
{
    const struct dal_backend *backend = stack->spec.items[index].backend;
    int is_layer = (backend->flags & DAL_BACKEND_LAYER) != 0;
    const struct dal_instance *below =
        dal_spec_is_last_(&stack->spec, index) ? base : &stack->tables[index + 1].head;
    const struct dal_instance *next = is_layer ? below : NULL;
    struct filled filled;
    size_t value_count;
    int error = dal_options_resolve_(&stack->spec, index, stack->values, &value_count, why);

    if (error)
        return error;
    set_instances(stack, index, value_count);
    error = call_create(backend, stack->values, value_count, next, child_family(stack, index, next),
                        &filled, why);
    if (error)
        return error;
    error = dal_instance_fill_(&stack->tables[index], &filled.allocator, next, name, why);
    if (error) {
        if (backend->destroy)
            backend->destroy(filled.allocator.ctx);
        return error;
    }
    if (next && stack->tables[index].tail.malloc_family)
        stack->tables[index].tail.headed = dal_headed_of_(next);
    stack->ctxs[index] = filled.allocator.ctx;
    stack->made[stack->made_count++] = index;
    return DAL_OK;
}

/* In the opposite order of their making. */
static void destroy_items(const struct dal_stack_ *stack)
{
    for (size_t i = stack->made_count; i-- > 0;) {
        const struct dal_backend *backend = stack->spec.items[stack->made[i]].backend;

        if (backend->destroy)
            backend->destroy(stack->ctxs[stack->made[i]]);
    }
}

#define ONE_BACKEND "; a spec has one backend, behind its layers"

/* A backend before layers that are known: it goes behind them. Nothing where that is no help. */
static void suggest_order(const struct dal_spec_ *spec, size_t index, struct dal_text_ *why)
{
    const struct dal_spec_list_ *list = &spec->lists[spec->items[index].list];
    const char *backend = list->text, *layers;
    size_t length;

    for (size_t i = index + 1; i < list->first + list->count; i++) {
        const struct dal_backend *later = dal_registry_find_known_(spec->items[i].name);

        if (!later || !(later->flags & DAL_BACKEND_LAYER)) {
            dal_text_add_(why, ONE_BACKEND);
            return;
        }
    }
    if (strchr(list->text, '('))
        return;
    for (size_t i = list->first; i < index; i++)
        backend = strchr(backend, '+') + 1;
    layers = strchr(backend, '+') + 1;
    length = (size_t)(layers - backend) - 1;
    dal_text_add_(why, " (did you mean \"%.*s%s+%.*s\"?)", (int)(backend - list->text), list->text,
                  layers, (int)length, backend);
}

static int check_item(struct dal_spec_ *spec, size_t index, struct dal_text_ *why)
{
    struct dal_spec_item_ *item = &spec->items[index];
    bool is_last = dal_spec_is_last_(spec, index);
    int error;

    item->backend =
        dal_registry_find_(item->name, is_last ? "backend or layer" : "layer", &error, why);
    if (!item->backend)
        return error;
    if (!(item->backend->flags & DAL_BACKEND_LAYER) && !is_last) {
        dal_text_add_(why, "\"%s\" is a backend, not a layer, and has to come last", item->name);
        suggest_order(spec, index, why);
        return DAL_ERR_SYNTAX;
    }
    return dal_options_nest_(spec, index, why);
}

/* All names and then all options, so that nothing is made of a spec that has a fault. */
static int check(const char *text, struct dal_spec_ *spec, struct dal_option_value *values,
                 struct dal_text_ *why)
{
    int error = dal_spec_parse_(spec, text, why);

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; !error && i < spec->item_count; i++) {
            size_t length = why->length;
            size_t value_count;

            dal_spec_add_place_(spec, spec->items[i].list, why);
            error = pass == 0 ? check_item(spec, i, why)
                              : dal_options_resolve_(spec, i, values, &value_count, why);
            if (!error)
                dal_text_cut_(why, length);
        }
    }
    return error;
}

int dal_stack_check_(const char *text, struct dal_spec_ *spec, struct dal_option_value *values,
                     struct dal_text_ *why)
{
    size_t length = why->length, backends;
    char meant[DAL_RESPELL_BYTES];
    int error = check(text, spec, values, why);

    if (!error || !dal_respell_(text, meant, sizeof meant, &backends))
        return error;
    /* What has a comma in it is no unknown name. */
    if (error == DAL_ERR_UNKNOWN) {
        dal_text_cut_(why, length);
        dal_text_add_(why, "+ separates the items of a spec; options stand behind : and have , "
                           "between them");
    }
    return dal_fail_(why, error, backends > 1 ? ONE_BACKEND : " (did you mean \"%s\"?)", meant);
}

int dal_stack_parse_(const char *text, struct dal_spec_ **spec, struct dal_option_value *values,
                     struct dal_text_ *why)
{
    int error;

    *spec = dal_os_map_(sizeof **spec);
    if (!*spec)
        return dal_fail_(why, DAL_ERR_MEMORY, "%s", dal_strerror(DAL_ERR_MEMORY));
    error = dal_stack_check_(text, *spec, values, why);
    if (error)
        dal_os_unmap_(*spec, sizeof **spec);
    return error;
}

/* What the last item of a list wraps if it is a layer. */
static const struct dal_instance *base_of(size_t list, const struct dal_instance *base)
{
    return list == 0 ? base : &dal_system_instance_;
}

/* The name of a list is "a+b+c", after it what its last layer wraps; that of an inner instance is
 * the rest from it on. A name that the program gave, which may be of any length, is cut short. */
static void set_names(struct dal_stack_ *stack, const struct dal_instance *base, const char **names)
{
    const struct dal_spec_ *spec = &stack->spec;
    size_t used = 0;

    for (size_t i = 0; i < spec->list_count; i++) {
        const struct dal_spec_list_ *list = &spec->lists[i];
        size_t last = list->first + list->count - 1;
        struct dal_text_ text = dal_text_over_(stack->names + used, sizeof stack->names - used);

        for (size_t j = list->first; j <= last; j++) {
            names[j] = text.data + text.length + (j > list->first);
            dal_text_add_(&text, "%s%s", j > list->first ? "+" : "", spec->items[j].backend->name);
        }
        if (spec->items[last].backend->flags & DAL_BACKEND_LAYER)
            dal_text_add_(&text, "+%.*s", DAL_STACK_BASE_BYTES_, base_of(i, base)->name);
        used += text.length + 1;
    }
}

static int create_list(struct dal_stack_ *stack, size_t index, const struct dal_instance *base,
                       const char *const *names, struct dal_text_ *why);

/* The nested stacks of an item, and then itself. */
static int create_with_nested(struct dal_stack_ *stack, size_t index,
                              const struct dal_instance *base, const char *const *names,
                              struct dal_text_ *why)
{
    const struct dal_spec_ *spec = &stack->spec;
    int error = DAL_OK;

    for (size_t i = 1; i < spec->list_count && !error; i++) {
        if (spec->lists[i].owner == index)
            error = create_list(stack, i, base_of(i, base), names, why);
    }
    return error ? error : create_item(stack, index, base, names[index], why);
}

/* Calls itself by way of the items, at most DAL_SPEC_DEPTH_MAX deep. */
static int create_list(struct dal_stack_ *stack, size_t index, const struct dal_instance *base,
                       const char *const *names, struct dal_text_ *why)
{
    const struct dal_spec_list_ *list = &stack->spec.lists[index];

    for (size_t i = list->first + list->count; i-- > list->first;) {
        size_t length = why->length;
        int error;

        dal_spec_add_place_(&stack->spec, index, why);
        error = create_with_nested(stack, i, base, names, why);
        if (error)
            return error;
        dal_text_cut_(why, length);
    }
    return DAL_OK;
}

/* Tie the nested stacks that have fork functions to the whole. They come after their owners, and
 * so do their functions before a fork. */
static void tie_nested(struct dal_stack_ *stack)
{
    size_t last = 0;

    for (size_t i = 1; i < stack->spec.list_count; i++) {
        size_t first = stack->spec.lists[i].first;

        if (!(stack->tables[first].head.native & DAL_SLOT_FORK))
            continue;
        stack->tables[last].head.private_[DAL_PRIVATE_NESTED] = &stack->tables[first].head;
        last = first;
    }
}

static int fill(struct dal_stack_ *stack, const char *spec, const struct dal_instance *base,
                struct dal_text_ *why)
{
    const char *names[DAL_SPEC_ITEMS_MAX];
    int error = dal_stack_check_(spec, &stack->spec, stack->values, why);

    if (error)
        return error;
    set_names(stack, base, names);
    error = create_list(stack, 0, base, names, why);
    if (error) {
        destroy_items(stack);
        return error;
    }
    tie_nested(stack);
    if (stack->spec.items[stack->spec.lists[0].count - 1].backend->flags & DAL_BACKEND_LAYER)
        stack->tables[0].head.private_[DAL_PRIVATE_BASE] = (void *)(uintptr_t)base;
    return DAL_OK;
}

/* What making any kind of stack ends with; takes the mapping back if it failed. */
static int finish(struct dal_stack_ *made, int error, struct dal_stack_ **stack,
                  struct dal_text_ *why)
{
    if (!error) {
        error = dal_fork_watch_(dal_stack_top_(made));
        if (error) {
            dal_text_add_(why, "its fork functions: %s (%d allocators can have some)",
                          dal_strerror(error), DAL_FORK_MAX);
            destroy_items(made);
        }
    }
    if (error) {
        dal_os_unmap_(made, sizeof *made);
        return error;
    }
    if (made->owner == DAL_STACK_OF_PROGRAM)
        made->tables[0].head.private_[DAL_PRIVATE_STACK] = made;
    (void)dal_os_protect_(made, offsetof(struct dal_stack_, ctxs) & ~(dal_os_page_bytes_() - 1),
                          DAL_PAGES_READ);
    *stack = made;
    return DAL_OK;
}

static struct dal_stack_ *map_stack(enum dal_stack_owner_ owner, struct dal_text_ *why)
{
    struct dal_stack_ *stack = dal_os_map_(sizeof *stack);

    if (stack) {
        stack->owner = owner;
        atomic_init(&stack->holders, 1);
    } else {
        dal_text_add_(why, "%s", dal_strerror(DAL_ERR_MEMORY));
    }
    return stack;
}

int dal_stack_create_(const char *spec, const struct dal_instance *base,
                      enum dal_stack_owner_ owner, struct dal_stack_ **stack, struct dal_text_ *why)
{
    struct dal_stack_ *made = map_stack(owner, why);
    int held, error;

    if (!made)
        return DAL_ERR_MEMORY;
    /* A create() that is cancelled would leave what it made, and a thread that counts as one that
     * is inside. */
    held = dal_os_hold_cancellation_();
    error = finish(made, fill(made, spec, base, why), stack, why);
    dal_os_release_cancellation_(held);
    return error;
}

int dal_stack_create_single_(const struct dal_allocator *allocator, const char *name,
                             enum dal_stack_owner_ owner, struct dal_stack_ **stack,
                             struct dal_text_ *why)
{
    struct dal_stack_ *made = map_stack(owner, why);
    struct dal_text_ text;
    int error;

    if (!made)
        return DAL_ERR_MEMORY;
    text = dal_text_over_(made->names, sizeof made->names);
    dal_text_add_(&text, "%s", name ? name : "custom");
    made->spec.item_count = made->spec.list_count = made->spec.lists[0].count = 1;
    error = dal_instance_fill_(&made->tables[0], allocator, NULL, made->names, why);
    return finish(made, error, stack, why);
}

struct dal_stack_ *dal_stack_of_(const struct dal_instance *instance)
{
    return instance ? instance->private_[DAL_PRIVATE_STACK] : NULL;
}

void dal_stack_destroy_(struct dal_stack_ *stack, int keep_memory)
{
    if (!stack)
        return;
    dal_fork_unwatch_(dal_stack_top_(stack));
    dal_stack_release_(stack, keep_memory);
}

int dal_stack_hold_(struct dal_stack_ *stack)
{
    unsigned holders = stack ? atomic_load_explicit(&stack->holders, memory_order_relaxed) : 0;

    while (holders > 0 &&
           !atomic_compare_exchange_weak_explicit(&stack->holders, &holders, holders + 1,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
    return !stack || holders > 0;
}

/* What its holders did comes before its end: release here pairs with acquire here. */
void dal_stack_release_(struct dal_stack_ *stack, int keep_memory)
{
    int held;

    if (!stack || atomic_fetch_sub_explicit(&stack->holders, 1, memory_order_acq_rel) > 1)
        return;
    held = dal_os_hold_cancellation_();
    destroy_items(stack);
    if (!keep_memory)
        dal_os_unmap_(stack, sizeof *stack);
    dal_os_release_cancellation_(held);
}
