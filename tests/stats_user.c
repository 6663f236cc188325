/* SPDX-License-Identifier: MIT */
/*
 * A program that allocates through the front, for tests of what the layer `stats` prints.
 * Its arguments are done in their order:
 *
 *     alloc=BYTES  touch=BYTES (the same, and writes to them)  map=BYTES (pages that it writes to,
 * of no allocator)  exec=PROGRAM (with the words that follow, under no choice)  free  fork  close2
 * chdir=PATH thread private=SPEC (an instance of its own that allocates once and stays) ended=SPEC
 * (the same, but it is destroyed) spec=SPEC (dal_global_set_spec) trunc=RDWR=PATH trunc=WRONLY=PATH
 * append=PATH (descriptor 2 becomes that file, new or as it is; a new one gets a line) atexit (from
 * then on, an exit handler allocates and says so)  exit  _exit  abort pause (says its process id at
 * once, and waits for a signal)
 */
#define _DEFAULT_SOURCE /* chroot */
#include <dispatchalloc.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#ifdef __linux__
# include <sys/prctl.h>
#endif
#include <unistd.h>

static void *block;
static size_t block_bytes;

static void fail(const char *what)
{
    fprintf(stderr, "stats_user: %s failed\n", what);
    _exit(99);
}

static void *allocate(size_t bytes)
{
    block = dal_alloc(bytes, 8);
    if (!block)
        fail("alloc");
    block_bytes = bytes;
    return block;
}

static void map(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED)
        fail("mmap");
    memset(pages, 1, bytes);
}

static void give_back(void)
{
    dal_dealloc(block, block_bytes, 8);
}

static void fork_and_wait(void)
{
    pid_t child;
    int status;

    fflush(NULL);
    child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        allocate(1000000);
        exit(0);
    }
    if (waitpid(child, &status, 0) != child || status != 0)
        fail("wait");
}

static void become_standard_error(const char *path, int flags)
{
    int file;

    close(STDERR_FILENO);
    file = open(path, flags, 0600);
    if (file < 0 || dup2(file, STDERR_FILENO) < 0)
        _exit(98);
    if (file != STDERR_FILENO)
        close(file);
    if (flags & O_TRUNC && lseek(STDERR_FILENO, 0, SEEK_CUR) == 0)
        (void)!write(STDERR_FILENO, "record\n", 7);
}

static void at_exit(void)
{
    allocate(3000000);
    fputs("exit handler\n", stderr);
}

static void *thread(void *unused)
{
    (void)unused;
    allocate(64);
    return NULL;
}

static void run_thread(void)
{
    pthread_t id;

    if (pthread_create(&id, NULL, thread, NULL) != 0 || pthread_join(id, NULL) != 0)
        fail("thread");
}

static void make_private(const char *spec, int stays)
{
    const struct dal_instance *instance;
    char message[512];

    if (dal_instance_create_spec(spec, &instance, message, sizeof message) != 0)
        fail(message);
    if (!dal_instance_alloc(instance, 5, 1))
        fail("private");
    if (!stays)
        dal_instance_destroy(instance);
}

static void close_all(void)
{
    for (int file = 0; file < 256; file++)
        (void)close(file);
}

static int filter_calls(void)
{
#ifdef PR_SET_SECCOMP
    return prctl(PR_SET_SECCOMP, 1) /* the strict one */;
#else
    return -1;
#endif
}

/* Others of the same user may not look into the process any more. */
static int hide(void)
{
#ifdef PR_SET_DUMPABLE
    return prctl(PR_SET_DUMPABLE, 0);
#else
    return -1;
#endif
}

static void execute(const char *program, char **arguments)
{
    unsetenv("DISPATCHALLOC_BACKEND");
    execv(program, arguments);
    fail("exec");
}

static void wait_for_signal(void)
{
    printf("%ld\n", (long)getpid());
    fflush(stdout);
    pause();
}

/* What a word before '=' means; NULL if it is another one. */
static const char *value_of(const char *argument, const char *word)
{
    size_t length = strlen(word);

    return strncmp(argument, word, length) == 0 && argument[length] == '=' ? argument + length + 1
                                                                           : NULL;
}

static int do_value(const char *argument)
{
    const char *value;

    if ((value = value_of(argument, "alloc")) != NULL)
        (void)allocate(strtoul(value, NULL, 10));
    else if ((value = value_of(argument, "touch")) != NULL)
        memset(allocate(strtoul(value, NULL, 10)), 1, strtoul(value, NULL, 10));
    else if ((value = value_of(argument, "map")) != NULL)
        map(strtoul(value, NULL, 10));
    else if ((value = value_of(argument, "chdir")) != NULL)
        return chdir(value) == 0;
    else if ((value = value_of(argument, "chroot")) != NULL)
        return chroot(value) == 0 && chdir("/") == 0;
    else if ((value = value_of(argument, "private")) != NULL)
        make_private(value, 1);
    else if ((value = value_of(argument, "ended")) != NULL)
        make_private(value, 0);
    else if ((value = value_of(argument, "unlink")) != NULL)
        return unlink(value) == 0;
    else if ((value = value_of(argument, "trunc=RDWR")) != NULL)
        become_standard_error(value, O_RDWR | O_CREAT | O_TRUNC);
    else if ((value = value_of(argument, "trunc=WRONLY")) != NULL)
        become_standard_error(value, O_WRONLY | O_CREAT | O_TRUNC);
    else if ((value = value_of(argument, "append")) != NULL)
        become_standard_error(value, O_WRONLY | O_CREAT | O_APPEND);
    else if ((value = value_of(argument, "spec")) != NULL)
        return dal_global_set_spec(value) == 0;
    else
        return 0;
    return 1;
}

static int do_word(const char *argument)
{
    if (strcmp(argument, "free") == 0)
        give_back();
    else if (strcmp(argument, "fork") == 0)
        fork_and_wait();
    else if (strcmp(argument, "close2") == 0)
        return close(STDERR_FILENO) == 0;
    else if (strcmp(argument, "atexit") == 0)
        return atexit(at_exit) == 0;
    else if (strcmp(argument, "thread") == 0)
        run_thread();
    else if (strcmp(argument, "closeall") == 0)
        close_all();
    else if (strcmp(argument, "nobody") == 0)
        return setgid(65534) == 0 && setuid(65534) == 0;
    else if (strcmp(argument, "filter") == 0)
        return filter_calls() == 0;
    else if (strcmp(argument, "hide") == 0)
        return hide() == 0;
    else if (strcmp(argument, "pause") == 0)
        wait_for_signal();
    else if (strcmp(argument, "exit") == 0)
        exit(0);
    else if (strcmp(argument, "_exit") == 0)
        _exit(0);
    else if (strcmp(argument, "abort") == 0)
        abort();
    else
        return do_value(argument);
    return 1;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *program = value_of(argv[i], "exec");

        if (program)
            execute(program, argv + i);
        if (!do_word(argv[i]))
            fail(argv[i]);
    }
    printf("%ld\n", (long)getpid());
    return 0;
}
