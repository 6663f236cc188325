/* SPDX-License-Identifier: MIT */
/*
 * A program with one fault, or one way to handle faults, named by its first argument; not linked
 * with the library: tests/guard.sh starts it. All blocks are guarded there. It is ended by its
 * fault, or exits with 0 if all was as it is to be, and with the line of the check that failed
 * otherwise.
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* musl has none. */
#ifndef __GLIBC__
static void (*sysv_signal(int number, void (*handler)(int)))(int)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
    struct sigaction old;

    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}
#endif

#define CHECK(condition) ((condition) ? (void)0 : _exit(__LINE__ % 250 + 1))

enum { SIZE = 48 };

/* Guarded blocks begin or end a page: one that ends it, or begins it. */
static char *block_at(int is_end)
{
    for (int i = 0; i < 1000; i++) {
        char *block = malloc(SIZE);
        uintptr_t place = (uintptr_t)block + (is_end ? SIZE : 0);

        CHECK(block && malloc_usable_size(block) == SIZE);
        if (place % (uintptr_t)sysconf(_SC_PAGESIZE) == 0)
            return block;
        free(block);
    }
    CHECK(0);
    return NULL;
}

static volatile char sink;

/* ---- Faults ---------------------------------------------------------------------------------- */

static void overflow(void)
{
    block_at(1)[SIZE + 5] = 1;
}

static void underflow(void)
{
    sink = block_at(0)[-7];
}

static void use_after_release(void)
{
    char *volatile block = block_at(0);

    free(block);
    sink = block[9];
}

static void twice(void)
{
    void *volatile block = block_at(1);

    free(block);
    free(block);
    CHECK(realloc(block, 2 * SIZE) == NULL);
    CHECK(malloc_usable_size(block) == 0);
}

static void padding(void)
{
    for (int i = 0; i < 1000; i++) {
        char *block = malloc(21);

        /* At the end of the page, but for what the alignment takes. */
        if ((uintptr_t)(block + 32) % (uintptr_t)sysconf(_SC_PAGESIZE) == 0) {
            block[22] = 1;
            free(block);
            return;
        }
        free(block);
    }
    CHECK(0);
}

static void clean(void)
{
    char *blocks[100];

    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < 100; i++) {
            size_t size = (size_t)round * i;

            blocks[i] = round % 3 ? malloc(size) : calloc(1, size);
            CHECK(blocks[i]);
            if (round % 5 == 0) {
                memset(blocks[i], 'x', size);
                blocks[i] = realloc(blocks[i], size + 77);
                CHECK(blocks[i] && (size == 0 || blocks[i][size - 1] == 'x'));
            }
        }
        for (size_t i = 0; i < 100; i++)
            free(blocks[i]);
    }
    free(NULL);
    free(realloc(NULL, 10));
}

/* ---- Handlers -------------------------------------------------------------------------------- */

static sigjmp_buf back;
static volatile int handled;
static char other_stack[128 * 1024];

static int is_on_other_stack(void)
{
    char here;

    return (uintptr_t)&here - (uintptr_t)other_stack < sizeof other_stack;
}

static void use_other_stack(void)
{
    stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};

    CHECK(sigaltstack(&stack, NULL) == 0);
}

static int is_blocked(int number)
{
    sigset_t blocked;

    return sigprocmask(SIG_BLOCK, NULL, &blocked) == 0 && sigismember(&blocked, number) == 1;
}

static void jump_back(int number, siginfo_t *info, void *context)
{
    CHECK(number == SIGSEGV && info->si_signo == SIGSEGV && info->si_addr && context);
    handled++;
    CHECK(is_on_other_stack() && is_blocked(SIGSEGV) && is_blocked(SIGUSR2) &&
          !is_blocked(SIGUSR1));
    siglongjmp(back, 1);
}

static void provoke(void)
{
    char *block = block_at(1);

    if (sigsetjmp(back, 1) == 0) {
        block[SIZE] = 1;
        CHECK(0);
    }
    free(block);
}

/* Three faults, after each of which it goes on. */
static void own_handler(void)
{
    struct sigaction action = {.sa_sigaction = jump_back, .sa_flags = SA_SIGINFO | SA_ONSTACK}, old;

    use_other_stack();
    sigaddset(&action.sa_mask, SIGUSR2);
    sigaddset(&action.sa_mask, SIGKILL);
    sigaddset(&action.sa_mask, SIGSTOP);
    CHECK(sigaction(SIGSEGV, &action, &old) == 0 && old.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_sigaction == jump_back &&
          (old.sa_flags & (SA_SIGINFO | SA_ONSTACK)) == (SA_SIGINFO | SA_ONSTACK) &&
          sigismember(&old.sa_mask, SIGUSR2) == 1 && sigismember(&old.sa_mask, SIGKILL) == 0 &&
          sigismember(&old.sa_mask, SIGSTOP) == 0);
    for (int i = 1; i <= 3; i++) {
        provoke();
        CHECK(handled == i);
    }
}

static void on_own_stack(int number)
{
    CHECK(number == SIGSEGV && !is_on_other_stack() && !is_blocked(SIGSEGV));
    handled++;
    siglongjmp(back, 1);
}

/* A stack that it does not ask for is not taken; SA_NODEFER. */
static void without_other_stack(void)
{
    struct sigaction action = {.sa_handler = on_own_stack, .sa_flags = SA_NODEFER};

    use_other_stack();
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    provoke();
    provoke();
    CHECK(handled == 2);
}

static void count(int number)
{
    handled += number == SIGBUS;
}

static void go_back(int number)
{
    CHECK(number == SIGSEGV);
    handled++;
    siglongjmp(back, 1);
}

/* Once; the next fault is the end. */
static void only_once(void)
{
    struct sigaction action = {.sa_handler = go_back, .sa_flags = (int)SA_RESETHAND}, old;

    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    provoke();
    CHECK(handled == 1 && sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
    block_at(1)[SIZE] = 1;
}

static void by_signal(void)
{
    CHECK(signal(SIGSEGV, go_back) == SIG_DFL);
    CHECK(signal(SIGSEGV, SIG_DFL) == go_back);
    CHECK(signal(SIGSEGV, go_back) == SIG_DFL);
    provoke();
    provoke();
    CHECK(handled == 2 && signal(SIGUSR1, go_back) == SIG_DFL &&
          signal(SIGUSR1, SIG_IGN) == go_back);
    CHECK(signal(SIGKILL, go_back) == SIG_ERR && signal(SIGSEGV, SIG_ERR) == SIG_ERR);
}

static void by_sysv_signal(void)
{
    struct sigaction old;

    CHECK(sysv_signal(SIGSEGV, go_back) == SIG_DFL);
    provoke();
    CHECK(handled == 1 && sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
}

/* What was to be written to is closed still: the instruction is done again. */
static void reset_and_return(int number)
{
    CHECK(number == SIGSEGV && handled++ == 0 && signal(number, SIG_DFL) == reset_and_return);
}

static void resets_and_returns(void)
{
    CHECK(signal(SIGSEGV, reset_and_return) == SIG_DFL);
    block_at(1)[SIZE] = 1;
}

static void return_once(int number)
{
    CHECK(number == SIGSEGV && handled++ == 0);
}

static void is_reset_and_returns(void)
{
    CHECK(sysv_signal(SIGSEGV, return_once) == SIG_DFL);
    block_at(1)[SIZE] = 1;
}

static void ignore_once(int number)
{
    CHECK(number == SIGBUS);
}

static atomic_int arrived;

/* Both of two threads, at the same time as far as it can be. */
static void come_together(int *meetings)
{
    atomic_fetch_add(&arrived, 1);
    *meetings += 2;
    for (int looks = 1; atomic_load(&arrived) < *meetings; looks++) {
        if (looks % 10000 == 0)
            sched_yield();
    }
}

static void wait_a_little(int moments)
{
    for (volatile int i = 0; i < moments; i++)
        ;
}

static void *replace_often(void *rounds)
{
    int meetings = 0;

    for (int i = *(int *)rounds; i > 0; i--) {
        void (*before)(int);
        struct sigaction after;

        come_together(&meetings);
        wait_a_little(i % 400);
        before = signal(SIGBUS, count);
        come_together(&meetings);
        CHECK(sigaction(SIGBUS, NULL, &after) == 0);
        CHECK((before == SIG_DFL || before == ignore_once) && after.sa_handler == count);
        come_together(&meetings);
    }
    return NULL;
}

/* What a thread asks for while another one's handler, which is for once, is about to run. */
static void replaced_at_once(void)
{
    int rounds = 15000, meetings = 0;
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, replace_often, &rounds) == 0);
    for (int i = rounds; i > 0; i--) {
        CHECK(sysv_signal(SIGBUS, ignore_once) != SIG_ERR);
        come_together(&meetings);
        raise(SIGBUS);
        come_together(&meetings);
        come_together(&meetings);
    }
    CHECK(pthread_join(thread, NULL) == 0);
}

#ifdef __x86_64__
enum { STEPS_MAX = 1500, TRAP_FLAG = 0x100 };
static volatile int steps;

/* After an instruction: more than are kept, the last of which is in force. */
static void ask_often(int number, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;
    struct sigaction action = {.sa_handler = count}, old;

    (void)info;
    CHECK(number == SIGTRAP && sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_handler == count);
    for (int i = 0; i < 20; i++)
        CHECK(sigaction(SIGSEGV, &action, &old) == 0 && sigaction(SIGSEGV, &old, NULL) == 0);
    if (++steps == STEPS_MAX)
        interrupted->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

/* What is asked for is not lost where a handler asks for it at any instruction. Exits with 77 where
 * there are no steps. */
static void interrupted_anywhere(void)
{
    struct sigaction action = {.sa_handler = count}, old;
    struct sigaction step = {.sa_sigaction = ask_often, .sa_flags = SA_SIGINFO};

    CHECK(sigaction(SIGSEGV, &action, NULL) == 0 && sigaction(SIGTRAP, &step, NULL) == 0);
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" : : : "memory", "cc");
    (void)sigaction(SIGSEGV, &action, NULL);
    __asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" : : : "memory", "cc");
    if (steps == 0)
        _exit(77);
    CHECK(sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_handler == count);
}
#else
static void interrupted_anywhere(void)
{
    _exit(77);
}
#endif

static void read_first(const char *block)
{
    if (sigsetjmp(back, 1) == 0)
        sink = block[0];
}

/* The same access twice, and once more when the page has had another block. */
static void made_anew(void)
{
    char *volatile block = block_at(0), *other = NULL;

    CHECK(signal(SIGSEGV, go_back) == SIG_DFL);
    free(block);
    read_first(block);
    read_first(block);
    for (int i = 0; other != block; i++) {
        CHECK(i < 100000);
        other = malloc(SIZE);
        free(other);
    }
    read_first(block);
    CHECK(handled == 3);
}

/* Where nobody serves signal(): it takes the place of the layer's. */
static void replaced(void)
{
    void (*before)(int) = signal(SIGSEGV, go_back);

    CHECK(before != SIG_ERR && before != SIG_DFL && before != SIG_IGN);
    for (int i = 1; i <= 3; i++) {
        provoke();
        CHECK(handled == i);
    }
}

/* What is sent is ignored, and a fault is not. */
static void ignored(void)
{
    struct sigaction old;

    CHECK(signal(SIGSEGV, SIG_IGN) == SIG_DFL);
    raise(SIGSEGV);
    CHECK(sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_handler == SIG_IGN);
    puts("goes on");
    fflush(stdout);
    block_at(1)[SIZE] = 1;
}

static void sent(void)
{
    raise(SIGSEGV);
    CHECK(0);
}

static void sent_to_handler(void)
{
    CHECK(signal(SIGBUS, count) == SIG_DFL);
    raise(SIGBUS);
    kill(getpid(), SIGBUS);
    CHECK(handled == 2);
}

/* To the first process of a container nothing comes that is sent; its own fault is told of after.
 */
static void sent_to_first(void)
{
    if (getpid() != 1)
        _exit(77);
    raise(SIGSEGV);
    kill(1, SIGSEGV);
    block_at(1)[SIZE] = 1;
}

/* A fault that has nothing to do with blocks. */
static void elsewhere(void)
{
    *(volatile int *)(uintptr_t)16 = 1;
}

static char *closed_page;

/* With less of its stack left than any frame of a signal takes. */
static void *raise_without_room(void *none)
{
    char *here = (char *)&here;
    char *volatile down =
        alloca((size_t)(here - closed_page) - (size_t)sysconf(_SC_PAGESIZE) - 768);

    use_other_stack();
    down[0] = 1;
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
    return none;
}

/* The kernel has SIGSEGV for it, which no instruction raises again. */
static void without_room(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = 256 * 1024;
    struct sigaction action = {.sa_handler = count};
    pthread_attr_t attributes;
    pthread_t thread;

    closed_page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(closed_page != MAP_FAILED && mprotect(closed_page, page, PROT_NONE) == 0);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && pthread_attr_init(&attributes) == 0 &&
          pthread_attr_setstack(&attributes, closed_page, bytes) == 0 &&
          pthread_create(&thread, &attributes, raise_without_room, NULL) == 0);
    pthread_join(thread, NULL);
}

/* What the child of a vfork() asks for is not its parent's. */
static void in_vfork_child(void)
{
    struct sigaction before, after;
    int status;
    pid_t child;

    CHECK(signal(SIGSEGV, go_back) == SIG_DFL && sigaction(SIGSEGV, NULL, &before) == 0);
    child = vfork();
    if (child == 0) {
        if (signal(SIGSEGV, SIG_DFL) != go_back)
            _exit(1);
        execlp("true", "true", (char *)NULL);
        _exit(127);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(sigaction(SIGSEGV, NULL, &after) == 0 && after.sa_handler == before.sa_handler);
    provoke();
    CHECK(handled == 1);
}

/* A handler for once is for once in the child, and in the parent still. */
static void for_once_in_vfork_child(void)
{
    struct sigaction after;
    int status;
    pid_t child;

    CHECK(sysv_signal(SIGSEGV, return_once) == SIG_DFL);
    child = vfork();
    if (child == 0) {
        raise(SIGSEGV);
        raise(SIGSEGV);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
          WTERMSIG(status) == SIGSEGV && handled == 1);
    CHECK(sigaction(SIGSEGV, NULL, &after) == 0 && after.sa_handler == return_once);
    handled = 0;
    raise(SIGSEGV);
    CHECK(handled == 1 && sigaction(SIGSEGV, NULL, &after) == 0 && after.sa_handler == SIG_DFL);
}

static void handle_in_child(pid_t child)
{
    int status;

    if (child == 0) {
        CHECK(signal(SIGSEGV, go_back) == SIG_DFL);
        provoke();
        CHECK(handled == 1 && signal(SIGSEGV, SIG_DFL) == go_back);
        block_at(0)[-1] = 1;
    }
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
          WTERMSIG(status) == SIGSEGV);
}

static void in_fork_child(void)
{
    handle_in_child(fork());
}

/* Nobody is called for that one. */
static void in_bare_fork_child(void)
{
    handle_in_child((pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L));
}

static volatile size_t frame_bytes;

static void measure(int number)
{
    CHECK(number == SIGUSR2 && is_on_other_stack());
    frame_bytes = (size_t)(other_stack + sizeof other_stack - (char *)__builtin_frame_address(0));
}

/* What the kernel puts on a stack, and not the most that it ever might: with the registers that no
 * program here uses that is some KiB more. */
static size_t measure_frame(void)
{
    struct sigaction action = {.sa_handler = measure, .sa_flags = SA_ONSTACK};

    use_other_stack();
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0 && raise(SIGUSR2) == 0);
    return frame_bytes;
}

/* On a stack that has 2 KiB beyond the frame of a signal, with a page before it that is closed.
 * Exits with 77 where the system refuses one as small. */
static void on_small_stack(void)
{
    size_t bytes = (measure_frame() + 2048 + 63) / 64 * 64, page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = (bytes + page - 1) / page * page + page;
    char *memory = mmap(NULL, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = memory + page, .ss_size = bytes};
    struct sigaction action = {.sa_handler = go_back, .sa_flags = SA_ONSTACK};

    CHECK(memory != MAP_FAILED && mprotect(memory, page, PROT_NONE) == 0);
    if (sigaltstack(&stack, NULL) != 0)
        _exit(77);
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    provoke();
    provoke();
    CHECK(handled == 2);
}

/* ---- Which ----------------------------------------------------------------------------------- */

#define CASES(X)               \
    X(overflow)                \
    X(underflow)               \
    X(use_after_release)       \
    X(twice)                   \
    X(padding)                 \
    X(clean)                   \
    X(own_handler)             \
    X(without_other_stack)     \
    X(only_once)               \
    X(by_signal)               \
    X(resets_and_returns)      \
    X(is_reset_and_returns)    \
    X(replaced_at_once)        \
    X(interrupted_anywhere)    \
    X(made_anew)               \
    X(replaced)                \
    X(by_sysv_signal)          \
    X(ignored)                 \
    X(sent)                    \
    X(sent_to_handler)         \
    X(sent_to_first)           \
    X(elsewhere)               \
    X(without_room)            \
    X(in_vfork_child)          \
    X(for_once_in_vfork_child) \
    X(in_fork_child)           \
    X(in_bare_fork_child)      \
    X(on_small_stack)

int main(int argc, char **argv)
{
#define RUN(name)                                  \
    if (argc > 1 && strcmp(argv[1], #name) == 0) { \
        name();                                    \
        return 0;                                  \
    }
    CASES(RUN)
    return 250;
}
