/* SPDX-License-Identifier: MIT */
/* The services for stacks of calls (dispatchalloc/service.h): where they begin and end, through
 * what they lead, and that nothing which cannot be followed ends more than the stack. */
#include <config.h>

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#ifdef __x86_64__
# include <ucontext.h>
#endif
#include <unistd.h>

#include <dispatchalloc.h>

#include "conformance/sanitizer.h"
#include "suite.h"

static const struct dal_services *services;
static int can_follow;
static uint32_t last; /* what capture() has got */

/* As far from the function before it as is_in() looks. */
#define APART __attribute__((aligned(512)))
#ifdef __clang__
# define NOINLINE APART __attribute__((noinline))
#else
# define NOINLINE APART __attribute__((noinline, noclone))
#endif
/* A call after which something is left to be done has a frame. */
#define NO_TAIL_CALL __asm__ volatile("")

static void setup(void)
{
    services = dal_services_get();
    can_follow = services->stacks_prepare() == 0;
}

NOINLINE static void capture(unsigned frames)
{
    last = services->stack_capture(__builtin_return_address(0), frames);
    NO_TAIL_CALL;
}

NOINLINE static void recurse(int depth, unsigned frames)
{
    if (depth == 0)
        capture(frames);
    else
        recurse(depth - 1, frames);
    NO_TAIL_CALL;
}

static size_t places_of(uint32_t stack, const void *const **places)
{
    *places = NULL;
    return services->stack_places(stack, places);
}

static int is_in(const void *place, const void *function)
{
    return (uintptr_t)place - (uintptr_t)function < 512;
}

/* How many places of the last stack are in a function. */
static int count_in(const void *function)
{
    const void *const *places;
    size_t count = places_of(last, &places);
    int found = 0;

    for (size_t i = 0; i < count; i++)
        found += is_in(places[i], function);
    return found;
}

/* ---- What a number stands for ------------------------------------------------------------------
 */

START_TEST(test_same_stack_same_number)
{
    uint32_t first[2];

    /* Of one call, which is not to become two. */
    for (volatile int i = 0; i < 2; i++) {
        recurse(3, 16);
        first[i] = last;
    }
    ck_assert_uint_ne(first[0], 0);
    ck_assert_uint_eq(first[0], first[1]);
    recurse(4, 16);
    if (can_follow)
        ck_assert_uint_ne(last, first[0]);
}
END_TEST

START_TEST(test_begins_where_it_is_told)
{
    const void *const *places;
    const void *from = __builtin_return_address(0);

    ck_assert_uint_ge(places_of(services->stack_capture(from, 16), &places), 1);
    ck_assert_ptr_eq(places[0], from);
    /* Of nobody's. */
    ck_assert_uint_eq(places_of(services->stack_capture(&last, 16), &places), 1);
    ck_assert_ptr_eq(places[0], &last);
}
END_TEST

START_TEST(test_no_more_than_asked_for)
{
    const void *const *places;

    for (unsigned frames = 1; frames <= DAL_STACK_PLACES_MAX; frames *= 2) {
        recurse(100, frames);
        ck_assert_uint_eq(places_of(last, &places), can_follow ? frames : 1);
        ck_assert(is_in(places[0], (const void *)(uintptr_t)recurse));
    }
    ck_assert_uint_eq(places_of(0, &places), 0);
}
END_TEST

START_TEST(test_walk_is_what_is_captured)
{
    const void *walked[DAL_STACK_PLACES_MAX], *const *places;
    const void *from = __builtin_return_address(0);
    size_t count = places_of(services->stack_capture(from, 16), &places);

    errno = 4711;
    ck_assert_uint_eq(services->stack_walk(from, walked, 16), count);
    ck_assert_int_eq(errno, 4711);
    ck_assert_mem_eq(walked, places, count * sizeof *places);
    ck_assert_uint_eq(services->stack_walk(from, walked, 1), 1);
    ck_assert_ptr_eq(walked[0], from);
    ck_assert_uint_eq(services->stack_walk(&last, walked, 16), 1);
    ck_assert_ptr_eq(walked[0], &last);
    ck_assert_uint_eq(services->stack_walk(from, walked, 0), 0);
}
END_TEST

START_TEST(test_keeps_errno)
{
    errno = 4711;
    recurse(8, 16);
    ck_assert_int_eq(errno, 4711);
}
END_TEST

/* ---- Through what it leads ---------------------------------------------------------------------
 */

NOINLINE static int compare(const void *one, const void *other)
{
    (void)one;
    (void)other;
    capture(64);
    return 0;
}

NOINLINE static void sort(void)
{
    int numbers[2] = {1, 2};

    qsort(numbers, 2, sizeof numbers[0], compare);
    NO_TAIL_CALL;
}

START_TEST(test_through_the_c_library)
{
    sort();
    ck_assert_int_eq(count_in((const void *)(uintptr_t)compare), 1);
    if (can_follow)
        ck_assert_int_ge(count_in((const void *)(uintptr_t)sort), 1);
}
END_TEST

#ifdef HAVE__DL_FIND_OBJECT
/* As far as what an object is mapped to has holes, or is about to be unloaded: the page where the
 * table of its rules begins, or all others of that. */
START_TEST(test_through_what_has_lost_its_rules)
{
    enum { COUNT_AT = 8, TABLE_AT = 12, PAIR_BYTES = 8 };
    const uintptr_t page_bytes = services->page_bytes();
    struct dl_find_object found;
    uintptr_t first, end;
    uint32_t count;
    pid_t child;
    int status;

    ck_assert_int_eq(_dl_find_object((void *)(uintptr_t)qsort, &found), 0);
    memcpy(&count, (const char *)found.dlfo_eh_frame + COUNT_AT, sizeof count);
    first = (uintptr_t)found.dlfo_eh_frame & ~(page_bytes - 1);
    end = (uintptr_t)found.dlfo_eh_frame + TABLE_AT + count * PAIR_BYTES;
    if (_i > 0 && first + page_bytes >= end)
        return;
# ifdef __i386__
    /* The C library has the tables by which it copies in that page. */
    if (_i == 0)
        return;
# endif
    child = fork();
    if (child == 0) {
        if (_i == 0)
            (void)munmap((void *)first, page_bytes);
        else
            (void)munmap((void *)(first + page_bytes), end - first - page_bytes);
        sort();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST
#endif

/* Its frame is found by what is stored in it, on x86. */
NOINLINE static void aligned_anew(size_t bytes)
{
    _Alignas(256) char aligned[256];
    char *volatile on_stack = __builtin_alloca(bytes);

    aligned[0] = on_stack[0] = 1;
    __asm__ volatile("" : : "r"(aligned) : "memory");
    capture(64);
    NO_TAIL_CALL;
}

NOINLINE static void call_aligned_anew(void)
{
    aligned_anew(100);
    NO_TAIL_CALL;
}

START_TEST(test_through_a_stack_that_is_aligned_anew)
{
    call_aligned_anew();
    if (can_follow)
        ck_assert_int_ge(count_in((const void *)(uintptr_t)call_aligned_anew), 1);
}
END_TEST

APART static void handle(int number)
{
    (void)number;
    capture(64);
    NO_TAIL_CALL;
}

NOINLINE static void raise_here(void)
{
    ck_assert_int_eq(raise(SIGUSR1), 0);
    NO_TAIL_CALL;
}

/* With a stack of its own, too. */
START_TEST(test_through_a_handler)
{
    static char memory[64 * 1024];
    stack_t own = {.ss_sp = memory, .ss_size = sizeof memory};
    struct sigaction action = {.sa_handler = handle, .sa_flags = _i ? SA_ONSTACK : 0};

    ck_assert_int_eq(sigaltstack(&own, NULL), 0);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    raise_here();
    ck_assert_int_eq(count_in((const void *)(uintptr_t)handle), 1);
#if defined __x86_64__ || defined __aarch64__ || (defined __riscv && __riscv_xlen == 64)
    if (can_follow)
        ck_assert_int_ge(count_in((const void *)(uintptr_t)raise_here), 1);
#endif
}
END_TEST

#ifdef __x86_64__
/* A function whose first instruction is ud2, behind another one. */
void begins_with_trap(void);
__asm__(".pushsection .text\n"
        "before_trap:\n"
        ".cfi_startproc\n"
        "ret\n"
        ".cfi_endproc\n"
        ".globl begins_with_trap\n"
        ".type begins_with_trap, @function\n"
        "begins_with_trap:\n"
        ".cfi_startproc\n"
        "ud2\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size begins_with_trap, . - begins_with_trap\n"
        ".popsection");

static void pass_trap(int number, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;

    (void)info;
    handle(number);
    interrupted->uc_mcontext.gregs[REG_RIP] += 2;
}

/* The byte before a place is of the function that it stands for. */
START_TEST(test_interrupted_before_its_first_instruction)
{
    struct sigaction action = {.sa_sigaction = pass_trap, .sa_flags = SA_SIGINFO};
    const void *const *places;
    int found = 0;

    ck_assert_int_eq(sigaction(SIGILL, &action, NULL), 0);
    begins_with_trap();
    for (size_t i = 0, count = places_of(last, &places); i < count; i++)
        found += (const char *)places[i] - 1 == (const char *)(uintptr_t)begins_with_trap;
    ck_assert_int_eq(found, can_follow);
}
END_TEST
#endif

NOINLINE static void *recurse_in_thread(void *stack)
{
    recurse(3, 64);
    *(uint32_t *)stack = last;
    return NULL;
}

START_TEST(test_ends_where_a_thread_begins)
{
    const void *const *places;
    pthread_t thread;
    uint32_t stack;
    size_t count;

    ck_assert_int_eq(pthread_create(&thread, NULL, recurse_in_thread, &stack), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    count = places_of(stack, &places);
    if (can_follow) {
        ck_assert(is_in(places[4], (const void *)(uintptr_t)recurse_in_thread));
        /* A sanitizer has a function of its own at the beginning. */
        ck_assert_uint_le(count, 4 + 1 + 2 + CONFORMANCE_SANITIZED);
    }
}
END_TEST

START_TEST(test_in_a_child_of_fork)
{
    int status;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        recurse(5, 64);
        _exit(last == 0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* ---- Code that nothing is known of -------------------------------------------------------------
 */

#ifdef __x86_64__
/* push %rbp; mov %rsp,%rbp or an address that is none; call *%rdi; and back. */
static const unsigned char made[2][24] = {
    {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3},
    {0x55, 0x48, 0xc7, 0xc5, 0xf0, 0xff, 0xff, 0x7f, 0xff, 0xd7, 0x5d, 0xc3},
};

static void capture_all(void)
{
    capture(64);
}

NOINLINE static void call_made(void (*code)(void (*function)(void)))
{
    code(capture_all);
    NO_TAIL_CALL;
}

/* By its frame pointer; one that leads nowhere ends the stack. */
START_TEST(test_through_code_made_at_run_time)
{
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void (*function)(void (*)(void));

    ck_assert_ptr_ne(code, MAP_FAILED);
    memcpy(code, made[_i], sizeof made[_i]);
    memcpy(&function, &code, sizeof function);
    ck_assert_int_eq(mprotect(code, 4096, PROT_READ | PROT_EXEC), 0);
    call_made(function);
    if (can_follow) {
        ck_assert_int_eq(count_in(code), 1);
        ck_assert_int_eq(count_in((const void *)(uintptr_t)call_made), _i == 0);
    }
    ck_assert_int_eq(munmap(code, 4096), 0);
}
END_TEST
#endif

#ifdef __x86_64__
enum { STACK_BYTES = 256 * 1024, NEAR_BYTES = 64 * 1024, LARGE_FRAME = 3000 };
static volatile uintptr_t gone; /* a place on a stack that is unmapped by then */

/* So that its page is not the one with which a walk begins. */
NOINLINE static void recurse_far(int depth)
{
    char large[LARGE_FRAME];

    __asm__ volatile("" : : "r"(large) : "memory");
    if (depth == 0)
        capture(64);
    else
        recurse_far(depth - 1);
    NO_TAIL_CALL;
}

NOINLINE static void *leave_a_place(void *none)
{
    volatile uintptr_t here[8] = {0};

    gone = (uintptr_t)&here[0] & ~(uintptr_t)15;
    recurse_far(3);
    return none;
}

/* push %rbp; mov gone,%rbp; call *%rdi; and back. */
static void *lead_there(void *code)
{
    unsigned char *at = code;
    void (*function)(void (*)(void));

    memcpy(at, "\x55\x48\xbd", 3);
    memcpy(at + 3, (const void *)(uintptr_t)&gone, sizeof gone);
    memcpy(at + 11, "\xff\xd7\x5d\xc3", 4);
    memcpy(&function, &code, sizeof function);
    call_made(function);
    return code;
}

static void run_on(char *stack, size_t bytes, void *(*run)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;

    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstack(&attributes, stack, bytes), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, run, argument), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static const struct {
    size_t bytes;
    int leads_before; /* the same walk has been made while the stack was there */
} were[] = {{STACK_BYTES, 0}, {NEAR_BYTES, 0}, {STACK_BYTES, 1}, {NEAR_BYTES, 1}};

/* Where a walk went before, on a stack above, in reach of a frame pointer. */
START_TEST(test_astray_where_a_stack_was)
{
    const size_t bytes = were[_i].bytes;
    char *stacks =
        mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ck_assert(stacks != MAP_FAILED && code != MAP_FAILED);
    run_on(stacks + bytes, bytes, leave_a_place, NULL);
    for (int i = 0; i < 2 * were[_i].leads_before; i++)
        run_on(stacks, bytes, lead_there, code);
    ck_assert_int_eq(munmap(stacks + bytes, bytes), 0);
    run_on(stacks, bytes, lead_there, code);
    if (can_follow)
        ck_assert_int_eq(count_in(code), 1);
}
END_TEST
#endif

/* ---- Many at once ------------------------------------------------------------------------------
 */

enum { THREADS = 4, STACKS = 48, ROUNDS = 200 };

static uint32_t numbers[THREADS][STACKS];
static pthread_barrier_t together;

NOINLINE static uint32_t recurse_apart(unsigned depth)
{
    uint32_t number = depth == 0 ? services->stack_capture(__builtin_return_address(0), 64)
                                 : recurse_apart(depth - 1);

    NO_TAIL_CALL;
    return number;
}

static void *capture_all_stacks(void *own)
{
    (void)pthread_barrier_wait(&together);
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < STACKS; i++) {
            uint32_t number = recurse_apart(i);

            if (round > 0 && number != ((uint32_t *)own)[i])
                return own;
            ((uint32_t *)own)[i] = number;
        }
    }
    return NULL;
}

/* Threads with the same stacks get the same numbers. */
START_TEST(test_threads_share_numbers)
{
    pthread_t threads[THREADS];
    void *wrong;

    ck_assert_int_eq(pthread_barrier_init(&together, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, capture_all_stacks, numbers[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
        ck_assert_mem_eq(numbers[i], numbers[0], sizeof numbers[0]);
    }
    for (unsigned i = 1; i < STACKS && can_follow; i++)
        ck_assert_uint_ne(numbers[0][i], numbers[0][i - 1]);
}
END_TEST

static void *fill(void *from)
{
    for (uintptr_t i = 0; i < 50000; i++) {
        const void *const *places;
        const void *place = (const char *)from + i;

        if (places_of(services->stack_capture(place, 1), &places) != 1 || places[0] != place)
            return from;
    }
    return NULL;
}

/* More than a segment of the table holds. */
START_TEST(test_many_different_ones)
{
    pthread_t threads[THREADS];
    void *wrong;

    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, fill, (void *)((i + 1) * 0x1000000)), 0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
}
END_TEST

/* ---- In words ----------------------------------------------------------------------------------
 */

START_TEST(test_frame_in_words)
{
    const void *const *places;
    char text[512], address[32];
    size_t length;

    recurse(0, 16);
    ck_assert_uint_ge(places_of(last, &places), 1);
    length = services->frame_text(7, places[0], text, sizeof text);
    ck_assert_uint_eq(length, strlen(text));
    ck_assert_int_eq(text[length - 1], '\n');
    snprintf(address, sizeof address, "    #7 0x%jx", (uintmax_t)((uintptr_t)places[0] - 1));
    ck_assert_msg(strncmp(text, address, strlen(address)) == 0, "%s", text);
    ck_assert_msg(strstr(text, " in recurse"), "%s", text);
    ck_assert_msg(strstr(text, "check_stack+0x"), "%s", text);
    /* Cut, and told how long it is. */
    ck_assert_uint_eq(services->frame_text(7, places[0], address, 8), length);
    ck_assert_str_eq(address, "    #7 ");
    /* Nothing is there. */
    length = services->frame_text(0, (const void *)16, text, sizeof text);
    ck_assert_str_eq(text, "    #0 0xf (no code is there now)\n");
}
END_TEST

/* The function, and the file, which may have several names. */
static void leave_out_names(char *text)
{
    char *start = text + 5 + strcspn(text + 5, " "), *end = strrchr(text, '+');

    ck_assert(end && start < end);
    memmove(start, end, strlen(end) + 1);
}

/* In the program and in a library: as much of a frame as memory tells is what files tell. */
START_TEST(test_frame_from_memory)
{
    const void *const places[] = {(const char *)(uintptr_t)recurse + 1,
                                  (const char *)(uintptr_t)strtol + 1};
    struct dal_frame_code codes[2], again;
    char by_files[512], by_memory[512], address[8];
    size_t length;

    if (!can_follow)
        return;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        (void)services->frame_text(3, places[i], by_files, sizeof by_files);
        length = services->frame_place_text(3, places[i], by_memory, sizeof by_memory);
        ck_assert_uint_eq(length, strlen(by_memory));
        ck_assert_ptr_nonnull(strstr(by_memory, i == 0 ? "/check_stack+0x" : ".so"));
        leave_out_names(by_files);
        leave_out_names(by_memory);
        ck_assert_str_eq(by_memory, by_files);
        ck_assert_uint_le(services->frame_place_text(3, places[i], address, 8), length);
        ck_assert_str_eq(address, "    #3 ");
        ck_assert(services->frame_code(places[i], &codes[i]));
        snprintf(by_files, sizeof by_files, "+0x%jx)", (uintmax_t)codes[i].offset);
        ck_assert_ptr_nonnull(strstr(by_memory, by_files));
    }
    ck_assert(services->frame_code((const char *)(uintptr_t)leave_out_names + 1, &again));
    ck_assert_uint_ne(again.identity, 0);
    ck_assert_uint_eq(again.identity, codes[0].identity);
    ck_assert_uint_ne(again.identity, codes[1].identity);
    ck_assert(!services->frame_code((const void *)16, &again));
    (void)services->frame_place_text(0, (const void *)16, by_memory, sizeof by_memory);
    ck_assert_str_eq(by_memory, "    #0 0xf\n");
}
END_TEST

NOINLINE static void commit_fault(volatile int *place);

APART static void check_interrupted(int number, siginfo_t *info, void *context)
{
    const void *places[64];
    char text[100], expected[100];
    size_t count;

    (void)number;
    (void)info;
    errno = 4711;
    count = services->stack_places_at(context, places, 64);
    if (errno != 4711)
        _exit(1);
    if (!can_follow)
        _exit(count <= 1 ? 0 : 2);
    (void)services->registers_text(context, text, sizeof text);
    snprintf(expected, sizeof expected, "  registers: pc 0x%jx, sp 0x",
             (uintmax_t)((uintptr_t)places[0] - 1));
    if (strncmp(text, expected, strlen(expected)) != 0 || !strstr(text, ", fp 0x"))
        _exit(7);
    /* The first is the fault, also where it is the first instruction of a function. */
    if (count < 3 || !is_in((const char *)places[0] - 1, (const void *)(uintptr_t)commit_fault))
        _exit(3);
    for (size_t i = 0; i < count; i++) {
        if (is_in(places[i], (const void *)(uintptr_t)check_interrupted))
            _exit(4);
    }
    if (services->stack_places_at(context, places, 2) != 2 ||
        services->stack_places_at(context, places, 0) != 0)
        _exit(5);
    _exit(0);
}

NOINLINE static void commit_fault(volatile int *place)
{
    *place = 1;
    NO_TAIL_CALL;
}

START_TEST(test_what_a_signal_has_interrupted)
{
    struct sigaction action = {.sa_sigaction = check_interrupted, .sa_flags = SA_SIGINFO};
    pid_t child = fork();
    int status;

    if (child == 0) {
        (void)sigaction(SIGSEGV, &action, NULL);
        commit_fault((volatile int *)(uintptr_t)16);
        _exit(6);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack");
    TCase *tcase = tcase_create("stacks of calls");
    /* Which tells of each page that the system is asked for. */
    int is_under_valgrind = conformance_is_under_valgrind();

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, test_same_stack_same_number);
    tcase_add_test(tcase, test_begins_where_it_is_told);
    tcase_add_test(tcase, test_no_more_than_asked_for);
    tcase_add_test(tcase, test_walk_is_what_is_captured);
    tcase_add_test(tcase, test_keeps_errno);
    tcase_add_test(tcase, test_through_the_c_library);
#ifdef HAVE__DL_FIND_OBJECT
    if (!is_under_valgrind)
        tcase_add_loop_test(tcase, test_through_what_has_lost_its_rules, 0, 2);
#endif
    tcase_add_test(tcase, test_through_a_stack_that_is_aligned_anew);
    tcase_add_loop_test(tcase, test_through_a_handler, 0, 2);
#ifdef __x86_64__
    tcase_add_test(tcase, test_interrupted_before_its_first_instruction);
#endif
    tcase_add_test(tcase, test_ends_where_a_thread_begins);
    tcase_add_test(tcase, test_in_a_child_of_fork);
#ifdef __x86_64__
    tcase_add_loop_test(tcase, test_through_code_made_at_run_time, 0, 2);
    /* A sanitizer starts no thread on a small stack. */
    if (!CONFORMANCE_SANITIZED && !is_under_valgrind)
        tcase_add_loop_test(tcase, test_astray_where_a_stack_was, 0, sizeof were / sizeof *were);
#endif
    tcase_add_test(tcase, test_threads_share_numbers);
    tcase_add_test(tcase, test_many_different_ones);
    tcase_add_test(tcase, test_frame_in_words);
    tcase_add_test(tcase, test_frame_from_memory);
    if (!is_under_valgrind)
        tcase_add_test(tcase, test_what_a_signal_has_interrupted);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
