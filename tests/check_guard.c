/* SPDX-License-Identifier: MIT */
/* The layer `guard`: which blocks it guards, that they are blocks like others, and what is found
 * beside them. */
#include <check.h>
#include <dispatchalloc.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/sanitizer.h"
#include "debug_saying.h"
#include "suite.h"

#define EVERY "guard:every=1,per_second=1000000"

/* What the access was is not told by every processor, nor by every emulator of one. */
#if defined __linux__ && (defined __x86_64__ || defined __i386__)
# define READ  "read"
# define WRITE "write"
#else
# define READ  "access"
# define WRITE "access"
#endif

static size_t page_bytes;

static void setup(void)
{
    page_bytes = dal_services_get()->page_bytes();
}

static uint64_t value_of(const struct dal_instance *instance, const char *key)
{
    uint64_t value = 4711;

    ck_assert_int_eq(dal_guard_get(instance, key, &value), 0);
    return value;
}

static int is_at_end(const void *block, size_t size)
{
    return ((uintptr_t)block + size) % page_bytes == 0;
}

/* A guarded block that ends its page, or begins it: each comes by chance. */
static char *block_at(const struct dal_instance *instance, size_t size, int is_end)
{
    for (int i = 0; i < 1000; i++) {
        char *block = dal_instance_alloc(instance, size, 1);

        ck_assert_ptr_nonnull(block);
        if (is_end ? is_at_end(block, size) : (uintptr_t)block % page_bytes == 0)
            return block;
        dal_instance_dealloc(instance, block, size, 1);
    }
    ck_abort_msg("no block %s of a page", is_end ? "at the end" : "at the start");
    return NULL;
}

/* The line of the registers, which may be any numbers. On processors whose registers are not looked
 * at that is a line in the place of the first stack. */
static const char *without_registers(const char *said_text)
{
    static char text[SAID_BYTES];
    static const char unknown[] = "    (its place is not known)\n";
    const char *line = strstr(said_text, "  registers: pc 0x"), *place = strstr(said_text, unknown);

#if defined __x86_64__ || defined __i386__ || defined __aarch64__ || \
    (defined __riscv && __riscv_xlen == 64)
    place = NULL;
#endif
    if (!line && place)
        snprintf(text, sizeof text, "%.*s    #\n%s", (int)(place - said_text), said_text,
                 place + strlen(unknown));
    if (!line)
        return place ? text : said_text;
    snprintf(text, sizeof text, "%.*s%s", (int)(line - said_text), said_text,
             strchr(line, '\n') + 1);
    return text;
}

/* As the processor tells it. */
static const char *said_of_access(void)
{
    static char text[SAID_BYTES];
    const char *said_text = without_registers(said_end()), *what = strstr(said_text, ": read ");

    what = what ? what : strstr(said_text, ": write ");
    if (!what || strcmp(READ, "access") != 0)
        return said_text;
    snprintf(text, sizeof text, "%.*s: access%s", (int)(what - said_text), said_text,
             strchr(what + 2, ' '));
    return text;
}

/* ---- Faults ----------------------------------------------------------------------------------
 */

enum fault { BEHIND, FAR_BEHIND, BEFORE, RELEASED, BEHIND_RELEASED, FAULTS };

static const struct {
    const char *said;
    int is_end, is_released;
} faults[FAULTS] = {
    [BEHIND] = {"SIGSEGV: " WRITE " 0 bytes behind the end of a block of 100 bytes at 0xA\n", 1, 0},
    [FAR_BEHIND] = {"SIGSEGV: " READ " 77 bytes behind the end of a block of 100 bytes at 0xA\n", 1,
                    0},
    [BEFORE] = {"SIGSEGV: " READ " 1 bytes before the beginning of a block of 100 bytes at 0xA\n",
                0, 0},
    [RELEASED] = {"SIGSEGV: use after release: " READ
                  " 50 bytes from the beginning of a block of 100 bytes at 0xA, which was given "
                  "back\n",
                  1, 1},
    [BEHIND_RELEASED] = {"SIGSEGV: use after release: " WRITE
                         " 3 bytes behind the end of a block of 100 bytes at 0xA, which was given "
                         "back\n",
                         1, 1},
};

static void commit(const struct dal_instance *instance, enum fault fault)
{
    volatile char *block = block_at(instance, 100, faults[fault].is_end);
    static volatile char sink;

    if (faults[fault].is_released)
        dal_instance_dealloc(instance, (void *)(uintptr_t)block, 100, 1);
    switch (fault) {
    case BEHIND: block[100] = 1; break;
    case FAR_BEHIND: sink = block[177]; break;
    case BEFORE: sink = block[-1]; break;
    case RELEASED: sink = block[50]; break;
    default: block[103] = 1;
    }
    (void)sink;
}

static const char *expected(enum fault fault)
{
    static char text[1024];

    snprintf(text, sizeof text, "dispatchalloc: guard[N]: %s    #\n  allocated by:\n    #\n%s",
             faults[fault].said, faults[fault].is_released ? "  released by:\n    #\n" : "");
    return text;
}

START_TEST(test_fault_is_told_and_ends_the_process)
{
    int status;
    pid_t child;

    said_begin();
    child = fork();
    if (child == 0) {
        /* (A sanitizer has one of its own.) */
        (void)signal(SIGSEGV, SIG_DFL);
        commit(make(EVERY "+system"), (enum fault)_i);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_str_eq(said_of_access(), expected((enum fault)_i));
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}
END_TEST

static sigjmp_buf back;
static volatile int handled;

static void go_back(int number)
{
    if (number == SIGSEGV)
        handled++;
    siglongjmp(back, 1);
}

static void provoke(const struct dal_instance *instance, enum fault fault)
{
    if (sigsetjmp(back, 1) == 0) {
        commit(instance, fault);
        ck_abort_msg("nothing was found");
    }
}

START_TEST(test_handler_of_before_runs_and_may_go_on)
{
    const struct dal_instance *instance;

    ck_assert(signal(SIGSEGV, go_back) != SIG_ERR);
    instance = make(EVERY "+system");
    for (int i = 0; i < FAULTS; i++) {
        said_begin();
        provoke(instance, (enum fault)i);
        ck_assert_str_eq(said_of_access(), expected((enum fault)i));
        ck_assert_int_eq(handled, i + 1);
    }
    ck_assert_uint_eq(value_of(instance, "faults"), FAULTS);
}
END_TEST

START_TEST(test_reports_are_bounded)
{
    const struct dal_instance *instance;
    const char *text;
    int reports = 0;

    ck_assert(signal(SIGSEGV, go_back) != SIG_ERR);
    instance = make(EVERY "+system");
    for (int i = 0; i < 110; i++) {
        said_begin();
        provoke(instance, RELEASED);
        text = said_of_access();
        reports += strcmp(text, expected(RELEASED)) == 0;
        if (i == 100)
            ck_assert_str_eq(text, "dispatchalloc: guard[N]: 100 reports were written; further "
                                   "faults are only counted\n");
    }
    ck_assert_int_eq(reports, 100);
    ck_assert_uint_eq(value_of(instance, "faults"), 110);
}
END_TEST

START_TEST(test_replaced_handler_is_told_once)
{
    const struct dal_instance *instance = make(EVERY "+system");

    dal_instance_dealloc(instance, dal_instance_alloc(instance, 8, 8), 8, 8);
    ck_assert(signal(SIGSEGV, go_back) != SIG_ERR);
    said_begin();
    for (int i = 0; i < 100; i++)
        dal_instance_dealloc(instance, dal_instance_alloc(instance, 8, 8), 8, 8);
    ck_assert_str_eq(said_end(), "dispatchalloc: guard[N]: the handler of SIGSEGV was replaced by "
                                 "another: what it does not hand on is not told of\n");
    provoke(instance, BEHIND);
    ck_assert_int_eq(handled, 1);
}
END_TEST

/* ---- What is found when a block is given back --------------------------------------------------
 */

START_TEST(test_write_beside_block_is_told_at_release)
{
    const struct dal_instance *instance = make(EVERY "+system");
    char *block;

    while (block = dal_instance_alloc(instance, 20, 16), !is_at_end(block, 32))
        dal_instance_dealloc(instance, block, 20, 16);
    block[20] = block[31] = 0;
    said_begin();
    dal_instance_dealloc(instance, block, 20, 16);
    ck_assert_str_eq(said_end(),
                     "dispatchalloc: guard[N]: dealloc(0xA): a block of 20 bytes was written to "
                     "behind its end: 2 bytes changed, the first at 20 (0x00), found at release\n"
                     "    #\n  allocated by:\n    #\n");
    block = block_at(instance, 100, 1);
    block[-5] = block[-9] = 0;
    said_begin();
    block = dal_instance_realloc(instance, block, 100, 1, 200);
    ck_assert_str_eq(
        said_end(), "dispatchalloc: guard[N]: realloc(0xA): a block of 100 bytes was written to in "
                    "front of its beginning: 2 bytes changed, the nearest at -5 (0x00), found at "
                    "release\n    #\n  allocated by:\n    #\n");
    dal_instance_dealloc(instance, block, 200, 1);
    ck_assert_uint_eq(value_of(instance, "live"), 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_wrong_pointer_is_told_and_left_alone)
{
    const struct dal_instance *instance = make(EVERY "+system");
    char *block = block_at(instance, 100, 0);

    said_begin();
    dal_instance_dealloc(instance, block + 8, 100, 1);
    ck_assert_str_eq(said_end(),
                     "dispatchalloc: guard[N]: dealloc(0xA): at 8 of a live block of 100 "
                     "bytes; it is left alone\n    #\n  allocated by:\n    #\n");
    memset(block, 1, 100);
    dal_instance_dealloc(instance, block, 100, 1);
    said_begin();
    dal_instance_dealloc(instance, block, 100, 1);
    ck_assert_ptr_null(dal_instance_realloc(instance, block, 100, 1, 200));
    ck_assert_str_eq(
        said_end(),
        "dispatchalloc: guard[N]: dealloc(0xA): a block of 100 bytes that was given back "
        "already; it is left alone\n    #\n  allocated by:\n    #\n  released by:\n    #\n"
        "dispatchalloc: guard[N]: realloc(0xA): a block of 100 bytes that was given back "
        "already; it is left alone\n    #\n  allocated by:\n    #\n  released by:\n    "
        "#\n");
    ck_assert_uint_eq(value_of(instance, "live"), 0);
    ck_assert_uint_eq(value_of(instance, "faults"), 3);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Blocks like others ------------------------------------------------------------------------
 */

START_TEST(test_layouts_are_kept)
{
    const struct dal_instance *instance = make(EVERY ",slots=64+system");
    uint64_t guarded = 0;

    for (size_t align = 1; align <= page_bytes; align *= 2) {
        for (size_t size = 0; size <= page_bytes; size = size * 3 / 2 + 1) {
            unsigned char *block = size % 2 ? dal_instance_alloc(instance, size, align)
                                            : dal_instance_alloc_zeroed(instance, size, align);

            ck_assert_ptr_nonnull(block);
            ck_assert_uint_eq((uintptr_t)block % align, 0);
            for (size_t i = 0; i < size && size % 2 == 0; i++)
                ck_assert_uint_eq(block[i], 0);
            memset(block, 0x5a, size);
            ck_assert_uint_eq(dal_instance_usable_size(instance, block, size, align), size);
            ck_assert_int_eq(dal_instance_resize_in_place(instance, block, size, align, size + 1),
                             DAL_ERR_UNSUPPORTED);
            block = dal_instance_grow_zeroed(instance, block, size, align, size + 9, align);
            ck_assert_ptr_nonnull(block);
            for (size_t i = 0; i < size + 9; i++)
                ck_assert_uint_eq(block[i], i < size ? 0x5a : 0);
            dal_instance_dealloc(instance, block, size + 9, align);
            guarded += size + 9 <= page_bytes ? 2 : 1;
            ck_assert_uint_eq(value_of(instance, "guarded"), guarded);
        }
    }
    ck_assert_uint_eq(value_of(instance, "live"), 0);
    ck_assert_uint_eq(value_of(instance, "faults"), 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_what_does_not_fit_is_the_childs)
{
    const struct dal_instance *instance = make(EVERY ",slots=2+system");
    void *large = dal_instance_alloc(instance, page_bytes + 1, 8);
    void *aligned = dal_instance_alloc(instance, 8, 2 * page_bytes);
    void *blocks[3];

    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(blocks[i] = dal_instance_alloc(instance, 8, 8));
    ck_assert_uint_eq(value_of(instance, "too_large"), 2);
    ck_assert_uint_eq(value_of(instance, "no_slot"), 1);
    ck_assert_uint_eq(value_of(instance, "guarded"), 2);
    ck_assert_uint_eq(value_of(instance, "live"), 2);
    ck_assert_uint_eq(value_of(instance, "slots"), 2);
    for (int i = 0; i < 3; i++)
        dal_instance_dealloc(instance, blocks[i], 8, 8);
    dal_instance_dealloc(instance, large, page_bytes + 1, 8);
    dal_instance_dealloc(instance, aligned, 8, 2 * page_bytes);
    ck_assert_uint_eq(value_of(instance, "live"), 0);
    dal_instance_destroy(instance);
}
END_TEST

/* By their pages: where in those a block is, is a matter of chance. */
static uintptr_t page_of(const void *block)
{
    return (uintptr_t)block / page_bytes;
}

START_TEST(test_oldest_page_is_used_again_first)
{
    enum { SLOTS = 7, ROUNDS = 5 };
    const struct dal_instance *instance = make(EVERY ",slots=7+system");
    void *blocks[SLOTS];
    uintptr_t pages[SLOTS];

    for (int i = 0; i < SLOTS; i++)
        blocks[i] = dal_instance_alloc(instance, 8, 8);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SLOTS; i++) {
            int at = i * 3 % SLOTS;

            pages[i] = page_of(blocks[at]);
            dal_instance_dealloc(instance, blocks[at], 8, 8);
        }
        for (int i = 0; i < SLOTS; i++) {
            blocks[i] = dal_instance_alloc(instance, 8, 8);
            ck_assert_uint_eq(page_of(blocks[i]), pages[i]);
        }
    }
    for (int i = 0; i < SLOTS; i++)
        dal_instance_dealloc(instance, blocks[i], 8, 8);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Which -------------------------------------------------------------------------------------
 */

static const unsigned everies[] = {2, 10, 100};

START_TEST(test_one_in_so_many_is_guarded)
{
    enum { GUARDED = 4000 };
    const struct dal_instance *instance;
    unsigned every = everies[_i];
    uint64_t guarded = 0, at_end = 0;
    char spec[100];

    snprintf(spec, sizeof spec, "guard:every=%u,per_second=1000000+system", every);
    instance = make(spec);
    for (unsigned i = 0; i < GUARDED * every; i++) {
        void *block = dal_instance_alloc(instance, 64, 64);
        uint64_t before = guarded;

        guarded = value_of(instance, "guarded");
        at_end += guarded != before && is_at_end(block, 64) ? 1 : 0;
        dal_instance_dealloc(instance, block, 64, 64);
    }
    /* Six standard deviations. */
    ck_assert_uint_ge(guarded, GUARDED - 6 * 64);
    ck_assert_uint_le(guarded, GUARDED + 6 * 64);
    ck_assert_uint_ge(at_end, guarded / 2 - 6 * 32);
    ck_assert_uint_le(at_end, guarded / 2 + 6 * 32);
    dal_instance_destroy(instance);
}
END_TEST

static void *allocate_once(void *instance)
{
    dal_instance_dealloc(instance, dal_instance_alloc(instance, 8, 8), 8, 8);
    return NULL;
}

/* A thread does not begin with a guarded block. */
START_TEST(test_first_block_of_a_thread_is_like_others)
{
    const struct dal_instance *instance = make("guard:every=1000,per_second=1000000+system");

    for (int i = 0; i < 200; i++) {
        pthread_t thread;

        ck_assert_int_eq(pthread_create(&thread, NULL, allocate_once, (void *)(uintptr_t)instance),
                         0);
        pthread_join(thread, NULL);
    }
    ck_assert_uint_le(value_of(instance, "guarded"), 10);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_no_more_than_so_many_in_a_second)
{
    enum { CALLS = 2000, A_SECOND = 5 };
    const struct dal_services *services = dal_services_get();
    const struct dal_instance *instance = make("guard:every=1,per_second=5+system");
    uint64_t start = services->clock() / 1000000000, seconds, guarded;

    for (int i = 0; i < CALLS; i++)
        dal_instance_dealloc(instance, dal_instance_alloc(instance, 8, 8), 8, 8);
    seconds = services->clock() / 1000000000 - start + 1;
    guarded = value_of(instance, "guarded");
    ck_assert_uint_ge(guarded, A_SECOND);
    ck_assert_uint_le(guarded, A_SECOND * seconds);
    ck_assert_uint_eq(guarded + value_of(instance, "too_often"), CALLS);
    dal_instance_destroy(instance);
}
END_TEST

static uint64_t second_now(void)
{
    return dal_services_get()->clock() / 1000000000;
}

static void *allocate_into_next_second(void *instance)
{
    uint64_t start = second_now();

    while (second_now() == start)
        (void)allocate_once(instance);
    for (int i = 0; i < 1000; i++)
        (void)allocate_once(instance);
    return NULL;
}

/* One that stopped when it had looked at the clock does not bring the second back. */
START_TEST(test_no_more_in_a_second_of_many_threads)
{
    enum { MANY = 32 };
    const struct dal_instance *instance = make("guard:every=1,per_second=1+system");
    uint64_t start = second_now();
    pthread_t threads[MANY];

    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, allocate_into_next_second,
                                        (void *)(uintptr_t)instance),
                         0);
    for (int i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_le(value_of(instance, "guarded"), second_now() - start + 1);
    dal_instance_destroy(instance);
}
END_TEST

__attribute__((noinline)) static void make_and_end(const struct dal_instance *instance, int depth)
{
    if (depth > 0)
        make_and_end(instance, depth - 1);
    else
        dal_instance_dealloc(instance, dal_instance_alloc(instance, 8, 8), 8, 8);
    __asm__ volatile("");
}

/* Whatever is captured is kept for ever: what lies between two numbers was captured meanwhile. */
START_TEST(test_stacks_of_blocks_are_not_kept_for_ever)
{
    enum { UNITS_OF_ONE = (sizeof(void *) + 16) / 8 };
    const struct dal_services *services = dal_services_get();
    const struct dal_instance *instance = make(EVERY ",stacks=64+system");
    uint32_t before = services->stack_capture((const void *)(uintptr_t)4711, 1);

    for (int depth = 0; depth < 50; depth++)
        make_and_end(instance, depth);
    ck_assert_uint_eq(value_of(instance, "guarded"), 50);
    ck_assert_uint_le(services->stack_capture((const void *)(uintptr_t)4712, 1) - before,
                      UNITS_OF_ONE);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_get_refuses)
{
    const struct dal_instance *instance = make("guard+system"), *other = make("system");
    uint64_t value = 4711;

    ck_assert_int_eq(dal_guard_get(instance, NULL, &value), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_guard_get(instance, "live", NULL), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_guard_get(instance, "lives", &value), DAL_ERR_UNKNOWN);
    ck_assert_int_eq(dal_guard_get(other, "live", &value), DAL_ERR_UNSUPPORTED);
    ck_assert_uint_eq(value, 4711);
    ck_assert_uint_eq(value_of(instance, "slots"), 1024);
    dal_instance_destroy(instance);
    dal_instance_destroy(other);
}
END_TEST

/* ---- Threads and forks -------------------------------------------------------------------------
 */

enum { THREADS = 4, SHELVES = 64 };

static _Atomic(size_t *) shelves[SHELVES];
static const struct dal_instance *served;
static atomic_int is_over;

static void put_on_shelf(size_t at, size_t *block)
{
    block = atomic_exchange(&shelves[at], block);
    if (block)
        dal_instance_dealloc(served, block, *block, 8);
}

/* Blocks are given back by other threads than have made them, each begins with its size. (libcheck
 * has a lock, which a forked child may have inherited.) */
static void churn(uint32_t random, int rounds)
{
    for (int i = 0; i < rounds && !atomic_load(&is_over); i++) {
        size_t at = (random = random * 1664525 + 1013904223) >> 10, size = sizeof at + at % 5000;
        size_t *block = dal_instance_alloc(served, size, 8);

        if (!block)
            abort();
        memset(block, 0x5a, size);
        *block = size;
        put_on_shelf(at % SHELVES, block);
    }
}

static void *churn_in_thread(void *seed)
{
    churn((uint32_t)(uintptr_t)seed, suite_race_runs(10000));
    return NULL;
}

static void clear_shelves(void)
{
    for (size_t i = 0; i < SHELVES; i++)
        put_on_shelf(i, NULL);
}

static void with_threads(void (*meanwhile)(void))
{
    pthread_t threads[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn_in_thread, (void *)(i + 1)), 0);
    meanwhile();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    clear_shelves();
    ck_assert_uint_eq(value_of(served, "live"), 0);
    ck_assert_uint_eq(value_of(served, "faults"), 0);
}

static void do_nothing(void)
{
}

START_TEST(test_threads_hand_blocks_on)
{
    served = make(EVERY ",slots=40+system");
    with_threads(do_nothing);
    /* Every slot can be had again. */
    for (int i = 0; i < 40; i++) {
        size_t *block = dal_instance_alloc(served, 8, 8);

        *block = 8;
        put_on_shelf((size_t)i, block);
    }
    ck_assert_uint_eq(value_of(served, "live"), 40);
    clear_shelves();
    dal_instance_destroy(served);
}
END_TEST

/* At any moment of other threads, which the child does not have: it goes on, and loses no more than
 * what they were about. */
static void fork_often(void)
{
    for (int i = 0; i < suite_race_runs(20); i++) {
        int status;
        pid_t child = fork();

        if (child == 0) {
            alarm(20);
            churn((uint32_t)i, 100);
            for (size_t at = 0; at < SHELVES; at++)
                put_on_shelf(at, NULL);
            _exit(value_of(served, "live") <= THREADS && value_of(served, "faults") == 0 ? 0 : 1);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
    atomic_store(&is_over, 1);
}

START_TEST(test_fork_at_any_moment_leaves_child_able)
{
    served = make(EVERY ",slots=40+system");
    with_threads(fork_often);
    dal_instance_destroy(served);
}
END_TEST

/* ---- Without memory ----------------------------------------------------------------------------
 */

START_TEST(test_few_addresses_are_few_slots)
{
    struct rlimit limit;
    const struct dal_instance *instance;

    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = (rlim_t)100 << 20; /* and with the smallest pages it takes 128 MiB */
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    said_begin();
    instance = make(EVERY ",slots=16384+system");
    ck_assert_ptr_nonnull(strstr(said_end(), "guard: there is memory for "));
    ck_assert_uint_lt(value_of(instance, "slots"), 16384);
    for (int i = 0; i < 100; i++) {
        void *block = dal_instance_alloc(instance, 100, 8);

        ck_assert_ptr_nonnull(block);
        memset(block, 1, 100);
        dal_instance_dealloc(instance, block, 100, 8);
    }
    dal_instance_destroy(instance);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("guard");
    TCase *found = tcase_create("what is found"), *blocks = tcase_create("blocks");
    TCase *threads = tcase_create("threads");

    tcase_add_checked_fixture(found, setup, NULL);
    tcase_add_checked_fixture(blocks, setup, NULL);
    tcase_add_checked_fixture(threads, setup, NULL);
    tcase_add_loop_test(found, test_fault_is_told_and_ends_the_process, 0, FAULTS);
    tcase_add_test(found, test_handler_of_before_runs_and_may_go_on);
    tcase_add_test(found, test_reports_are_bounded);
    tcase_add_test(found, test_replaced_handler_is_told_once);
    tcase_add_test(found, test_write_beside_block_is_told_at_release);
    tcase_add_test(found, test_wrong_pointer_is_told_and_left_alone);
    tcase_add_test(blocks, test_layouts_are_kept);
    tcase_add_test(blocks, test_what_does_not_fit_is_the_childs);
    tcase_add_test(blocks, test_oldest_page_is_used_again_first);
    tcase_add_loop_test(blocks, test_one_in_so_many_is_guarded, 0,
                        sizeof everies / sizeof *everies);
    tcase_add_test(blocks, test_first_block_of_a_thread_is_like_others);
    tcase_add_test(blocks, test_no_more_than_so_many_in_a_second);
    tcase_add_test(blocks, test_no_more_in_a_second_of_many_threads);
    tcase_add_test(blocks, test_stacks_of_blocks_are_not_kept_for_ever);
    tcase_add_test(blocks, test_get_refuses);
    /* Those have more addresses already. */
    if (!CONFORMANCE_SANITIZED && !conformance_is_under_valgrind())
        tcase_add_test(blocks, test_few_addresses_are_few_slots);
    tcase_add_test(threads, test_threads_hand_blocks_on);
    /* Those have locks of their own, which a child may wait for. */
    if (!CONFORMANCE_SANITIZED)
        tcase_add_test(threads, test_fork_at_any_moment_leaves_child_able);
    suite_add_tcase(suite, found);
    suite_add_tcase(suite, blocks);
    suite_add_tcase(suite, threads);
    return suite;
}

int main(void)
{
    return suite_run(make_suite());
}
