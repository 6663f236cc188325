/* SPDX-License-Identifier: MIT */
/*
 * Giving out and taking back, for slots and family, off the short ways of debug.c.
 *
 * A block that is given back, or resized, is taken first: its record is this thread's then, so that
 * of several threads which give it back at once one does so, and the others are told of. The record
 * ends before the child has the block, since from there on another thread may get the address.
 */
#include <string.h>

#include "debug.h"

/* ---- The child's blocks ---------------------------------------------------------------------- */

/* Zones as wide as the alignment, lest the block lose it; in front only up to a page. */
struct debug_shape dal_debug_shape_(const struct debug_instance *instance, size_t align)
{
    size_t zone = instance->zones > align ? instance->zones : align;

    if (!instance->zones)
        return (struct debug_shape){0, 0};
    if (zone > instance->page_bytes)
        return (struct debug_shape){0, instance->zones};
    return (struct debug_shape){zone, zone};
}

static int whole_size(size_t size, size_t align, struct debug_shape shape, size_t *whole)
{
    return !__builtin_add_overflow(size, shape.front + shape.behind, whole) &&
           debug_layout_is_valid(*whole, align) && size <= DEBUG_SIZE_MAX;
}

static void *child_alloc(const struct debug_instance *instance, const struct debug_call *call,
                         size_t size, int is_zeroed)
{
    if ((unsigned)call->name < DEBUG_FAMILY)
        return is_zeroed ? dal_instance_alloc_zeroed(instance->next, size, call->align)
                         : dal_instance_alloc(instance->next, size, call->align);
    if (is_zeroed)
        return instance->listed.child_family.calloc_function(1, size);
    if (debug_is_aligned(call->name))
        return instance->listed.child_family.memalign_function(call->align, size);
    return instance->listed.child_family.malloc_function(size);
}

static void child_dealloc(const struct debug_instance *instance, uintptr_t address, uint64_t word)
{
    size_t align = debug_align(word);
    struct debug_shape shape = dal_debug_shape_(instance, align);
    void *whole = (char *)address - shape.front; // NOLINT(performance-no-int-to-ptr)

    if (debug_is_of_family(word))
        instance->listed.child_family.free_function(whole);
    else
        dal_instance_dealloc(instance->next, whole, shape.front + debug_size(word) + shape.behind,
                             align);
}

/* ---- Stacks ---------------------------------------------------------------------------------- */

/* The interposer calls what an operator new and an aligned allocation come to, where it jumps to
 * the others: of those the place of the call is the next one. */
static int is_by_interposer(const struct debug_call *call)
{
    return call->name == DEBUG_NEW || debug_is_aligned(call->name);
}

static uint32_t capture_next(const struct dal_services *services, const void *site)
{
    uint32_t stack = services->stack_capture(site, 2);
    const void *const *places;

    return services->stack_places(stack, &places) == 2 ? services->stack_capture(places[1], 1)
                                                       : stack;
}

/* What is known of places leads calls the short way, so only a plain instance knows any. A place
 * with more bits than are kept is asked for each time. */
uint32_t dal_debug_stack_(struct debug_instance *instance, const struct debug_call *call)
{
    uint64_t place = (uintptr_t)call->site;
    unsigned frames = instance->frames ? instance->frames : 1;
    uint32_t stack;

    if (debug_stack_is_known(instance, call->site, &stack))
        return stack;
    if (frames == 1 && is_by_interposer(call))
        return capture_next(instance->services, call->site);
    stack = instance->services->stack_capture(call->site, frames);
    if (stack && frames == 1 && instance->is_plain && place >> DEBUG_SITE_BITS <= UINT32_MAX)
        atomic_store_explicit(&instance->tables->sites[place & ((1 << DEBUG_SITE_BITS) - 1)],
                              place >> DEBUG_SITE_BITS << 32 | stack, memory_order_relaxed);
    return stack;
}

/* ---- Giving out ------------------------------------------------------------------------------ */

/* Who gave the older one back is not known, so neither is whether its record would ever go. It is
 * looked for where it costs little, so that some are missed. */
int dal_debug_register_new_(struct debug_instance *instance, const struct debug_call *call,
                            const void *ptr, uint64_t word, uint32_t stack)
{
    uintptr_t address = (uintptr_t)ptr;
    struct debug_record record = {NULL, 0};
    struct debug_block older;

    if (debug_register_has_home(&instance->blocks, ptr))
        record = dal_debug_register_take_(&instance->blocks, address, DEBUG_KEY_LIVE);
    if (!record.line)
        return dal_debug_register_add_(&instance->blocks, address, word, stack);
    older = (struct debug_block){DEBUG_KEY_LIVE, address, debug_record_word(record),
                                 debug_record_stack(record)};
    dal_debug_fault_reused_(
        instance, &(struct debug_call){call->name, ptr, DEBUG_UNSAID, DEBUG_UNSAID, call->site},
        &older);
    debug_record_put(record, address, word, stack);
    return 1;
}

/* A block that the child has made goes back there where there is no memory for its record. */
static void *register_made(struct debug_instance *instance, void *ptr,
                           const struct debug_call *call)
{
    uint64_t word = debug_word(call->size, call->align, call->name);

    if (dal_debug_register_new_(instance, call, ptr, word, dal_debug_stack_(instance, call)))
        return ptr;
    child_dealloc(instance, (uintptr_t)ptr, word);
    return NULL;
}

void *dal_debug_make_(struct debug_instance *instance, const struct debug_call *call, int is_zeroed)
{
    struct debug_shape shape = dal_debug_shape_(instance, call->align);
    size_t whole;
    char *ptr;

    if (!whole_size(call->size, call->align, shape, &whole))
        return NULL;
    ptr = child_alloc(instance, call, whole, is_zeroed);
    if (!ptr)
        return NULL;
    ptr += shape.front;
    if (!instance->is_plain)
        dal_debug_mark_made_(instance, ptr, call->size, shape, is_zeroed);
    if (instance->sweep)
        dal_debug_sweep_(instance);
    return register_made(instance, ptr, call);
}

void *dal_debug_make_call_(struct debug_instance *instance, const struct debug_call *call,
                           int is_zeroed)
{
    if (debug_layout_is_valid(call->size, call->align))
        return dal_debug_make_(instance, call, is_zeroed);
    dal_debug_fault_invalid_(instance, call);
    return NULL;
}

/* ---- Taking back ----------------------------------------------------------------------------- */

void dal_debug_to_child_(struct debug_instance *instance, struct debug_record record,
                         uintptr_t address)
{
    uint64_t word = debug_record_word(record);

    if (instance->sweep && dal_debug_sweep_leave_(instance, address))
        return;
    debug_record_release(record, DEBUG_KEY_FREE);
    child_dealloc(instance, address, word);
}

void dal_debug_give_back_(struct debug_instance *instance, struct debug_record record,
                          uintptr_t address, uint64_t word, uint32_t ended_stack)
{
    debug_ring_put(instance->tables->rings, address, word, debug_record_stack(record), ended_stack);
    dal_debug_to_child_(instance, record, address);
}

static struct debug_block block_of(struct debug_record record, const struct debug_call *call)
{
    return (struct debug_block){
        .state = DEBUG_KEY_GOING,
        .address = (uintptr_t)call->ptr,
        .word = debug_record_word(record),
        .stack = debug_record_stack(record),
    };
}

static void look_at_zones(struct debug_instance *instance, const struct debug_block *block,
                          const struct debug_call *call)
{
    struct debug_shape shape = dal_debug_shape_(instance, debug_align(block->word));
    struct pattern_change change = dal_debug_front_changed_(call->ptr, shape);

    if (change.count)
        dal_debug_fault_zone_(instance, call, block, &change);
    change = dal_debug_behind_changed_(call->ptr, debug_size(block->word), shape);
    if (change.count)
        dal_debug_fault_zone_(instance, call, block, &change);
}

void dal_debug_end_(struct debug_instance *instance, struct debug_record record,
                    const struct debug_call *call)
{
    struct debug_block block = block_of(record, call);
    uint64_t word = debug_word_ended(block.word, call->name);
    uint32_t stack = dal_debug_stack_(instance, call);

    if (!instance->is_plain) {
        look_at_zones(instance, &block, call);
        dal_debug_mark_ended_(instance, (char *)(uintptr_t)call->ptr, debug_size(word));
        if (instance->sweep)
            dal_debug_sweep_(instance);
        if (dal_debug_quarantine_keep_(instance, record, block.address, word, stack))
            return;
    }
    dal_debug_give_back_(instance, record, block.address, word, stack);
}

/* Whether a block came from a function that what a call says is for. C++'s are for the blocks of
 * the interposer's operators: a program's own may ask for more than it was asked for. */
static int is_bound_by(const struct debug_call *call, uint64_t word)
{
    return (call->name != DEBUG_DELETE && call->name != DEBUG_DELETE_ARRAY) ||
           debug_is_of_new(word);
}

/* The C++ library's own operators, which serve after a failure, ask for no block of no bytes, and
 * for whole multiples of the alignment. */
static int is_size_of_family(uint64_t word, size_t size)
{
    size_t known = debug_size(word), align = debug_align(word);

    return known == size || (size == 0 && known == 1) ||
           (debug_is_aligned(debug_made(word)) && known == ((size + align - 1) & ~(align - 1)));
}

static int is_size(uint64_t word, size_t size)
{
    return size == DEBUG_UNSAID || size == debug_size(word) ||
           (debug_is_of_family(word) && is_size_of_family(word, size));
}

static int is_align(uint64_t word, size_t align)
{
    return align == DEBUG_UNSAID ||
           (align == debug_align(word) &&
            (!debug_is_of_family(word) || debug_is_aligned(debug_made(word))));
}

/* Whether layout and way of a call are those of the block. */
static int is_as_said(const struct debug_call *call, uint64_t word)
{
    if (((unsigned)call->name >= DEBUG_FAMILY) != debug_is_of_family(word))
        return 0;
    return !is_bound_by(call, word) || (is_size(word, call->size) && is_align(word, call->align));
}

/* Whether a block goes back by the language that it came by. The C++ library's own operators serve
 * after a failure of ours; they ask malloc(), and what they made comes to our delete. */
static int is_pair(const struct debug_instance *instance, const struct debug_call *call,
                   uint64_t word)
{
    switch (call->name) {
    case DEBUG_DELETE:
    case DEBUG_DELETE_ARRAY:
        return debug_is_of_new(word) ||
               atomic_load_explicit(&instance->new_has_failed, memory_order_relaxed);
    case DEBUG_FREE:
    case DEBUG_FREE_SIZED:
    case DEBUG_FREE_ALIGNED_SIZED:
    case DEBUG_MALLOC_RESIZE: return !debug_is_of_new(word);
    default: return 1;
    }
}

/* Where the register is not complete, what it does not have may be a good block. */
static int is_lost(struct debug_instance *instance)
{
    return atomic_load_explicit(&instance->lost, memory_order_relaxed);
}

/* As it came, to the child. */
static void pass_on(struct debug_instance *instance, const struct debug_call *call)
{
    void *ptr = (void *)(uintptr_t)call->ptr;

    if ((unsigned)call->name >= DEBUG_FAMILY)
        instance->listed.child_family.free_function(ptr);
    else if (call->size != DEBUG_UNSAID)
        dal_instance_dealloc(instance->next, ptr, call->size, call->align);
    else if (instance->next->native & DAL_SLOT_DEALLOC_UNSIZED)
        instance->calls->dealloc_unsized(instance->next, ptr);
}

struct debug_record dal_debug_take_(struct debug_instance *instance, const struct debug_call *call,
                                    int *has_lost)
{
    struct debug_record record =
        dal_debug_register_take_(&instance->blocks, (uintptr_t)call->ptr, DEBUG_KEY_LIVE);

    *has_lost = !record.line && is_lost(instance);
    if (!record.line && !*has_lost)
        dal_debug_fault_stranger_(instance, call);
    if (record.line) {
        struct debug_block block = block_of(record, call);

        if (!is_as_said(call, block.word))
            dal_debug_fault_layout_(instance, call, &block);
        else if (instance->pairs && !is_pair(instance, call, block.word))
            dal_debug_fault_pair_(instance, call, &block);
    }
    return record;
}

void dal_debug_end_call_(struct debug_instance *instance, const struct debug_call *call)
{
    int has_lost;
    struct debug_record record = dal_debug_take_(instance, call, &has_lost);

    if (record.line)
        dal_debug_end_(instance, record, call);
    else if (has_lost)
        pass_on(instance, call);
}

/* ---- Resizing -------------------------------------------------------------------------------- */

/* The record of the old block goes last: in a search for leaks that stands for what the new one
 * holds until that has its own (tools/search/roots.c). */
void *dal_debug_resized_(struct debug_instance *instance, struct debug_record record,
                         const struct debug_call *call, uint32_t stack, void *moved,
                         size_t new_size, size_t new_align)
{
    uint64_t word = debug_word(new_size, new_align, call->name);

    if (!moved) {
        debug_record_release(record, (uintptr_t)call->ptr | DEBUG_KEY_LIVE);
        return NULL;
    }
    if (moved == call->ptr) {
        debug_record_put(record, (uintptr_t)moved | DEBUG_KEY_LIVE, word, stack);
        return moved;
    }
    debug_ring_put(instance->tables->rings, (uintptr_t)call->ptr,
                   debug_word_ended(debug_record_word(record), call->name),
                   debug_record_stack(record), stack);
    /* The old block is gone, so this one cannot be refused. */
    if (!dal_debug_register_new_(instance, call, moved, word, stack))
        atomic_store_explicit(&instance->lost, 1, memory_order_relaxed);
    debug_record_release(record, DEBUG_KEY_FREE);
    return moved;
}

void *dal_debug_copy_(struct debug_instance *instance, struct debug_record record,
                      const struct debug_call *call, size_t new_size, size_t new_align,
                      int is_zeroed)
{
    const struct debug_call made = {call->name, NULL, new_size, new_align, call->site};
    size_t old_size = debug_size(debug_record_word(record));
    char *moved = dal_debug_make_(instance, &made, 0);

    if (!moved) {
        debug_record_release(record, (uintptr_t)call->ptr | DEBUG_KEY_LIVE);
        return NULL;
    }
    memcpy(moved, call->ptr, old_size < new_size ? old_size : new_size);
    if (is_zeroed && new_size > old_size)
        memset(moved + old_size, 0, new_size - old_size);
    dal_debug_end_(instance, record, call);
    return moved;
}

size_t dal_debug_size_of_(struct debug_instance *instance, const struct debug_call *call)
{
    struct debug_block block;

    if (dal_debug_register_look_(&instance->blocks, (uintptr_t)call->ptr, &block) &&
        block.state == DEBUG_KEY_LIVE)
        return debug_size(block.word);
    if (!is_lost(instance))
        dal_debug_fault_stranger_(instance, call);
    return SIZE_MAX;
}
