/* SPDX-License-Identifier: MIT */
/*
 * The layer `debug`: its slots. See debug.h.
 *
 * alloc and dealloc of a plain layer have a short way: what they do more than call the child is to
 * write a record, and to take it. Everything else, and every call with something wrong, is in
 * block.c.
 */
#include <stdio.h>
#include <string.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/version.h>

#include "debug.h"

/* The front gets here by a jump, so this is the address in the program, or in the layer above. */
#define SITE __builtin_return_address(0)

/* ---- alloc and dealloc ----------------------------------------------------------------------- */

__attribute__((noinline, cold)) static void *alloc_long(size_t size, size_t align,
                                                        struct debug_instance *instance,
                                                        const void *site)
{
    return dal_debug_make_call_(instance,
                                &(struct debug_call){DEBUG_ALLOC, NULL, size, align, site}, 0);
}

/* The first line has no room, or what is not to be in it. */
__attribute__((noinline)) static void *add_long(struct debug_instance *instance, void *ptr,
                                                uint64_t word, uint32_t stack, const void *site)
{
    const struct debug_call call = {DEBUG_ALLOC, NULL, DEBUG_UNSAID, DEBUG_UNSAID, site};

    if (dal_debug_register_new_(instance, &call, ptr, word, stack))
        return ptr;
    dal_instance_dealloc(instance->next, ptr, debug_size(word), debug_align(word));
    return NULL;
}

void *dal_debug_alloc_(size_t size, size_t align, void *ctx)
{
    struct debug_instance *instance = ctx;
    uint32_t stack;
    uint64_t word;
    void *ptr;

    if (DAL_UNLIKELY_(!debug_stack_is_known(instance, SITE, &stack) ||
                      !debug_layout_is_ordinary(size, align)))
        return alloc_long(size, align, instance, SITE);
    word = debug_word(size, align, DEBUG_ALLOC);
    ptr = dal_instance_alloc(instance->next, size, align);
    if (DAL_UNLIKELY_(!ptr) ||
        DAL_LIKELY_(debug_register_add_home(&instance->blocks, ptr, word, stack)))
        return ptr;
    return add_long(instance, ptr, word, stack, SITE);
}

__attribute__((noinline)) static void dealloc_long(void *ptr, size_t size, size_t align,
                                                   struct debug_instance *instance,
                                                   const void *site)
{
    if (ptr)
        dal_debug_end_call_(instance, &(struct debug_call){DEBUG_DEALLOC, ptr, size, align, site});
}

static void debug_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    struct debug_instance *instance = ctx;
    uint32_t stack;
    struct debug_record record;
    uint64_t word;

    if (DAL_UNLIKELY_(!debug_stack_is_known(instance, SITE, &stack) || !debug_is_address(ptr))) {
        dealloc_long(ptr, size, align, instance, SITE);
        return;
    }
    record = debug_register_take_home(&instance->blocks, ptr);
    if (DAL_UNLIKELY_(!record.line)) {
        dealloc_long(ptr, size, align, instance, SITE);
        return;
    }
    word = debug_record_word(record);
    if (DAL_UNLIKELY_(!debug_is_as_said(word, size, align))) {
        debug_record_release(record, (uintptr_t)ptr | DEBUG_KEY_LIVE);
        dealloc_long(ptr, size, align, instance, SITE);
        return;
    }
    debug_ring_put(instance->tables->rings, (uintptr_t)ptr, debug_word_ended(word, DEBUG_DEALLOC),
                   debug_record_stack(record), stack);
    debug_record_release(record, DEBUG_KEY_FREE);
    dal_instance_dealloc(instance->next, ptr, size, align);
}

static void *debug_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    return dal_debug_make_call_(
        ctx, &(struct debug_call){DEBUG_ALLOC_ZEROED, NULL, size, align, SITE}, 1);
}

static void debug_dealloc_unsized(void *ptr, void *ctx)
{
    if (ptr)
        dal_debug_end_call_(ctx, &(struct debug_call){DEBUG_DEALLOC_UNSIZED, ptr, DEBUG_UNSAID,
                                                      DEBUG_UNSAID, SITE});
}

/* ---- Resizing -------------------------------------------------------------------------------- */

static void *child_resize(struct debug_instance *instance, enum debug_call_name name, void *ptr,
                          size_t old_size, size_t old_align, size_t new_size, size_t new_align)
{
    const struct dal_instance *next = instance->next;

    switch (name) {
    case DEBUG_GROW:
        return instance->calls->grow(next, ptr, old_size, old_align, new_size, new_align);
    case DEBUG_GROW_ZEROED:
        return instance->calls->grow_zeroed(next, ptr, old_size, old_align, new_size, new_align);
    case DEBUG_SHRINK:
        return instance->calls->shrink(next, ptr, old_size, old_align, new_size, new_align);
    default: return dal_instance_realloc(next, ptr, old_size, old_align, new_size);
    }
}

/* By the layout that the block has, whatever the call says. A size that is no fit for the slot then
 * (a block that is larger than it is to be grown to) goes by a copy. */
static void *resize_taken(struct debug_instance *instance, struct debug_record record,
                          const struct debug_call *call, size_t new_size, size_t new_align)
{
    uint64_t word = debug_record_word(record);
    size_t size = debug_size(word), align = debug_align(word);
    int is_grown = call->name == DEBUG_GROW || call->name == DEBUG_GROW_ZEROED;
    int is_shrunk = call->name == DEBUG_SHRINK;
    uint32_t stack;

    if (call->name == DEBUG_REALLOC)
        new_align = align;
    if (!instance->is_plain || debug_is_of_family(word) || new_size > DEBUG_SIZE_MAX ||
        (is_grown && new_size < size) || (is_shrunk && new_size > size))
        return dal_debug_copy_(instance, record, call, new_size, new_align,
                               call->name == DEBUG_GROW_ZEROED);
    stack = dal_debug_stack_(instance, call);
    return dal_debug_resized_(instance, record, call, stack,
                              child_resize(instance, call->name, (void *)(uintptr_t)call->ptr, size,
                                           align, new_size, new_align),
                              new_size, new_align);
}

static void *resize(struct debug_instance *instance, const struct debug_call *call, size_t new_size,
                    size_t new_align)
{
    const struct debug_call made = {call->name, NULL, new_size, new_align, call->site};
    struct debug_record record;
    int is_lost;

    if (!call->ptr)
        return dal_debug_make_call_(instance, &made, call->name == DEBUG_GROW_ZEROED);
    if (!debug_layout_is_valid(new_size, new_align)) {
        dal_debug_fault_invalid_(instance, &made);
        return NULL;
    }
    record = dal_debug_take_(instance, call, &is_lost);
    if (record.line)
        return resize_taken(instance, record, call, new_size, new_align);
    return is_lost ? child_resize(instance, call->name, (void *)(uintptr_t)call->ptr, call->size,
                                  call->align, new_size, new_align)
                   : NULL;
}

static void *debug_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    return resize(ctx, &(struct debug_call){DEBUG_REALLOC, ptr, old_size, align, SITE}, new_size,
                  align);
}

#define RELAYOUT(slot, name)                                                                     \
    static void *debug_##slot(void *ptr, size_t old_size, size_t old_align, size_t new_size,     \
                              size_t new_align, void *ctx)                                       \
    {                                                                                            \
        return resize(ctx, &(struct debug_call){name, ptr, old_size, old_align, SITE}, new_size, \
                      new_align);                                                                \
    }

RELAYOUT(grow, DEBUG_GROW)
RELAYOUT(grow_zeroed, DEBUG_GROW_ZEROED)
RELAYOUT(shrink, DEBUG_SHRINK)

/* Zones behind a block do not move. */
static int resize_taken_in_place(struct debug_instance *instance, struct debug_record record,
                                 const struct debug_call *call, size_t new_size)
{
    uint64_t word = debug_record_word(record);
    size_t size = debug_size(word), align = debug_align(word);
    void *ptr = (void *)(uintptr_t)call->ptr;
    int error = new_size == size ? DAL_OK : DAL_ERR_UNSUPPORTED;

    if (instance->is_plain && !debug_is_of_family(word) && new_size <= DEBUG_SIZE_MAX)
        error = instance->calls->resize_in_place(instance->next, ptr, size, align, new_size);
    if (error || new_size == size)
        debug_record_release(record, (uintptr_t)ptr | DEBUG_KEY_LIVE);
    else
        (void)dal_debug_resized_(instance, record, call, dal_debug_stack_(instance, call), ptr,
                                 new_size, align);
    return error;
}

static int debug_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                 void *ctx)
{
    const struct debug_call call = {DEBUG_RESIZE_IN_PLACE, ptr, old_size, align, SITE};
    struct debug_instance *instance = ctx;
    struct debug_record record;
    int is_lost;

    if (!ptr)
        return DAL_ERR_UNSUPPORTED;
    record = dal_debug_take_(instance, &call, &is_lost);
    if (record.line)
        return resize_taken_in_place(instance, record, &call, new_size);
    return is_lost
               ? instance->calls->resize_in_place(instance->next, ptr, old_size, align, new_size)
               : DAL_ERR_UNSUPPORTED;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* What was asked for, and no more: that is what the zones begin behind. */
static size_t debug_usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    size_t known =
        dal_debug_size_of_(ctx, &(struct debug_call){DEBUG_USABLE_SIZE, ptr, size, align, SITE});

    return known == SIZE_MAX ? size : known;
}

static int debug_owns(const void *ptr, void *ctx)
{
    struct debug_instance *instance = ctx;
    struct debug_block block;

    return ptr && dal_debug_register_look_(&instance->blocks, (uintptr_t)ptr, &block) &&
           block.state == DEBUG_KEY_LIVE;
}

/* ---- Making one ------------------------------------------------------------------------------ */

/* Zones are a power of two, as alignments are. malloc() and its family align to no less than that
 * which is least here, whatever they are asked for. */
static size_t take_zones(const struct dal_backend_request *request)
{
    size_t wanted = (size_t)layer_number(request, "zones"), zones = DAL_MIN_ALIGN;

    while (zones < wanted)
        zones *= 2;
    return wanted ? zones : 0;
}

/* In the order of the words of the option. */
static enum dal_resolve take_resolve(const struct dal_backend_request *request)
{
    static const enum dal_resolve values[] = {DAL_RESOLVE_AT_TERMINAL, DAL_RESOLVE_ALWAYS,
                                              DAL_RESOLVE_NEVER};

    return values[layer_number(request, "symbolize")];
}

static void take_options(const struct dal_backend_request *request, struct debug_instance *instance)
{
    instance->layout = layer_number(request, "layout") != 0;
    instance->pairs = layer_number(request, "pairs") != 0;
    instance->fill = layer_number(request, "fill") != 0;
    instance->leaks = (enum debug_leaks)layer_number(request, "leaks");
    instance->resolve = take_resolve(request);
    instance->stop = layer_number(request, "stop") != 0;
    instance->frames = (unsigned)layer_number(request, "stacks");
    instance->zones = take_zones(request);
    instance->sweep = (unsigned)layer_number(request, "sweep");
    instance->is_plain =
        !instance->fill && !instance->zones && layer_number(request, "quarantine") == 0;
    (void)snprintf(instance->name, sizeof instance->name, "debug+%s", request->child->name);
}

static void debug_fork_child(void *ctx)
{
    struct debug_instance *instance = ctx;

    dal_debug_fault_forget_();
    dal_debug_sweep_fork_(instance);
    instance->calls->fork_child(instance->next);
}

static void give_slots(struct dal_allocator *allocator)
{
    allocator->alloc = dal_debug_alloc_;
    allocator->dealloc = debug_dealloc;
    allocator->alloc_zeroed = debug_alloc_zeroed;
    allocator->realloc = debug_realloc;
    allocator->grow = debug_grow;
    allocator->grow_zeroed = debug_grow_zeroed;
    allocator->shrink = debug_shrink;
    allocator->resize_in_place = debug_resize_in_place;
    allocator->usable_size = debug_usable_size;
    allocator->dealloc_unsized = debug_dealloc_unsized;
    allocator->owns = debug_owns;
    allocator->fork_child = debug_fork_child;
}

/* What start() has made, or a part of it. */
static void unmake(void *ctx)
{
    struct debug_instance *instance = ctx;

    dal_debug_register_close_(&instance->blocks);
    dal_debug_quarantine_close_(instance);
    instance->services->pages_unmap(instance->tables, sizeof *instance->tables);
    instance->services->pages_unmap(instance->suppressions, DEBUG_SUPPRESSIONS_BYTES);
}

static int start(const struct dal_backend_request *request, void *ctx)
{
    struct debug_instance *instance = ctx;
    const char *suppressions = request->find(request, "suppressions")->text;
    int error = 0;

    instance->services = request->services;
    instance->next = request->child;
    instance->calls = request->calls;
    instance->page_bytes = request->services->page_bytes();
    take_options(request, instance);
    instance->tables = request->services->pages_map(sizeof *instance->tables);
    (void)request->services->command_prepare();
    if (dal_debug_register_open_(&instance->blocks, request->services) || !instance->tables ||
        request->services->stacks_prepare() == DAL_ERR_MEMORY)
        error = request->fail(request, DAL_ERR_MEMORY, "there is no memory for its register");
    if (!error && instance->sweep && instance->is_plain)
        error =
            request->fail(request, DAL_ERR_INVALID,
                          "sweep looks at zones, and at fill in the quarantine: it needs zones=, "
                          "or fill=on with quarantine=");
    if (!error && suppressions)
        error = dal_debug_suppressions_read_(instance, request, suppressions);
    if (!error && dal_debug_quarantine_open_(instance, (size_t)layer_number(request, "quarantine")))
        error = request->fail(request, DAL_ERR_MEMORY, "there is no memory for its quarantine");
    if (error)
        unmake(instance);
    else
        dal_debug_fault_start_(instance);
    return error;
}

static void finish(void *ctx)
{
    struct debug_instance *instance = ctx;

    dal_debug_quarantine_empty_(instance);
    if (instance->leaks)
        dal_debug_tell_live_(instance, "when it ends");
}

static const struct layer layer = {
    .name = "debug",
    .needs = "register",
    .instances = &dal_debug_instances_,
    .instance_bytes = sizeof(struct debug_instance),
    .start = start,
    .give_slots = give_slots,
    .family = &dal_debug_family_,
    .finish = finish,
    .unmake = unmake,
};

/* What it does not stand over. */
static int check_place(const struct dal_backend_request *request)
{
    if (dal_layer_is_in_(request->child, "debug"))
        return request->fail(request, DAL_ERR_INVALID,
                             "the layer debug is in \"%s\" already, and knows each block that this "
                             "one would",
                             request->child->name);
    if (dal_layer_is_in_(request->child, "guard"))
        return request->fail(request, DAL_ERR_INVALID,
                             "it cannot stand over guard, as in \"%s\": zones would lie between a "
                             "block and its closed page, and what is released would not reach it; "
                             "guard goes over debug, as in guard+debug",
                             request->child->name);
    return DAL_OK;
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    int error = check_place(request);

    return error ? error : dal_layer_create_(&layer, request, allocator);
}

static const struct dal_option options[] = {
    {.name = "layout",
     .type = DAL_OPTION_SWITCH,
     .default_text = "on",
     .summary = "tell of pointers, sizes and alignments that are not those of a live block"},
    {.name = "pairs",
     .type = DAL_OPTION_SWITCH,
     .default_text = "on",
     .summary =
         "with layout: tell of malloc's blocks that come to delete, and new's that come to free"},
    {.name = "stacks",
     .type = DAL_OPTION_COUNT,
     .maximum = 64,
     .default_text = "16",
     .summary = "frames that are kept of each stack; 0: the place of the call alone"},
    {.name = "fill",
     .type = DAL_OPTION_SWITCH,
     .default_text = "off",
     .summary = "fill blocks with 0xeb when they are made, with 0xef when they are given back"},
    {.name = "zones",
     .type = DAL_OPTION_BYTES,
     .maximum = 4096,
     .default_text = "0",
     .summary = "red zones before and behind each block, of as many bytes; 0: none"},
    {.name = "quarantine",
     .type = DAL_OPTION_BYTES,
     .maximum = (uint64_t)1 << (sizeof(size_t) * 8 - 4),
     .default_text = "0",
     .summary = "keep blocks back that were given back, up to so many bytes; 0: none"},
    {.name = "sweep",
     .type = DAL_OPTION_COUNT,
     .maximum = 1 << 16,
     .default_text = "0",
     .summary = "so many blocks are looked at at each call, in turn: their zones, and fill"},
    {.name = "leaks",
     .type = DAL_OPTION_CHOICE,
     .choices = "off|on|live",
     .default_text = "off",
     .summary = "tell what nothing points to at exit; live: all that is still live"},
    {.name = "suppressions",
     .type = DAL_OPTION_TEXT,
     .minimum = 1,
     .summary = "a file of lines leak:PATTERN, for what leaks=on is not to tell"},
    {.name = "symbolize",
     .type = DAL_OPTION_CHOICE,
     .choices = "auto|on|off",
     .default_text = "auto",
     .summary = "have reports by function, file and line; auto: those on a terminal"},
    {.name = "stop",
     .type = DAL_OPTION_SWITCH,
     .default_text = "off",
     .summary = "abort the process after the first report"},
};

extern const struct dal_backend dal_backend_debug_;

const struct dal_backend dal_backend_debug_ = {
    DAL_BACKEND_HEADER,
    .name = "debug",
    .version = DAL_VERSION_STRING,
    .summary = "finds wrong pointers, sizes and alignments, double releases, overruns and leaks",
    .flags = DAL_BACKEND_LAYER,
    .option_count = sizeof options / sizeof *options,
    .options = options,
    .create = create,
    .destroy = dal_layer_destroy_,
    .needs_services_bytes = DAL_NEEDS(struct dal_services, process),
};
