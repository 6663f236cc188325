/* SPDX-License-Identifier: MIT */
/*
 * Saying what is wrong: a report a fault, with the stacks of the call, of the allocation and of the
 * release, in the form of the sanitizers; a bounded number of them for each place in the program
 * and in all, and a sum at exit. errno stays as it is.
 *
 * Numbers are relaxed, since nothing depends on them. The child of a fork counts faults of its own.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "debug.h"

/* Reports of one kind from one place, and in all. To see what a pointer is costs a look at all that
 * is registered: of so many from a place. */
enum { REPORTS_A_FAULT = 3, REPORTS_MAX = 100, LOOKS_A_PLACE = 200, KEYS_MAX = 1024 };

/* Frames of a call that is told of: more than is kept of each; and those that say which place it
 * is, more than one since programs have functions of their own around malloc and free. */
enum { FRAMES_OF_REPORT = 16, FRAMES_OF_PLACE = 4 };

enum kind {
    STRANGER,
    GONE,
    INSIDE,
    ANOTHERS,
    LAYOUT,
    WAY,
    PAIR,
    REUSED,
    INVALID,
    FRONT,
    BEHIND,
    CHANGED
};

#define WHAT_BYTES LAYER_REPORT_BEHIND_BYTES

/* ---- Calls ----------------------------------------------------------------------------------- */

const char *dal_debug_call_name_(enum debug_call_name name)
{
    static const char *const names[DEBUG_CALL_COUNT] = {
#define NAME(call, text) [DEBUG_##call] = text,
        DEBUG_SLOT_CALLS(NAME) DEBUG_FAMILY_CALLS(NAME)
#undef NAME
    };

    return (unsigned)name < DEBUG_CALL_COUNT && names[name] ? names[name] : names[DEBUG_NONE];
}

int dal_debug_report_begin_(struct layer_report *text, const struct debug_instance *instance)
{
    if (!dal_layer_report_begin_(text, instance->services, "debug", 0))
        return 0;
    text->resolve = instance->resolve;
    return 1;
}

/* ---- What was said already ------------------------------------------------------------------- */

static struct {
    _Atomic(uint64_t) key; /* of a place, or of a kind of fault there; 0: none yet */
    _Atomic(unsigned) faults;
} counts[KEYS_MAX];
static _Atomic(unsigned) place_count, report_count;
static _Atomic(uint64_t) fault_count;
static const struct dal_services *_Atomic services_of_sum;

#define COUNT(counter) atomic_fetch_add_explicit(&(counter), 1, memory_order_relaxed)
#define READ(counter)  atomic_load_explicit(&(counter), memory_order_relaxed)
#define CLEAR(counter) atomic_store_explicit(&(counter), 0, memory_order_relaxed)

void dal_debug_fault_forget_(void)
{
    if (READ(fault_count) == 0)
        return;
    for (size_t i = 0; i < KEYS_MAX; i++) {
        CLEAR(counts[i].key);
        CLEAR(counts[i].faults);
    }
    CLEAR(place_count);
    CLEAR(report_count);
    CLEAR(fault_count);
}

static uint64_t mix(uint64_t value)
{
    value *= UINT64_C(0x9e3779b97f4a7c15);
    return value ^ value >> 32;
}

/* How many there were of a key before this one; UINT_MAX if there is no room for it. */
static unsigned count_key(uint64_t key)
{
    for (size_t i = 0; i < KEYS_MAX; i++) {
        size_t at = (size_t)(mix(key) + i) % KEYS_MAX;
        uint64_t there = READ(counts[at].key);

        if (there != key && there != 0)
            continue;
        if (there == key ||
            atomic_compare_exchange_strong_explicit(&counts[at].key, &there, key,
                                                    memory_order_relaxed, memory_order_relaxed) ||
            there == key)
            return COUNT(counts[at].faults);
    }
    return UINT_MAX;
}

/* Where that fails there will be no text either. */
void dal_debug_fault_start_(const struct debug_instance *instance)
{
    const struct dal_services *services = instance->services;
    struct layer_report text;
    const void *site = __builtin_return_address(0);

    if (!dal_debug_report_begin_(&text, instance))
        return;
    (void)services->address_text(&fault_count, text.data, text.room);
    (void)services->frame_text(0, site, text.data, text.room);
    text.length = 0;
    dal_layer_report_end_(&text);
    services->text("", 0);
}

/* ---- A report -------------------------------------------------------------------------------- */

struct report {
    struct debug_instance *instance;
    const struct debug_call *call;
    uint32_t stack; /* that says where it was */
    uint64_t place;
    struct layer_report text;
    char *what; /* the middle of its first line, behind the text */
    int saved_errno;
};

static int has_room(struct report *report)
{
    if (dal_debug_report_begin_(&report->text, report->instance)) {
        report->what = report->text.data + report->text.room;
        return 1;
    }
    if (report->instance->stop)
        abort();
    errno = report->saved_errno;
    return 0;
}

/* The innermost frames of a stack, as a number; without any, the call. */
static uint64_t place_of(const struct debug_instance *instance, uint32_t stack,
                         const struct debug_call *call)
{
    const void *const *places = NULL;
    size_t count = instance->services->stack_places(stack, &places);
    uint64_t place = count ? 0 : mix((uint64_t)(uintptr_t)call->site);

    for (size_t i = 0; i < count && i < FRAMES_OF_PLACE; i++)
        place = mix(place ^ (uint64_t)(uintptr_t)places[i]);
    return place ^ (uint64_t)call->name << 8 ^ 1;
}

/* Count a fault at a stack. Returns 0 if that is all, or if there is no memory to say more. */
static int begin_at(struct report *report, struct debug_instance *instance,
                    const struct debug_call *call, uint32_t stack)
{
    unsigned before;

    atomic_store_explicit(&services_of_sum, instance->services, memory_order_relaxed);
    report->saved_errno = errno;
    (void)COUNT(fault_count);
    report->instance = instance;
    report->call = call;
    report->stack = stack;
    report->place = place_of(instance, stack, call);
    before = count_key(report->place);
    if (before == 0)
        (void)COUNT(place_count);
    return before < LOOKS_A_PLACE && READ(report_count) <= REPORTS_MAX && has_room(report);
}

/* The same, at the stack of the call. */
static int begin(struct report *report, struct debug_instance *instance,
                 const struct debug_call *call)
{
    unsigned frames =
        instance->frames > FRAMES_OF_REPORT ? instance->frames : (unsigned)FRAMES_OF_REPORT;

    return begin_at(report, instance, call, instance->services->stack_capture(call->site, frames));
}

DAL_ATTRIBUTE_PRINTF_(2, 3) static void say(struct report *report, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(report->what, WHAT_BYTES, format, arguments);
    va_end(arguments);
}

/* "dealloc(0x7f00, 24, 8)", as far as the call says it. */
static void put_call(struct layer_report *text, const struct debug_call *call)
{
    const char *name = dal_debug_call_name_(call->name);

    if (!call->ptr)
        dal_layer_report_put_(text, "%s(%zu, %zu): ", name, call->size, call->align);
    else if ((unsigned)call->name < DEBUG_FAMILY && call->size != DEBUG_UNSAID)
        dal_layer_report_put_(text, "%s(%p, %zu, %zu): ", name, call->ptr, call->size, call->align);
    else
        dal_layer_report_put_(text, "%s(%p): ", name, call->ptr);
}

/* Its first line and the stack of the call; what is known of the block may follow. */
static void put_head(struct report *report, const char *consequence, int is_last)
{
    struct layer_report *text = &report->text;

    if (report->call->name != DEBUG_NONE)
        put_call(text, report->call);
    dal_layer_report_put_(text, "%s; %s%s\n", report->what, consequence,
                          is_last ? "; more of this is only counted" : "");
    if (report->call->name != DEBUG_NONE)
        dal_layer_report_put_stack_(text, report->stack);
}

static void put_block(struct layer_report *text, const struct debug_known *known)
{
    enum debug_call_name ended = debug_ended(known->block.word);

    if (!known->block.address)
        return;
    dal_layer_report_put_(text, "  allocated by %s:\n",
                          dal_debug_call_name_(debug_made(known->block.word)));
    dal_layer_report_put_stack_(text, known->block.stack);
    if (ended == DEBUG_NONE)
        return;
    dal_layer_report_put_(text, "  released by %s:\n", dal_debug_call_name_(ended));
    dal_layer_report_put_stack_(text, known->ended_stack);
}

static void say_enough(const struct report *report)
{
    const struct dal_services *services = report->instance->services;

    services->line("debug[%" PRIu64 "]: %d reports were written; further faults are only counted",
                   services->process(), REPORTS_MAX);
}

/* known: what is known of the block, or an address of 0. */
static void tell(struct report *report, enum kind kind, const struct debug_known *known,
                 const char *consequence)
{
    unsigned before = count_key(mix(report->place ^ mix((uint64_t)kind + 1)) | 1);
    unsigned number = before < REPORTS_A_FAULT ? COUNT(report_count) : UINT_MAX;

    if (number < REPORTS_MAX) {
        put_head(report, consequence, before == REPORTS_A_FAULT - 1);
        put_block(&report->text, known);
    } else {
        report->text.length = 0;
    }
    dal_layer_report_end_(&report->text);
    if (number == REPORTS_MAX)
        say_enough(report);
    if (report->instance->stop)
        abort();
    errno = report->saved_errno;
}

/* ---- What is wrong with a pointer ------------------------------------------------------------ */

/* The block that an address is in or at the end of: a live one before one that is kept back. */
struct around {
    uintptr_t address;
    struct debug_block block;
};

static int visit_around(const struct debug_block *block, void *data)
{
    struct around *around = data;

    if (block->state == DEBUG_KEY_FILLING ||
        around->address - block->address > debug_size(block->word))
        return 0;
    around->block = *block;
    return block->state == DEBUG_KEY_LIVE;
}

static int find_around(struct debug_instance *instance, uintptr_t address,
                       struct debug_known *known)
{
    struct around around = {.address = address};

    (void)dal_debug_register_visit_(&instance->blocks, visit_around, &around);
    *known = (struct debug_known){.block = around.block};
    if (around.block.state == DEBUG_KEY_KEPT)
        known->ended_stack = dal_debug_quarantine_stack_(instance, around.block.address);
    return around.block.address != 0;
}

static const char *consequence_of(const struct debug_call *call)
{
    switch (call->name) {
    case DEBUG_MALLOC_RESIZE: return "NULL is returned, with errno EINVAL";
    case DEBUG_REALLOC:
    case DEBUG_GROW:
    case DEBUG_GROW_ZEROED:
    case DEBUG_SHRINK: return "NULL is returned";
    case DEBUG_RESIZE_IN_PLACE: return "it is refused";
    case DEBUG_USABLE_SIZE: return "the size that was given is returned";
    case DEBUG_MALLOC_SIZE: return "0 is returned";
    default: return "it is left alone";
    }
}

static enum kind say_gone(struct report *report, const struct debug_known *known)
{
    size_t size = debug_size(known->block.word);

    if (known->block.state == DEBUG_KEY_GOING)
        say(report,
            "a block of %zu bytes that another thread is giving back or resizing at this moment",
            size);
    else
        say(report, "a block of %zu bytes that was given back already, by %s", size,
            dal_debug_call_name_(debug_ended(known->block.word)));
    return GONE;
}

static enum kind say_inside(struct report *report, const struct debug_known *known)
{
    size_t size = debug_size(known->block.word);
    size_t offset = (uintptr_t)report->call->ptr - known->block.address;
    const char *live = debug_ended(known->block.word) == DEBUG_NONE ? "live " : "";
    const char *gone = *live ? "" : " that was given back";

    if (offset == size)
        say(report, "at the end of a %sblock of %zu bytes%s", live, size, gone);
    else
        say(report, "%zu bytes into a %sblock of %zu bytes%s", offset, live, size, gone);
    return INSIDE;
}

/* Where a call has an address from that the instance does not know. */
static int find_anothers(struct report *report, struct debug_known *known)
{
    uintptr_t address = (uintptr_t)report->call->ptr;
    struct debug_instance *other = dal_debug_next_instance_(NULL);

    for (; other; other = dal_debug_next_instance_(other)) {
        size_t size;

        if (other == report->instance || !find_around(other, address, known) ||
            known->block.state != DEBUG_KEY_LIVE)
            continue;
        size = debug_size(known->block.word);
        if (address == known->block.address)
            say(report, "a live block of %zu bytes of another instance, \"%s\"", size, other->name);
        else
            say(report, "%zu bytes into a live block of %zu bytes of another instance, \"%s\"",
                address - known->block.address, size, other->name);
        dal_layer_leave_(&other->listed);
        return 1;
    }
    return 0;
}

static int is_exactly(struct debug_instance *instance, uintptr_t address, struct debug_known *known)
{
    *known = (struct debug_known){.block = {.address = 0}};
    if (!dal_debug_register_look_(&instance->blocks, address, &known->block) ||
        known->block.state == DEBUG_KEY_LIVE)
        return 0;
    if (known->block.state == DEBUG_KEY_KEPT)
        known->ended_stack = dal_debug_quarantine_stack_(instance, address);
    return 1;
}

/* What is in the memory of an allocator may have been a block. */
static void say_stranger(struct report *report)
{
    const struct dal_services *services = report->instance->services;

    if (services->address_text(report->call->ptr, report->what, WHAT_BYTES) == 0)
        say(report, "no block that was given out here, or one that was given back long ago");
}

/* What is live comes before what was there once. */
static enum kind look(struct report *report, struct debug_known *known)
{
    struct debug_instance *instance = report->instance;
    struct debug_ring *rings = instance->tables->rings;
    uintptr_t address = (uintptr_t)report->call->ptr;
    struct debug_known around;
    int is_around;

    if (is_exactly(instance, address, known))
        return say_gone(report, known);
    /* (Another thread may have got just this address since the call was looked at.) Where blocks
     * lie side by side the end of one is the beginning of the next. */
    is_around = find_around(instance, address, &around) && around.block.address != address;
    if (is_around && address - around.block.address < debug_size(around.block.word)) {
        *known = around;
        return say_inside(report, known);
    }
    if (dal_debug_gone_at_(rings, address, known))
        return say_gone(report, known);
    if (is_around) {
        *known = around;
        return say_inside(report, known);
    }
    if (find_anothers(report, known))
        return ANOTHERS;
    if (dal_debug_gone_around_(rings, address, known))
        return say_inside(report, known);
    *known = (struct debug_known){.block = {.address = 0}};
    say_stranger(report);
    return STRANGER;
}

void dal_debug_fault_stranger_(struct debug_instance *instance, const struct debug_call *call)
{
    struct debug_known known;
    struct report report;
    enum kind kind;

    if (!instance->layout || !begin(&report, instance, call))
        return;
    kind = look(&report, &known);
    tell(&report, kind, &known, consequence_of(call));
}

/* ---- What is wrong with a layout ------------------------------------------------------------- */

static int is_release(const struct debug_call *call)
{
    switch (call->name) {
    case DEBUG_DEALLOC:
    case DEBUG_DEALLOC_UNSIZED:
    case DEBUG_FREE:
    case DEBUG_FREE_SIZED:
    case DEBUG_FREE_ALIGNED_SIZED:
    case DEBUG_DELETE:
    case DEBUG_DELETE_ARRAY: return 1;
    default: return 0;
    }
}

/* What a call says, and the same of the block. */
static void say_layout(struct report *report, uint64_t word)
{
    const struct debug_call *call = report->call;
    size_t size = debug_size(word), align = debug_align(word);

    if (call->align == DEBUG_UNSAID)
        say(report, "given as %zu bytes, but a block of %zu bytes", call->size, size);
    else if (call->size == DEBUG_UNSAID)
        say(report, "given as alignment %zu, but a block of %zu bytes at alignment %zu",
            call->align, size, align);
    else
        say(report,
            "given as %zu bytes at alignment %zu, but a block of %zu bytes at alignment %zu",
            call->size, call->align, size, align);
}

static void say_way(struct report *report, uint64_t word)
{
    if (debug_is_of_family(word))
        say(report, "a block of %zu bytes that malloc's family has given out", debug_size(word));
    else
        say(report, "a block of %zu bytes at alignment %zu that malloc's family has not given out",
            debug_size(word), debug_align(word));
}

void dal_debug_fault_pair_(struct debug_instance *instance, const struct debug_call *call,
                           const struct debug_block *block)
{
    const struct debug_known known = {.block = *block};
    struct report report;

    if (!instance->layout || !begin(&report, instance, call))
        return;
    say(&report, "a block of %zu bytes from %s, which is for %s", debug_size(block->word),
        dal_debug_call_name_(debug_made(block->word)),
        debug_is_of_new(block->word) ? "operator delete" : "free");
    tell(&report, PAIR, &known,
         is_release(call) ? "it is given back all the same" : "it is resized all the same");
}

void dal_debug_fault_layout_(struct debug_instance *instance, const struct debug_call *call,
                             const struct debug_block *block)
{
    const struct debug_known known = {.block = *block};
    int is_by_family = (unsigned)call->name >= DEBUG_FAMILY;
    struct report report;
    enum kind kind = is_by_family == debug_is_of_family(block->word) ? LAYOUT : WAY;

    if (!instance->layout || !begin(&report, instance, call))
        return;
    if (kind == WAY)
        say_way(&report, block->word);
    else
        say_layout(&report, block->word);
    tell(&report, kind, &known,
         is_release(call) ? "it is given back as that" : "it is resized as that");
}

void dal_debug_fault_reused_(struct debug_instance *instance, const struct debug_call *call,
                             const struct debug_block *block)
{
    const struct debug_known known = {.block = *block};
    struct report report;

    if (!instance->layout || !begin(&report, instance, call))
        return;
    say(&report, "given out while it is a live block of %zu bytes", debug_size(block->word));
    tell(&report, REUSED, &known, "something gave it back past this layer");
}

void dal_debug_fault_invalid_(struct debug_instance *instance, const struct debug_call *call)
{
    const struct debug_known nothing = {.block = {.address = 0}};
    struct report report;

    if (!instance->layout || !begin(&report, instance, call))
        return;
    if (call->align == 0 || (call->align & (call->align - 1)) != 0)
        say(&report, "no layout: alignment %zu is no power of two", call->align);
    else
        say(&report, "no layout: more than %zu bytes at alignment %zu",
            (size_t)PTRDIFF_MAX - (call->align - 1), call->align);
    tell(&report, INVALID, &nothing, "NULL is returned");
}

/* ---- What is wrong with bytes ---------------------------------------------------------------- */

static void say_zone(struct report *report, const struct debug_block *block,
                     const struct pattern_change *change)
{
    int is_front = change->offset < 0;

    say(report,
        "a block of %zu bytes was written to %s: %zu byte%s changed, the %s at %td (0x%02x)",
        debug_size(block->word), is_front ? "in front of its beginning" : "behind its end",
        change->count, change->count == 1 ? "" : "s", is_front ? "nearest" : "first",
        change->offset, change->found);
}

void dal_debug_fault_zone_(struct debug_instance *instance, const struct debug_call *call,
                           const struct debug_block *block, const struct pattern_change *change)
{
    const struct debug_known known = {.block = *block};
    int is_front = change->offset < 0;
    struct report report;

    if (!begin(&report, instance, call))
        return;
    say_zone(&report, block, change);
    tell(&report, is_front ? FRONT : BEHIND, &known,
         is_release(call) ? "it is given back all the same" : "it is resized all the same");
}

void dal_debug_fault_swept_(struct debug_instance *instance, const struct debug_block *block,
                            const struct pattern_change *change)
{
    const struct debug_known known = {.block = *block};
    const struct debug_call call = {DEBUG_NONE, NULL, 0, 0, NULL};
    struct report report;

    /* Of the same place is what was allocated there. */
    if (!begin_at(&report, instance, &call, block->stack))
        return;
    say_zone(&report, block, change);
    tell(&report, change->offset < 0 ? FRONT : BEHIND, &known,
         "it is live; the sweep has found it");
}

void dal_debug_fault_changed_(struct debug_instance *instance, const struct debug_known *known,
                              const struct pattern_change *change)
{
    const struct debug_call call = {DEBUG_NONE, NULL, 0, 0, NULL};
    struct report report;

    /* Of the same place is what was released there. */
    if (!begin_at(&report, instance, &call, known->ended_stack))
        return;
    say(&report,
        "a block of %zu bytes at %p was written to after it was given back: %zu byte%s changed, the "
        "first at %td (0x%02x)",
        debug_size(known->block.word), (void *)known->block.address, change->count,
        change->count == 1 ? "" : "s", change->offset, change->found);
    tell(&report, CHANGED, known, "it was in quarantine");
}

/* ---- At exit --------------------------------------------------------------------------------- */

void dal_debug_fault_sum_(void)
{
    const struct dal_services *services =
        atomic_load_explicit(&services_of_sum, memory_order_relaxed);
    uint64_t faults, here;
    unsigned places, reports;

    if (!services)
        return;
    here = services->process();
    faults = READ(fault_count);
    places = READ(place_count);
    reports = READ(report_count);
    if (faults)
        services->line("debug[%" PRIu64 "]: %" PRIu64
                       " fault%s at %u place%s, %u of them told above",
                       here, faults, faults == 1 ? "" : "s", places, places == 1 ? "" : "s",
                       reports < REPORTS_MAX ? reports : (unsigned)REPORTS_MAX);
}
