/* SPDX-License-Identifier: MIT */
/*
 * An unmodified program whose libraries allocate before main in every way there is (early.c),
 * that opens and closes plug-ins that do, and that ends in the same manner. Exits 0, or 1 after
 * a line for each fault. Arguments: whether a library is preloaded, "" for no; the plug-in.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int constructor_check(void);
int init_check(void);
int initfirst_check(void);
int thread_check(void);
int resolver_check(void);
int ifunc_check(void); /* early.c is also in the program itself */

static int faults;

static void check(int is_good, const char *what)
{
    if (!is_good) {
        printf("not good: %s\n", what);
        faults = 1;
    }
}

static int check_of(void *library, const char *name)
{
    int (*function)(void);

    *(void **)&function = dlsym(library, name);
    return function && function();
}

/* Its blocks outlive a plug-in, and its destructors run while it is closed. */
static void open_and_close(const char *plugin)
{
    for (int i = 0; i < 20; i++) {
        void *library = dlopen(plugin, i % 2 ? RTLD_NOW : RTLD_LAZY | RTLD_GLOBAL);
        char *(*make)(void);
        char *made;

        if (!library) {
            printf("%s\n", dlerror());
            faults = 1;
            return;
        }
        check(check_of(library, "plugin_check"), "a plug-in's constructor");
        *(void **)&make = dlsym(library, "plugin_make");
        made = make();
        dlclose(library);
        check(strcmp(made, "made by a plug-in") == 0, "what a plug-in left behind");
        free(made);
    }
}

static void *open_in_thread(void *plugin)
{
    open_and_close(plugin);
    return malloc(10);
}

/* A vfork child shares our memory: what it allocates is ours after its exec. */
static void start_by_vfork(void)
{
    static char *volatile from_child;
    int status = -1;
    pid_t child = vfork();

    if (child == 0) {
        from_child = malloc(500);
        strcpy(from_child, "true");
        free(malloc(100000));
        execlp(from_child, from_child, (char *)NULL);
        _exit(1);
    }
    waitpid(child, &status, 0);
    check(child > 0 && status == 0, "a vfork child");
    check(from_child && strcmp(from_child, "true") == 0, "what a vfork child left behind");
    free(from_child);
}

static pthread_key_t key;

/* Again and again, as many times as the C library allows; the last in the exit of main. */
static void end_of_thread(void *block)
{
    int round = *(int *)block;

    free(block);
    if (round > 0) {
        int *next = malloc(1000);

        *next = round - 1;
        pthread_setspecific(key, next);
    }
}

static void *with_key(void *unused)
{
    int *first = malloc(sizeof *first);

    (void)unused;
    *first = 3;
    pthread_setspecific(key, first);
    return NULL;
}

static char *kept;

static void at_exit(void)
{
    free(kept);
    kept = strdup("again");
}

static void use_memory(void)
{
    free(realloc(malloc(10), 10000));
}

int main(int argc, char **argv)
{
    pthread_t thread;
    void *result = NULL;
    int status = -1;
    pid_t child;

    if (argc != 3)
        return 2;
    atexit(at_exit);
    use_memory();
    at_exit();
    check(ifunc_check(), "a resolver of the program's");
    check(resolver_check(), "a resolver of a library's");
    check(constructor_check(), "a constructor");
    check(init_check(), "DT_INIT");
    check(initfirst_check(), "a library that starts first");
    check(thread_check(), "a thread of a constructor");
    if (*argv[1])
        check(check_of(RTLD_DEFAULT, "preloaded_check"), "another preloaded library");
    open_and_close(argv[2]);
    pthread_create(&thread, NULL, open_in_thread, argv[2]);
    start_by_vfork();
    pthread_join(thread, &result);
    free(result);
    pthread_key_create(&key, end_of_thread);
    for (int i = 0; i < 10; i++) {
        pthread_create(&thread, NULL, with_key, NULL);
        pthread_join(thread, NULL);
    }
    with_key(NULL);
    child = fork();
    if (child == 0) {
        use_memory();
        open_and_close(argv[2]);
        use_memory();
        exit(faults);
    }
    waitpid(child, &status, 0);
    check(status == 0, "a child that exits");
    return faults;
}
