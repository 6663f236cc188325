/* SPDX-License-Identifier: MIT */
/*
 * A program with one fault, named by its first argument, and with a second one if there is
 * another argument. Exits 0 if it survives that as `run --debug` promises, else 1. It is not
 * linked with the library: tests/run-debug.sh starts it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char zeroed[5000];
static char data[100] = "not zeroed";
static const char constants[] = "a string";
static __thread char local_to_thread[100];

/* Where every fault comes from, under a name that is looked for in the messages. */
__attribute__((noinline)) void give_back(void *ptr)
{
    free(ptr);
    __asm__ volatile("");
}

/* Not the pointer itself: the compiler knows what must not be freed. */
static void *hidden(const void *ptr)
{
    void *volatile copy = (void *)(uintptr_t)ptr;

    return copy;
}

static void stack(void)
{
    char block[32];

    give_back(hidden(block + 8));
}

static void *of_thread(void *of_main)
{
    char block[100000];

    if (of_main)
        give_back(of_main);
    else
        give_back(hidden(block));
    return NULL;
}

static void in_thread(void *argument)
{
    pthread_t thread;

    pthread_create(&thread, NULL, of_thread, argument);
    pthread_join(thread, NULL);
}

static void stack_of_thread(void)
{
    in_thread(NULL);
}

static void stack_of_main(void)
{
    char block[32];

    in_thread(hidden(block));
}

static void global_data(void)
{
    give_back(data + 4);
}

static void zeroed_data(void)
{
    give_back(zeroed + 4008);
}

static void constant(void)
{
    give_back(hidden(constants));
}

static void code(void)
{
    give_back((void *)(uintptr_t)give_back);
}

static void thread_local(void)
{
    give_back(local_to_thread);
}

static void small_number(void)
{
    give_back(hidden((void *)8));
}

static void wild(void)
{
    void *pages = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(pages, 4096);
    give_back((char *)pages + 16);
}

static void mapping(void)
{
    char *pages = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    give_back(pages + 4096);
}

/* What was mapped of a file that is shorter by now cannot be read. */
static void cut_file(void)
{
    FILE *file = tmpfile();
    char *pages;

    ftruncate(fileno(file), 8192);
    pages = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fileno(file), 0);
    ftruncate(fileno(file), 0);
    give_back(pages + 4096);
    fclose(file);
}

static void interior(void)
{
    char *block = malloc(100);

    give_back(hidden(block + 8));
    memset(block, 1, 100);
    free(block);
}

/* At the other end of what is to be searched. */
static void interior_of_large(void)
{
    char *block = malloc((size_t)64 << 20);

    give_back(hidden(block + ((size_t)63 << 20)));
    free(block);
}

static void end_of_block(void)
{
    char *block = malloc(100);

    give_back(hidden(block + 100));
    free(block);
}

static void twice(void)
{
    void *block = malloc(40);

    free(block);
    give_back(hidden(block));
}

static void after_realloc(void)
{
    void *old = malloc(40);
    void *volatile kept = old;
    void *volatile neighbour = malloc(40); /* so that the block cannot grow where it is */
    void *moved = realloc(old, 100000);

    if (moved == kept)
        exit(77);
    give_back(kept);
    free(moved);
    free(neighbour);
}

static void resized(void)
{
    char *block = calloc(10, 10);
    void *result;

    errno = 0;
    result = realloc(hidden(block + 16), 1000);
    if (result || errno != EINVAL)
        exit(1);
    free(block);
}

static void measured(void)
{
    if (malloc_usable_size(data) != 0)
        exit(1);
}

static void libc_block(size_t size)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    void *(*libc_malloc)(size_t) = (void *(*)(size_t))dlsym(libc, "malloc");
    char *block = libc_malloc(size);

    errno = 5;
    give_back(block);
    if (errno != 5)
        exit(1);
    memset(block, 1, size);
}

static void of_libc(void)
{
    libc_block(50);
}

static void large_of_libc(void)
{
    libc_block(1 << 20);
}

/* Of an allocator that a plug-in brings, which gets its memory in the second argument's way. */
static void of_plugin(void)
{
    void *plugin = dlopen(getenv("PLUGIN"), RTLD_NOW);
    char *(*copy)(const char *) = (char *(*)(const char *))dlsym(plugin, "plugin_copy");
    char *text = copy("mine");

    give_back(text);
    if (strcmp(text, "mine") != 0)
        exit(1);
}

static void past_us(void)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    void (*libc_free)(void *) = (void (*)(void *))dlsym(libc, "free");
    void *block = malloc(3000);

    libc_free(block);
    if (malloc(3000) != hidden(block))
        exit(77);
}

static void often(void)
{
    for (int i = 0; i < 100000; i++)
        give_back(data);
}

/* Many faults from one place, each another one. */
static void various(void)
{
    stack();
    global_data();
    constant();
    twice();
    interior();
}

static void in_child(void)
{
    int status;
    pid_t child;

    give_back(data);
    child = fork();
    if (child == 0) {
        give_back(zeroed);
        exit(0);
    }
    waitpid(child, &status, 0);
    if (status != 0)
        exit(1);
}

/* Our memory, so its fault is among ours. */
static void in_vfork_child(void)
{
    int status;
    pid_t child;

    give_back(data);
    child = vfork();
    if (child == 0) {
        give_back(zeroed);
        _exit(0);
    }
    waitpid(child, &status, 0);
}

static pthread_barrier_t barrier;

static void *give_back_at_once(void *unused)
{
    (void)pthread_barrier_wait(&barrier);
    give_back(data);
    return unused;
}

/* The first faults of a process, of several threads; in many processes, since it is a race. */
static void at_once(void)
{
    pthread_t threads[4];

    pthread_barrier_init(&barrier, NULL, 4);
    for (int i = 0; i < 50; i++) {
        if (fork() == 0) {
            for (int j = 0; j < 4; j++)
                pthread_create(&threads[j], NULL, give_back_at_once, NULL);
            for (int j = 0; j < 4; j++)
                pthread_join(threads[j], NULL);
            exit(0);
        }
        (void)wait(NULL);
    }
}

static void at_exit_handler(void)
{
    give_back(data);
}

static void at_exit(void)
{
    atexit(at_exit_handler);
}

static void many_places(void)
{
    for (uintptr_t i = 0; i < 5000; i++) {
        void *pages = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        mprotect((char *)pages + 4096, 4096, PROT_NONE);
        give_back(pages);
    }
}

/* Under a limit on memory, which the register needs some of too. */
static void exhausting(void)
{
    static void *blocks[1000000];
    size_t count = 0;

    while (count < sizeof blocks / sizeof blocks[0] && (blocks[count] = malloc(1000)) != NULL)
        count++;
    while (count > 0)
        free(blocks[--count]);
}

static void nothing(void)
{
}

/* clang-format off */
#define CASE(name) {#name, name}
static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    CASE(stack), CASE(stack_of_thread), CASE(stack_of_main), CASE(global_data), CASE(zeroed_data),
    CASE(constant), CASE(code), CASE(thread_local), CASE(small_number), CASE(wild), CASE(mapping),
    CASE(interior), CASE(interior_of_large), CASE(end_of_block), CASE(twice), CASE(after_realloc),
    CASE(resized), CASE(measured), CASE(of_libc), CASE(large_of_libc), CASE(of_plugin),
    CASE(cut_file), CASE(past_us), CASE(often), CASE(various), CASE(in_child), CASE(in_vfork_child),
    CASE(at_once), CASE(at_exit), CASE(many_places), CASE(exhausting), CASE(nothing),
};
/* clang-format on */

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, argv[1]) == 0) {
            cases[i].run();
            free(malloc(10));
            return 0;
        }
    }
    return 2;
}
