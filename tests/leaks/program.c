/* SPDX-License-Identifier: MIT */
/*
 * A program that has a block which nothing points to, or which only one thing does, named by its
 * first argument. It knows nothing of the library; tests/leaks.sh starts it.
 */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

struct node {
    struct node *next;
    char rest[1000];
};

static void *volatile kept;
static __thread void *volatile local;

/* Each block is made by one of these, by which it is told. */
__attribute__((noinline)) static void *make_block(size_t size)
{
    char *block = malloc(size);

    memset(block, 1, size);
    return block;
}

__attribute__((noinline)) static struct node *make_node(struct node *next)
{
    struct node *node = calloc(1, sizeof *node);

    node->next = next;
    return node;
}

/* What calls have left on the stack goes. */
__attribute__((noinline)) static void scrub(void)
{
    volatile char bytes[65536];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = 0;
}

__attribute__((noinline)) static void drop(void *block)
{
    __asm__ volatile("" : : "r"(block));
}

static void leak(void)
{
    drop(make_block(54321));
}

static void leak_large(void)
{
    drop(make_block(5000000));
}

/* By one call. */
__attribute__((noinline)) static struct node *make_chain(int count, struct node **last)
{
    struct node *node = NULL;

    for (int i = 0; i < count; i++) {
        node = make_node(node);
        *last = i == 0 ? node : *last;
    }
    return node;
}

/* What was on the stack is not to be there when others have their variables in that place. */
static void forget(struct node **variable)
{
    *variable = NULL;
    __asm__ volatile("" : : "r"(variable) : "memory");
}

static void chain(void)
{
    struct node *last;

    drop(make_chain(3, &last));
    forget(&last);
}

static void ring(void)
{
    struct node *last, *first = make_chain(2, &last);

    last->next = first;
    forget(&last);
    forget(&first);
}

/* Each by a call of its own. */
__attribute__((noinline)) static void leak_by(int calls)
{
    drop(make_block(1000));
    if (calls > 1)
        leak_by(calls - 1);
    drop(&calls);
}

static void many_places(void)
{
    leak_by(30);
}

static void end(void)
{
    kept = (char *)make_block(1000) + 1000;
}

static void in_static(void)
{
    kept = make_block(1000);
}

static void interior(void)
{
    kept = (char *)make_block(1000) + 500;
}

static void in_blocks(void)
{
    struct node *last;

    kept = make_chain(3, &last);
}

static void in_local(void)
{
    local = make_block(1000);
}

/* ---- What is mapped ---------------------------------------------------------------------------
 */

enum { PAGE_BYTES = 64 << 10, MAPPING_BYTES = 1 << 20 };

static void *map(size_t bytes, int flags, int file)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, file, 0);

    if (pages == MAP_FAILED)
        abort();
    return pages;
}

__attribute__((noinline)) static void put_block_in(void *volatile *place)
{
    *place = make_block(1000);
}

/* It was written by another mapping than the one that is left, behind which is much of nothing. */
static void in_shared(void)
{
    const off_t size = (off_t)1 << (sizeof(void *) > 4 ? 36 : 28);
    int file = memfd_create("shared", 0);
    char *pages;

    if (file < 0 || ftruncate(file, size) != 0)
        abort();
    pages = map(MAPPING_BYTES, MAP_SHARED, file);
    kept = map((size_t)size, MAP_SHARED, file);
    put_block_in((void *volatile *)(pages + MAPPING_BYTES / 2));
    munmap(pages, MAPPING_BYTES);
    pages = NULL;
}

/* What the system maps comes below what it has mapped before. */
static void in_page_beside_large(void)
{
    static void *volatile large[2];
    void *page;

    large[0] = make_block(200000);
    page = map(1, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    large[1] = make_block(200000);
    put_block_in(page);
    page = NULL;
}

/* ---- Coroutines --------------------------------------------------------------------------------
 */

#ifdef __GLIBC__
enum { STACK_BYTES = 256 << 10 };

static ucontext_t suspended;
static int is_block_dropped;

__attribute__((noinline)) static void suspend(void)
{
    void *volatile block;
    ucontext_t here;

    put_block_in(&block);
    if (is_block_dropped)
        block = NULL;
    scrub();
    memset(&here, 0, sizeof here); /* also what make_block() has left in registers */
    swapcontext(&here, &suspended);
    drop(block);
}

static void end_in_coroutine(void)
{
    exit(0);
}

/* One ends the process on a stack of its own, right behind that of one that is suspended. */
static void run_coroutines(void)
{
    static ucontext_t here, first;
    char *stacks = map(2 * STACK_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1);

    (void)mprotect(stacks, PAGE_BYTES, PROT_NONE);
    getcontext(&first);
    first.uc_stack.ss_sp = stacks + PAGE_BYTES;
    first.uc_stack.ss_size = STACK_BYTES - PAGE_BYTES;
    makecontext(&first, suspend, 0);
    getcontext(&suspended);
    suspended.uc_stack.ss_sp = stacks + STACK_BYTES;
    suspended.uc_stack.ss_size = STACK_BYTES;
    makecontext(&suspended, end_in_coroutine, 0);
    swapcontext(&here, &first);
}

static void in_coroutine(void)
{
    run_coroutines();
}

static void leak_in_coroutine(void)
{
    is_block_dropped = 1;
    run_coroutines();
}
#endif

/* ---- Other threads --------------------------------------------------------------------------- */

static int ready[2];

static void tell_ready(void)
{
    (void)!write(ready[1], "", 1);
}

static void start(void *(*run)(void *))
{
    pthread_t thread;
    char byte;

    if (pipe(ready) != 0 || pthread_create(&thread, NULL, run, NULL) != 0 ||
        read(ready[0], &byte, 1) != 1)
        abort();
}

static void wait_for_ever(void)
{
    for (;;)
        pause();
}

static void *hold_on_stack(void *unused)
{
    void *volatile block = make_block(1000);

    (void)unused;
    tell_ready();
    wait_for_ever();
    return block;
}

static void *hold_in_register(void *unused)
{
    void *block = make_block(1000);

    (void)unused;
    tell_ready();
    for (;;)
        __asm__ volatile("" : : "r"(block));
}

static void *hold_in_local(void *unused)
{
    (void)unused;
    local = make_block(1000);
    tell_ready();
    wait_for_ever();
    return NULL;
}

static void *drop_it(void *unused)
{
    drop(make_block(54321));
    scrub();
    tell_ready();
    wait_for_ever();
    return unused;
}

static void on_stack(void)
{
    start(hold_on_stack);
}

static void in_register(void)
{
    start(hold_in_register);
}

static void in_threads_local(void)
{
    for (int i = 0; i < 8; i++)
        start(hold_in_local);
}

/* Its stack is kept for the next one, with a pointer in it. */
static void *leave_on_stack(void *unused)
{
    void *volatile block = make_block(54321);

    (void)block;
    return unused;
}

static void leak_by_ended_thread(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, leave_on_stack, NULL);
    pthread_join(thread, NULL);
}

static void leak_in_thread(void)
{
    start(drop_it);
}

/* A child that has its parent's thread stand, longer than who stops threads is to wait for. */
static void *stand_in_vfork(void *unused)
{
    tell_ready();
    if (vfork() == 0) {
        (void)poll(NULL, 0, 5000);
        _exit(0);
    }
    return unused;
}

static void in_vfork(void)
{
    kept = make_block(1000);
    start(stand_in_vfork);
    usleep(100000);
}

/* The last thread to end ends the process. */
static void *outlive(void *unused)
{
    drop(make_block(54321));
    scrub();
    usleep(100000);
    return unused;
}

static void leader_ends(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, outlive, NULL) != 0)
        abort();
    pthread_exit(NULL);
}

/* ---- Threads that go on ------------------------------------------------------------------------
 */

enum { WORKERS = 3, OBJECTS = 24 };

struct object {
    struct object *held;
    char rest[40];
};

/* Of a worker: objects in a table that grows by realloc(), and in one that is made anew. */
struct worker {
    struct object **tables[2];
    size_t counts[2], rooms[2];
    unsigned random;
};

static struct worker workers[WORKERS];

static struct object *make_object(void)
{
    struct object *object = make_block(sizeof *object);

    object->held = make_block(sizeof *object->held);
    return object;
}

static void resize(struct worker *worker, int table, size_t room)
{
    struct object **old = worker->tables[table];
    size_t bytes = worker->counts[table] * sizeof(struct object *);

    if (table == 0) {
        worker->tables[table] = realloc(old, room * sizeof(struct object *));
    } else {
        struct object **more = malloc(room * sizeof *more);

        memcpy(more, old, bytes);
        worker->tables[table] = more;
        free(old);
    }
    worker->rooms[table] = room;
}

static void put(struct worker *worker, int table, struct object *object)
{
    if (worker->counts[table] == worker->rooms[table])
        resize(worker, table, worker->rooms[table] + 1 + worker->random % 7);
    worker->tables[table][worker->counts[table]++] = object;
}

static struct object *take(struct worker *worker, int table)
{
    struct object **last = &worker->tables[table][--worker->counts[table]];
    struct object *object = *last;

    *last = NULL;
    if (worker->counts[table] % 16 == 5)
        resize(worker, table, worker->counts[table]);
    return object;
}

/* From one table to the other, and sometimes through a new object. */
static void step(struct worker *worker)
{
    int from;
    struct object *object;

    worker->random = worker->random * 1103515245 + 12345;
    from = worker->random >> 16 & 1;
    if (worker->counts[from] == 0)
        from = 1 - from;
    object = take(worker, from);
    if (worker->random >> 17 & 1) {
        struct object *other = malloc(sizeof *other);

        other->held = object->held;
        free(object);
        object = other;
    }
    put(worker, 1 - from, object);
}

static void *work(void *data)
{
    struct worker *worker = data;

    for (int table = 0; table < 2; table++)
        resize(worker, table, 1);
    for (int i = 0; i < OBJECTS; i++)
        put(worker, i % 2, make_object());
    tell_ready();
    for (;;)
        step(worker);
}

/* Nothing is leaked at any moment. */
static void moving(void)
{
    char byte;

    if (pipe(ready) != 0)
        abort();
    for (int i = 0; i < WORKERS; i++) {
        pthread_t thread;

        workers[i].random = (unsigned)(getpid() + i);
        if (pthread_create(&thread, NULL, work, &workers[i]) != 0)
            abort();
    }
    for (int i = 0; i < WORKERS; i++) {
        if (read(ready[0], &byte, 1) != 1)
            abort();
    }
}

/* ---------------------------------------------------------------------------------------------- */

/* ---- Reports that come resolved ----------------------------------------------------------------
 */

static volatile int signals;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

/* A report, of which the program sees no child and no signal. */
__attribute__((noinline)) static void release_twice(void)
{
    void *volatile block = make_block(100);

    signal(SIGCHLD, count_signal);
    free(block);
    free(block); /* the second time */
    block = NULL;
    printf("%d %d ", signals, (int)wait(NULL));
    printf("%d\n", errno == ECHILD);
}

static void put_up(struct sock_filter *lines, unsigned short count)
{
    struct sock_fprog filter = {count, lines};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        abort();
}

/* A filter that lets everything pass. */
static void release_in_filter(void)
{
    struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};

    put_up(all, 1);
    release_twice();
}

/* One of the thread that reports alone. */
static void *release_in_own_filter(void *unused)
{
    release_in_filter();
    return unused;
}

static void release_in_threads_filter(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, release_in_own_filter, NULL) != 0)
        abort();
    (void)pthread_join(thread, NULL);
}

/* One that has prctl() fail. */
static void release_without_prctl(void)
{
    struct sock_filter none[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    put_up(none, sizeof none / sizeof *none);
    release_twice();
}

/* Descriptors 0 and 1 are closed, and the ones that come next. */
static void release_without_files(void)
{
    close(0);
    close(1);
    release_twice();
}

/* Blocks of all sizes, some of which are there to the end, and what the C library has. */
static void clean(void)
{
    static void *blocks[1000];

    for (size_t i = 0; i < 1000; i++)
        blocks[i] = malloc(i * i);
    for (size_t i = 0; i < 1000; i += 3) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    printf("done\n");
}

#define CASE(name)  \
    {               \
        #name, name \
    }

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    CASE(leak),
    CASE(leak_large),
    CASE(chain),
    CASE(ring),
    CASE(many_places),
    CASE(end),
    CASE(in_static),
    CASE(interior),
    CASE(in_blocks),
    CASE(in_local),
    CASE(on_stack),
    CASE(in_register),
    CASE(in_threads_local),
    CASE(release_twice),
    CASE(release_in_filter),
    CASE(release_in_threads_filter),
    CASE(release_without_prctl),
    CASE(release_without_files),
    CASE(leak_in_thread),
    CASE(leak_by_ended_thread),
    CASE(in_shared),
    CASE(in_page_beside_large),
#ifdef __GLIBC__
    CASE(in_coroutine),
    CASE(leak_in_coroutine),
#endif
    CASE(in_vfork),
    CASE(leader_ends),
    CASE(clean),
    CASE(moving),
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(argv[1], cases[i].name) == 0) {
            cases[i].run();
            scrub();
            return 0;
        }
    }
    fprintf(stderr, "usage: program NAME\n");
    return 2;
}
