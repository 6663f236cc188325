/* SPDX-License-Identifier: MIT */
/* Saying what `run --check` found. See fault.h. */
#include <config.h>

#include "fault.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "address.h"
#include "choice/choice.h"
#include "os/os.h"
#include "base/text.h"

/* Lines about one fault, and about all. Two faults are one if they come from the same place, by
 * the same call, and concern what came from the same place, or the same part of memory. To see
 * what a pointer is costs a look at the mappings of the process: of so many from a place. */
#define LINES_A_FAULT 3
#define LINES_MAX     100
#define LOOKS_A_PLACE 200

static const char *const call_names[] = {
#define X(name, text) text,
    DAL_CALLS(X)
#undef X
};

/* ---- What was said already ---------------------------------------------------------------- */

/* All relaxed: numbers that nothing depends on. A key stands for a place or for one fault, 0
 * for none yet. */
#define KEYS_MAX 1024
static struct {
    _Atomic(uint64_t) key;
    _Atomic(unsigned) faults;
} counts[KEYS_MAX];
static _Atomic(unsigned) place_count, line_count;
static _Atomic(uint64_t) fault_count;

#define COUNT(counter) atomic_fetch_add_explicit(&(counter), 1, memory_order_relaxed)
#define READ(counter)  atomic_load_explicit(&(counter), memory_order_relaxed)
#define CLEAR(counter) atomic_store_explicit(&(counter), 0, memory_order_relaxed)

/* The child of a fork has faults of its own to tell. While it has one thread, so that none of
 * them is lost. The child of a vfork has our memory, and its faults are ours. */
static void start_over_in_child(void)
{
    if (READ(fault_count) == 0)
        return;
    for (size_t i = 0; i < KEYS_MAX; i++) {
        CLEAR(counts[i].key);
        CLEAR(counts[i].faults);
    }
    CLEAR(place_count);
    CLEAR(line_count);
    CLEAR(fault_count);
}

void dal_fault_start_(void)
{
    char here[64];
    struct dal_text_ text = dal_text_over_(here, sizeof here);

    /* The loader binds what is called at the first call, and takes 2 KiB of stack for it: not in a
     * handler that has a small one. */
    (void)dal_address_add_what_(&text, &line_count);
    dal_address_add_site_(&text, __builtin_return_address(0));
    dal_os_write_("", 0);
    (void)!write(-1, "", 0);
    (void)poll(NULL, 0, 0);
    /* Where that fails, a child counts on from what its parent had. */
    (void)dal_os_atfork_(NULL, NULL, start_over_in_child);
}

static uint64_t mix(uint64_t value)
{
    value *= UINT64_C(0x9e3779b97f4a7c15);
    return value ^ value >> 32;
}

/* How many there were of a key before this one; UINT_MAX if there is no room for it. */
static unsigned count_key(uint64_t key)
{
    for (size_t n = 0; n < KEYS_MAX; n++) {
        size_t i = (size_t)(mix(key) + n) % KEYS_MAX;
        uint64_t there = 0;

        if (atomic_compare_exchange_strong_explicit(&counts[i].key, &there, key,
                                                    memory_order_relaxed, memory_order_relaxed) ||
            there == key)
            return COUNT(counts[i].faults);
    }
    return UINT_MAX;
}

/* ---- A line ------------------------------------------------------------------------------- */

enum kind { FOREIGN, GONE, LAYOUT, REUSED };

struct report {
    const struct dal_fault_ *fault;
    uint64_t key;          /* of its place */
    struct dal_text_ what; /* the middle of the line */
    char data[DAL_MESSAGE_BYTES];
    int cancel_state;
    int saved_errno;
};

/* Count a fault. Returns 0 if that is all; else what is to be filled in, and ended by tell(). */
static int begin(struct report *report, const struct dal_fault_ *fault, enum kind kind)
{
    unsigned before;

    (void)COUNT(fault_count);
    report->key = mix((uint64_t)(uintptr_t)fault->site) ^ (uint64_t)fault->call << 4 ^
                  (uint64_t)kind << 1 ^ 1;
    before = count_key(report->key);
    if (before == 0)
        (void)COUNT(place_count);
    if (before >= LOOKS_A_PLACE || READ(line_count) > LINES_MAX)
        return 0;
    report->fault = fault;
    report->what = dal_text_over_(report->data, sizeof report->data);
    /* What tells about addresses opens files, where a thread can be cancelled; free() is no
     * such place. */
    report->saved_errno = errno;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &report->cancel_state);
    return 1;
}

static void add_site(struct dal_text_ *text, const void *site)
{
    if (site) {
        dal_text_add_(text, " at ");
        dal_address_add_site_(text, site);
    }
}

static void write_line(const struct report *report, const char *consequence, int is_last)
{
    char start[DAL_MESSAGE_BYTES / 2];
    struct dal_text_ text = dal_text_over_(start, sizeof start);

    dal_text_add_(&text, "%s(%p)", call_names[report->fault->call], report->fault->ptr);
    add_site(&text, report->fault->site);
    dal_log_("check[%" PRIu64 "]: %s: %s; %s%s", dal_os_process_(), start, report->data,
             consequence, is_last ? "; more of this is only counted" : "");
}

/* subject is what makes it another fault than one of the same place. */
static void tell(const struct report *report, uint64_t subject, const char *consequence)
{
    unsigned before = count_key(mix(report->key ^ mix(subject)) | 1);
    unsigned lines = before < LINES_A_FAULT ? COUNT(line_count) : UINT_MAX;
    int ignored;

    if (lines < LINES_MAX)
        write_line(report, consequence, before == LINES_A_FAULT - 1);
    else if (lines == LINES_MAX)
        dal_log_("check[%" PRIu64 "]: %d lines were written; further faults are only counted",
                 dal_os_process_(), LINES_MAX);
    (void)pthread_setcancelstate(report->cancel_state, &ignored);
    dal_choice_end_if_strict_();
    errno = report->saved_errno;
}

/* "malloc at FILE+0x12 (main+0x2)". */
static void add_origin(struct dal_text_ *text, const struct dal_block_ *block)
{
    dal_text_add_(text, "%s", call_names[block->call]);
    add_site(text, block->site);
}

/* ---- What is wrong with a pointer --------------------------------------------------------- */

static void add_gone(struct dal_text_ *text, const struct dal_block_ *known)
{
    dal_text_add_(text, "a block of %zu bytes that ", known->size);
    if (known->state == DAL_BLOCK_GOING) {
        dal_text_add_(text, "another thread is giving back at this moment");
        return;
    }
    dal_text_add_(text, "was given back already, by ");
    add_origin(text, known);
}

static void add_inside(struct dal_text_ *text, uintptr_t address, const struct dal_block_ *around)
{
    const char *live = around->state == DAL_BLOCK_LIVE ? "live " : "";
    size_t offset = address - around->address;

    if (offset == around->size)
        dal_text_add_(text, "at the end of a %sblock of %zu bytes", live, around->size);
    else
        dal_text_add_(text, "%zu bytes into a %sblock of %zu bytes", offset, live, around->size);
    dal_text_add_(text, *live ? ", from " : " that was given back, by ");
    add_origin(text, around);
}

static const char *consequence_of(const struct dal_fault_ *fault)
{
    switch (fault->call) {
    case DAL_CALL_REALLOC: return "NULL is returned, with errno EINVAL";
    case DAL_CALL_USABLE_SIZE: return "0 is returned";
    default: return "it is left alone";
    }
}

void dal_fault_foreign_(const struct dal_fault_ *fault, const struct dal_block_ *known)
{
    const uintptr_t address = (uintptr_t)fault->ptr;
    struct dal_block_ around;
    struct report report;
    uint64_t subject;

    if (!begin(&report, fault, known->state == DAL_BLOCK_NONE ? FOREIGN : GONE))
        return;
    /* A live block may have taken in the place where an older one began. */
    if (!dal_blocks_find_(fault->ptr, &around)) {
        subject = dal_address_add_what_(&report.what, fault->ptr);
    } else if (around.address == address) {
        add_gone(&report.what, known);
        subject = (uintptr_t)known->site;
    } else {
        add_inside(&report.what, address, &around);
        subject = (uintptr_t)around.site;
    }
    tell(&report, subject, consequence_of(fault));
}

void dal_fault_layout_(const struct dal_fault_ *fault, const struct dal_block_ *block)
{
    size_t size = fault->size, align = fault->align;
    struct report report;

    if (!begin(&report, fault, LAYOUT))
        return;
    dal_text_add_(&report.what, "given as ");
    if (size != SIZE_MAX)
        dal_text_add_(&report.what, "%zu bytes", size);
    if (align)
        dal_text_add_(&report.what, "%salignment %zu", size != SIZE_MAX ? " at " : "", align);
    dal_text_add_(&report.what, ", but a block of %zu bytes", block->size);
    if (align)
        dal_text_add_(&report.what, " at alignment %zu", block->align);
    dal_text_add_(&report.what, ", from ");
    add_origin(&report.what, block);
    tell(&report, size ^ mix(block->size) ^ align << 1 ^ block->align,
         "it is given back all the same");
}

void dal_fault_reused_(const struct dal_fault_ *fault, const struct dal_block_ *block)
{
    struct report report;

    if (!begin(&report, fault, REUSED))
        return;
    dal_text_add_(&report.what, "given out while it is a live block of %zu bytes, from ",
                  block->size);
    add_origin(&report.what, block);
    tell(&report, (uintptr_t)block->site,
         "something gave it back past the malloc family of this process");
}

void dal_fault_blind_(void)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set_explicit(&said, memory_order_relaxed))
        dal_log_("check[%" PRIu64 "]: no memory to register blocks with; from here on nothing is "
                 "checked",
                 dal_os_process_());
}

/* ---- At exit ------------------------------------------------------------------------------ */

/* After the destructors of the program, since the loader initialised us first. */
__attribute__((destructor)) static void sum_up(void)
{
    unsigned lines, places;

    /* First of all, since it touches no page of this file. */
    if (!dal_choice_environment_()->check || READ(fault_count) == 0)
        return;
    lines = READ(line_count);
    places = READ(place_count);
    dal_log_("check[%" PRIu64 "]: %" PRIu64 " fault%s at %u place%s, %u of them told above",
             dal_os_process_(), READ(fault_count), READ(fault_count) == 1 ? "" : "s", places,
             places == 1 ? "" : "s", lines < LINES_MAX ? lines : (unsigned)LINES_MAX);
}
