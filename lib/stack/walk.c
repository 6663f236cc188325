/* SPDX-License-Identifier: MIT */
/* Following frames. See walk.h. */
#include <config.h>

#include "stack/walk.h"

#include <stdatomic.h>
#include <string.h>

#include "os/frames.h"
#include "os/os.h"
#include "stack/frame_rule.h"

/* Frames of the library's own that may lie before the one that is asked for. */
enum { FRAMES_BEFORE = 24 };

enum { RULES_KEPT = 4096, PAGES_KEPT = 512 };

/*
 * Two words are stored without a lock, and may come from two threads: the place is stored combined
 * with the rule, so that words which do not belong together give another place. All relaxed: the
 * words depend on nothing else. A rule that is kept of code which was unloaded is wrong for what
 * comes to its place; the walk ends there, or goes astray and is stopped.
 */
struct kept {
    _Atomic(uint64_t) combined, rule;
};

struct dal_walk_cache_ {
    struct kept rules[RULES_KEPT];
    _Atomic(uintptr_t) pages[PAGES_KEPT]; /* that were found readable */
};

const size_t dal_walk_cache_bytes_ = sizeof(struct dal_walk_cache_);

#if DAL_OS_HAS_FRAMES_

/* ---- Rules that are kept ----------------------------------------------------------------------
 */

# define IS_KNOWN (UINT64_C(1) << 63)

static uint64_t pack(const struct dal_frame_rule_ *rule)
{
    return IS_KNOWN | (uint64_t)rule->base << 57 | (uint64_t)rule->pointer_is_by_pointer << 56 |
           (uint64_t)((uint32_t)rule->offset & 0xffffff) << 32 |
           (uint64_t)(uint16_t)rule->return_words << 16 | (uint16_t)rule->pointer_words;
}

static struct dal_frame_rule_ unpack(uint64_t word)
{
    return (struct dal_frame_rule_){.base = word >> 57 & 0x3f,
                                    .pointer_is_by_pointer = word >> 56 & 1,
                                    .offset = (int32_t)(uint32_t)(word >> 32 << 8) >> 8,
                                    .return_words = (int16_t)(word >> 16),
                                    .pointer_words = (int16_t)word};
}

/* Returns 0 if there is none for the place. That is kept as well. */
static int find_rule(struct dal_walk_cache_ *cache, uintptr_t place, struct dal_frame_rule_ *rule)
{
    struct kept *kept = &cache->rules[(place ^ place >> 12) % RULES_KEPT];
    uint64_t word = atomic_load_explicit(&kept->rule, memory_order_relaxed);

    if ((atomic_load_explicit(&kept->combined, memory_order_relaxed) ^ word) != place || !word) {
        /* Words without a rule differ from empty ones. */
        word = dal_frame_rule_find_(place, rule) ? pack(rule) : 1;
        atomic_store_explicit(&kept->rule, word, memory_order_relaxed);
        atomic_store_explicit(&kept->combined, word ^ place, memory_order_relaxed);
    }
    *rule = unpack(word);
    return (word & IS_KNOWN) != 0;
}

/* ---- Reading the stack ------------------------------------------------------------------------
 */

# define WORD sizeof(uintptr_t)

/*
 * A stack that was readable may be gone, and who goes astray may come to where it was. So what is
 * kept of a page counts only a little above the last one: that is the walk's own stack still, which
 * what comes behind is apart from by a closed page, unless a frame pointer was taken on faith
 * (step_by_pointer()). (64 KiB: who has larger frames asks the system.)
 */
enum { PAGES_TRUSTED = 16 };

static int is_kept(const struct dal_walk_ *walk, uintptr_t page)
{
    return page - walk->page <= walk->pages_trusted &&
           atomic_load_explicit(&walk->cache->pages[page % PAGES_KEPT], memory_order_relaxed) ==
               page;
}

static int is_readable(struct dal_walk_ *walk, uintptr_t address)
{
    uintptr_t page = address / DAL_OS_PAGE_BYTES_LEAST_;

    /* Page 0 stands for none. */
    if (address % WORD != 0 || page == 0)
        return 0;
    if (page == walk->page)
        return 1;
    if (!is_kept(walk, page)) {
        if (!dal_os_is_readable_(address))
            return 0;
        atomic_store_explicit(&walk->cache->pages[page % PAGES_KEPT], page, memory_order_relaxed);
    }
    walk->page = page;
    return 1;
}

/* Words of other functions' frames, whatever a sanitizer has them surrounded with. */
DAL_UNCHECKED_ int dal_walk_read_(struct dal_walk_ *walk, uintptr_t address, uintptr_t *word)
{
    if (!is_readable(walk, address))
        return 0;
    *word = *(const uintptr_t *)address;
    return 1;
}

/* ---- What has led it --------------------------------------------------------------------------
 */

static void keep_read(struct dal_walk_ *walk, uintptr_t address, uintptr_t word)
{
    struct dal_walk_reads_ *reads = walk->reads;

    if (!reads)
        return;
    if (reads->count < DAL_WALK_READS_MAX_) {
        reads->addresses[reads->count] = address;
        reads->words[reads->count] = word;
    }
    reads->count++;
}

static int read_and_keep(struct dal_walk_ *walk, uintptr_t address, uintptr_t *word)
{
    if (!dal_walk_read_(walk, address, word))
        return 0;
    keep_read(walk, address, *word);
    return 1;
}

/* What a register of that name holds is mostly something else: it has led the walk where it is
 * asked for, and not where it is read. */
static uintptr_t use_pointer(struct dal_walk_ *walk)
{
    if (walk->pointer_at)
        keep_read(walk, walk->pointer_at, walk->pointer);
    if (walk->reads && walk->reads->has_first_pointer)
        walk->reads->uses_pointer = 1;
    walk->pointer_at = 0;
    return walk->pointer;
}

/* ---- Steps ------------------------------------------------------------------------------------
 */

/* Without the bits above addresses that sign them. */
static uintptr_t plain(uintptr_t place)
{
# ifdef __aarch64__
    return place & ((UINT64_C(1) << 48) - 1);
# else
    return place;
# endif
}

static int go_to(struct dal_walk_ *walk, uintptr_t place, uintptr_t stack)
{
    walk->place = plain(place);
    walk->stack = stack;
    walk->return_address = 0;
    walk->is_interrupted = 0;
    return walk->place != 0;
}

static void set_pointer(struct dal_walk_ *walk, uintptr_t pointer, uintptr_t read_at)
{
    walk->pointer = pointer;
    walk->pointer_at = read_at;
    if (walk->reads)
        walk->reads->has_first_pointer = 0;
}

/* What leads it may not be there when it comes by again. */
static void forget_reads(struct dal_walk_ *walk)
{
    if (walk->reads)
        walk->reads->count = DAL_WALK_READS_MAX_ + 1;
}

/* A frame of code that nothing is known of: what the frame pointer points to or, on RISC-V, behind.
 * It has to be above, and not far. It may be any number, and lead to a stack that is gone, however
 * near: from here on the system is asked for each page. */
static int step_by_pointer(struct dal_walk_ *walk)
{
    const uintptr_t most = (uintptr_t)1 << 20;
    uintptr_t frame = use_pointer(walk), place, pointer;

# ifdef __riscv
    frame -= 2 * WORD;
# endif
    if (frame < walk->stack || frame - walk->stack > most)
        return 0;
    walk->pages_trusted = 0;
    forget_reads(walk);
    if (!dal_walk_read_(walk, frame + WORD, &place) || !dal_walk_read_(walk, frame, &pointer))
        return 0;
    set_pointer(walk, pointer, frame);
    return go_to(walk, place, frame + 2 * WORD);
}

/* Where a signal came. */
static int start_at(struct dal_walk_ *walk, const struct dal_os_registers_ *registers)
{
    forget_reads(walk);
    set_pointer(walk, registers->pointer, 0);
    (void)go_to(walk, registers->place, registers->stack);
    walk->return_address = plain(registers->return_address);
    walk->is_interrupted = 1;
    return walk->place != 0;
}

static int step_out_of_handler(struct dal_walk_ *walk)
{
    struct dal_os_registers_ registers;
    size_t bytes = dal_os_signal_frame_bytes_();

    if (bytes == 0 || !is_readable(walk, walk->stack) ||
        !is_readable(walk, walk->stack + bytes - WORD))
        return 0;
    dal_os_signal_registers_((const void *)walk->stack, &registers);
    return start_at(walk, &registers);
}

static uintptr_t words_from(uintptr_t address, int16_t words)
{
    return address + (uintptr_t)(intptr_t)words * WORD;
}

static int find_frame_address(struct dal_walk_ *walk, const struct dal_frame_rule_ *rule,
                              uintptr_t *address)
{
    uintptr_t base = rule->base == DAL_FRAME_BY_STACK_ ? walk->stack : use_pointer(walk);

    *address = base + (uintptr_t)(intptr_t)rule->offset;
    if (rule->base == DAL_FRAME_POINTED_TO_ && !read_and_keep(walk, *address, address))
        return 0;
    /* A function that has taken nothing of the stack returns by a register. */
    return *address > walk->stack ||
           (*address == walk->stack && rule->return_words == DAL_FRAME_KEPT_);
}

static int step_by_rule(struct dal_walk_ *walk, const struct dal_frame_rule_ *rule)
{
    uintptr_t address, place = walk->return_address;

    if (!find_frame_address(walk, rule, &address))
        return 0;
    if (rule->return_words != DAL_FRAME_KEPT_ &&
        !read_and_keep(walk, words_from(address, rule->return_words), &place))
        return 0;
    if (rule->pointer_words != DAL_FRAME_KEPT_) {
        uintptr_t base = rule->pointer_is_by_pointer ? use_pointer(walk) : address, pointer;

        base = words_from(base, rule->pointer_words);
        if (!dal_walk_read_(walk, base, &pointer))
            return 0;
        set_pointer(walk, pointer, base);
    }
    return go_to(walk, place, address);
}

/* To the caller. Returns 0 if there is none, or none that can be found. */
static int step(struct dal_walk_ *walk)
{
    struct dal_frame_rule_ rule;

    /* A call may be the last instruction of a function. */
    if (!find_rule(walk->cache, walk->place - !walk->is_interrupted, &rule))
        return step_by_pointer(walk);
    switch (rule.base) {
    case DAL_FRAME_END_: return 0;
    case DAL_FRAME_OF_SIGNAL_: return step_out_of_handler(walk);
    default: return step_by_rule(walk, &rule);
    }
}

int dal_walk_can_(void)
{
    return 1;
}

/* Place and stack stand for whoever has called this, whose frame pointer this function has kept. */
DAL_OWN_FRAME_ DAL_UNCHECKED_ void dal_walk_begin_(struct dal_walk_ *walk,
                                                   struct dal_walk_cache_ *cache,
                                                   struct dal_walk_reads_ *reads)
{
    walk->cache = cache;
    walk->reads = reads;
    walk->place = plain((uintptr_t)__builtin_return_address(0));
    walk->stack = (uintptr_t)__builtin_dwarf_cfa();
# ifdef __riscv
    walk->pointer = ((const uintptr_t *)__builtin_frame_address(0))[-2];
# else
    walk->pointer = *(const uintptr_t *)__builtin_frame_address(0);
# endif
    reads->first_place = walk->place;
    reads->first_stack = walk->stack;
    reads->first_pointer = walk->pointer;
    walk->pointer_at = walk->return_address = 0;
    /* Where the address is to which this returns. */
    walk->page = (walk->stack - WORD) / DAL_OS_PAGE_BYTES_LEAST_;
    walk->pages_trusted = PAGES_TRUSTED;
    reads->has_first_pointer = 1;
    walk->is_interrupted = reads->uses_pointer = 0;
    reads->count = 0;
}

/* One byte behind the start of an instruction that a signal has interrupted: it may be the first of
 * its function, and what is before a place is what is told of. */
static const void *place_of(const struct dal_walk_ *walk)
{
    return (const void *)(walk->place + (uintptr_t)walk->is_interrupted);
}

size_t dal_walk_(struct dal_walk_ *walk, const void *from, const void **places, size_t count)
{
    const uintptr_t first = plain((uintptr_t)from);
    size_t found = 0;

    for (int before = 0; walk->place != first; before++) {
        if (before == FRAMES_BEFORE || !step(walk)) {
            places[0] = from;
            return 1;
        }
    }
    do
        places[found++] = place_of(walk);
    while (found < count && step(walk));
    return found;
}

DAL_UNCHECKED_ size_t dal_walk_at_(struct dal_walk_cache_ *cache, const void *context,
                                   const void **places, size_t count)
{
    struct dal_walk_ walk = {.cache = cache}; /* which trusts nothing that is kept of pages */
    struct dal_os_registers_ registers;
    size_t found = 0;

    dal_os_context_registers_(context, &registers);
    (void)start_at(&walk, &registers);
    do
        places[found++] = place_of(&walk);
    while (found < count && step(&walk));
    return found;
}

#else

int dal_walk_can_(void)
{
    return 0;
}

void dal_walk_begin_(struct dal_walk_ *walk, struct dal_walk_cache_ *cache,
                     struct dal_walk_reads_ *reads)
{
    *walk = (struct dal_walk_){.cache = cache, .reads = reads};
    reads->first_place = reads->first_stack = reads->first_pointer = 0;
    reads->count = DAL_WALK_READS_MAX_ + 1;
}

size_t dal_walk_(struct dal_walk_ *walk, const void *from, const void **places, size_t count)
{
    (void)walk;
    (void)count;
    places[0] = from;
    return 1;
}

int dal_walk_read_(struct dal_walk_ *walk, uintptr_t address, uintptr_t *word)
{
    (void)walk;
    (void)address;
    (void)word;
    return 0;
}

size_t dal_walk_at_(struct dal_walk_cache_ *cache, const void *context, const void **places,
                    size_t count)
{
# if DAL_OS_HAS_REGISTERS_
    struct dal_os_registers_ registers;

    dal_os_context_registers_(context, &registers);
    places[0] = (const void *)(registers.place + 1);
# else
    (void)context;
    (void)places;
# endif
    (void)cache;
    (void)count;
    return DAL_OS_HAS_REGISTERS_;
}

#endif
