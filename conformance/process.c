/* SPDX-License-Identifier: MIT */
/*
 * The allocator as the global one of a fresh process: before main, after the exit handlers,
 * around fork.
 *
 * The case runs this program again with the subject's spec in
 * DISPATCHALLOC_BACKEND. A constructor and a destructor below see by a variable that they
 * are in such a run; without it they do nothing. A run that finds a fault says so on
 * standard error, which is a pipe to the case, and leaves with status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sanitizer.h"
#include "system.h"

#define CAPACITY_VARIABLE "DISPATCHALLOC_CONFORMANCE_CAPACITY"
#define THIS_PROGRAM      "/proc/self/exe"

enum { STATUS_FAULT = 1, STATUS_CHILD_HANGS = 2, STATUS_NO_EXEC = 127 };

/* ---- The fresh process ------------------------------------------------------------------- */

static int in_run(const char *kind)
{
    const char *value = getenv(CONFORMANCE_RUN_VARIABLE);

    return value && strcmp(value, kind) == 0;
}

static int fault_status = STATUS_FAULT;

static _Noreturn void fault(const char *format, ...) DAL_ATTRIBUTE_PRINTF_(1, 2);

static _Noreturn void fault(const char *format, ...)
{
    char text[256];
    va_list arguments;
    ssize_t ignored;

    va_start(arguments, format);
    vsnprintf(text, sizeof text - 1, format, arguments);
    va_end(arguments);
    strcat(text, "\n");
    ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
    _exit(fault_status);
}

/* The compiler knows from the attributes of the front that its answers are aligned and
 * distinct. Here that is what has to be found out, so the pointer takes a way that it
 * cannot see through. */
static void *launder(void *ptr)
{
    void *volatile hidden = ptr;

    return hidden;
}

static void take(struct kit_block *block, void *ptr, const char *when)
{
    if (!ptr)
        fault("NULL for size %zu, align %zu, %s", block->size, block->align, when);
    if ((uintptr_t)ptr & (block->align - 1))
        fault("%p for size %zu, align %zu, %s", ptr, block->size, block->align, when);
    block->ptr = ptr;
    block->seed = block->size * 7919 + 1;
    kit_write(block->ptr, block->size, block->seed);
}

static struct kit_block front_alloc(size_t size, size_t align, const char *when)
{
    struct kit_block block = {.size = size, .align = align};

    take(&block, launder(dal_alloc(size, align)), when);
    return block;
}

static struct kit_block front_alloc_zeroed(size_t size, size_t align, const char *when)
{
    struct kit_block block = {.size = size, .align = align};
    unsigned char *ptr = launder(dal_alloc_zeroed(size, align));

    if (ptr && kit_match_zero(ptr, size) != size)
        fault("alloc_zeroed(size %zu, align %zu) is not zero, %s", size, align, when);
    take(&block, ptr, when);
    return block;
}

static void front_check(const struct kit_block *block, const char *when)
{
    size_t match = kit_match(block->ptr, block->size, block->seed);

    if (match != block->size)
        fault("byte %zu of a block (size %zu, align %zu) has changed, %s", match, block->size,
              block->align, when);
}

static void front_realloc(struct kit_block *block, size_t new_size, const char *when)
{
    size_t kept = block->size < new_size ? block->size : new_size;
    unsigned char *ptr;

    front_check(block, when);
    ptr = launder(dal_realloc(block->ptr, block->size, block->align, new_size));
    if (ptr && kit_match(ptr, kept, block->seed) != kept)
        fault("realloc(size %zu, align %zu, to size %zu) lost bytes, %s", block->size, block->align,
              new_size, when);
    block->size = new_size;
    take(block, ptr, when);
}

static void front_free(struct kit_block *block, const char *when)
{
    front_check(block, when);
    dal_dealloc(block->ptr, block->size, block->align);
    block->ptr = NULL;
}

/* ---- From before main to after the exit handlers ------------------------------------------ */

static struct kit_block early[3];
static struct kit_block late;

/* Registered before main, so that it runs when all handlers of the program have. */
static void at_exit(void)
{
    const char *when = "in an exit handler";

    for (size_t i = 0; i < 3; i++)
        front_check(&early[i], when);
    front_realloc(&early[0], 300, when);
    front_realloc(&early[1], 50, when);
    front_free(&early[2], when);
    late = front_alloc(200, 8, when);
}

DAL_ATTRIBUTE_((constructor)) static void before_main(void)
{
    const char *when = "before main";

    if (!in_run("life"))
        return;
    early[0] = front_alloc(100, 16, when);
    early[1] = front_alloc_zeroed(1000, 64, when);
    early[2] = front_alloc(0, 32, when);
    front_realloc(&early[0], 200, when);
    if (atexit(at_exit) != 0)
        fault("atexit failed");
}

DAL_ATTRIBUTE_((destructor)) static void after_main(void)
{
    const char *when = "in a destructor, after the exit handlers";
    struct kit_block last;

    if (!in_run("life"))
        return;
    if (!late.ptr)
        fault("the exit handler was not run");
    front_check(&late, when);
    front_realloc(&early[0], 400, when);
    last = front_alloc_zeroed(64, 8, when);
    front_free(&early[0], when);
    front_free(&early[1], when);
    front_free(&late, when);
    front_free(&last, when);
}

/* ---- fork under the front ------------------------------------------------------------------- */

static atomic_int stop;

enum { THREADS = 4, ROUNDS = 12, STEPS_MAX = 4000, STEP_BYTES = 16 };

/* How often a thread may allocate where nothing comes back: half of the capacity for all. */
static int hammer_steps(void)
{
    const char *value = getenv(CAPACITY_VARIABLE);
    unsigned long long bytes = value ? strtoull(value, NULL, 10) : 0;
    unsigned long long steps = bytes / 2 / (THREADS * ROUNDS * STEP_BYTES);

    return steps < STEPS_MAX ? (int)steps : STEPS_MAX;
}

static void *hammer(void *unused)
{
    const char *when = "in a thread of a program that forks";
    int steps = hammer_steps();

    for (int i = 0; i < steps && !atomic_load_explicit(&stop, memory_order_relaxed); i++) {
        void *ptr = launder(dal_alloc(STEP_BYTES, 8));

        if (ptr && ((uintptr_t)ptr & 7))
            fault("%p for size %d, align 8, %s", ptr, STEP_BYTES, when);
        dal_dealloc(ptr, STEP_BYTES, 8);
    }
    return unused;
}

static void fork_once(const struct kit_block *kept, unsigned seconds)
{
    const char *when = "in the child of a fork";
    char text[128];
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct kit_block block;

        kit_limit_process(seconds);
        front_check(kept, when);
        block = front_alloc_zeroed(40, 16, when);
        front_realloc(&block, 100, when);
        front_free(&block, when);
        _exit(0);
    }
    if (child < 0)
        return;
    status = kit_wait(child);
    if (status == 0)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_FAULT)
        _exit(STATUS_FAULT); /* it has said so */
    if (kit_has_hung(status))
        fault_status = STATUS_CHILD_HANGS;
    kit_describe_end(status, text, sizeof text);
    fault("%s, %s", text, when);
}

/* Half of what is left of the time that the case gave this process. */
static unsigned seconds_for_child(void)
{
    unsigned left = alarm(0);

    alarm(left);
    return left > 1 ? left / 2 : 1;
}

static void fork_among_threads(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        const char *when = "in a program that forks";
        pthread_t threads[THREADS];
        struct kit_block kept = front_alloc(100, 8, when);
        int count = 0;

        atomic_store_explicit(&stop, 0, memory_order_relaxed);
        while (count < THREADS && pthread_create(&threads[count], NULL, hammer, NULL) == 0)
            count++;
        fork_once(&kept, seconds_for_child());
        atomic_store_explicit(&stop, 1, memory_order_relaxed);
        while (count > 0)
            pthread_join(threads[--count], NULL);
        front_free(&kept, when);
    }
}

int conformance_process_main(void)
{
    if (!getenv(CONFORMANCE_RUN_VARIABLE))
        return -1;
    if (in_run("fork"))
        fork_among_threads();
    else
        for (size_t i = 0; i < 3; i++)
            front_check(&early[i], "in main");
    if (dal_global_source() != DAL_SOURCE_ENVIRONMENT)
        fault("\"%s\" serves, not what DISPATCHALLOC_BACKEND names", dal_global_name());
    return 0;
}

/* ---- The case -------------------------------------------------------------------------------- */

static _Noreturn void become_run(const struct kit *kit, const char *kind, int errors)
{
    char capacity[32];
    char path[4096];
    ssize_t length = readlink(THIS_PROGRAM, path, sizeof path - 1);
    int nowhere;

    /* In this order nothing is lost if descriptors 0 to 2 were closed. */
    dup2(errors, STDERR_FILENO);
    nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    kit_limit_process(kit->profile->timeout_seconds);
    snprintf(capacity, sizeof capacity, "%zu", kit->profile->capacity_bytes);
    setenv(CAPACITY_VARIABLE, capacity, 1);
    setenv("DISPATCHALLOC_BACKEND", kit->subject->spec, 1);
    setenv("DISPATCHALLOC_STRICT", "1", 1);
    unsetenv("DISPATCHALLOC_VERBOSE");
    setenv(CONFORMANCE_RUN_VARIABLE, kind, 1);
    /* By its name first: under valgrind the other is valgrind itself. */
    if (length > 0) {
        path[length] = '\0';
        execl(path, path, (char *)NULL);
    }
    execl(THIS_PROGRAM, THIS_PROGRAM, (char *)NULL);
    _exit(STATUS_NO_EXEC);
}

/* The last bytes that come out of the pipe, in one line. */
static void read_last(int from, char *text, size_t text_bytes)
{
    char buffer[256];
    size_t used = 0;
    ssize_t got;

    while ((got = read(from, buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR)) {
        size_t count = got > 0 ? (size_t)got : 0;
        size_t over = used + count > text_bytes - 1 ? used + count - (text_bytes - 1) : 0;

        memmove(text, text + over, used - over);
        memcpy(text + used - over, buffer, count);
        used += count - over;
    }
    while (used > 0 && text[used - 1] == '\n')
        used--;
    text[used] = '\0';
    for (char *c = text; *c; c++) {
        if (*c == '\n')
            *c = ' ';
    }
}

static void run_again(struct kit *kit, const char *kind, const char *asked, const char *expected)
{
    char text[300];
    char end[128];
    int pipes[2];
    pid_t child;
    int status;

    if (!kit->subject->spec)
        kit_skip(kit, "it has no spec that could make it the global allocator");
    if (access(THIS_PROGRAM, X_OK) != 0 || pipe(pipes) != 0)
        kit_skip(kit, "this system has no " THIS_PROGRAM);
    kit_asks(kit, KIT_NOTHING, 0, 0, 0, 0);
    child = fork();
    if (child == 0)
        become_run(kit, kind, pipes[1]);
    close(pipes[1]);
    read_last(pipes[0], text, sizeof text);
    status = child < 0 ? 0 : kit_wait(child);
    if (child < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_EXEC))
        kit_skip(kit, "this program could not be run again");
    if (status == 0)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_CHILD_HANGS)
        kit_suspect(kit, kit_likely_after_fork);
    if (*text && WIFEXITED(status) && WEXITSTATUS(status) <= STATUS_CHILD_HANGS)
        kit_fail_asked(kit, asked, expected, "%s", text);
    kit_describe_end(status, end, sizeof end);
    kit_fail_asked(kit, asked, expected, "%s%s%s", text, *text ? "; " : "", end);
}

void kit_serves_before_and_after_main(struct kit *kit)
{
    run_again(kit, "life", "the front of a fresh process, from before main to the last destructor",
              "blocks that can be resized and freed all that time");
}

void kit_serves_the_front_around_fork(struct kit *kit)
{
    if (CONFORMANCE_SANITIZED)
        kit_skip(kit, "the sanitizer's own allocator may hang in such a child");
    run_again(kit, "fork", "the front of a process that forks while its threads allocate",
              "children that can allocate");
}
