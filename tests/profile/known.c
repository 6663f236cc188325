/* SPDX-License-Identifier: MIT */
/*
 * A program whose profile is known by construction, for tests/profile-command.sh. It prints by
 * write(2), which allocates nothing:
 *
 *   known [STATUS]   100 blocks of 1000 bytes are kept, one of 500000 is held at the peak and given
 *                    back, 5000 of 32 are given back at once; ends with STATUS
 *   known kill       the same, ended by SIGKILL while the large one is live
 *   known deep       40 frames below main a block of 4096 is made by posix_memalign()
 *   known serve      says "ready PID", then keeps 4000 bytes and gives 20000 back, once a
 *                    millisecond; at SIGUSR1 it says "usr1"; at SIGTERM it takes its time, and ends
 *                    with 7
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define STAYS(p) __asm__ volatile("" : "+r"(p) : : "memory")

static void *kept[100];
static volatile sig_atomic_t is_told, is_asked;

static void say(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(9);
}

NOINLINE static void keep(void)
{
    for (int i = 0; i < 100; i++) {
        kept[i] = malloc(1000); /* keep */
        STAYS(kept[i]);
    }
}

static inline __attribute__((always_inline)) char *inner(size_t size)
{
    char *block = malloc(size); /* inner */

    STAYS(block);
    return block;
}

NOINLINE static char *outer(size_t size)
{
    char *block = inner(size); /* outer */

    STAYS(block);
    return block;
}

NOINLINE static void churn(void)
{
    for (int i = 0; i < 5000; i++) {
        char *block = malloc(32); /* churn */

        STAYS(block);
        free(block);
    }
}

NOINLINE static void request(void)
{
    char *held = malloc(4000), *block = malloc(20000);

    STAYS(held);
    STAYS(block);
    free(block);
}

NOINLINE static void *descend(int frames)
{
    void *block = NULL;

    if (frames > 0)
        block = descend(frames - 1);
    else if (posix_memalign(&block, 64, 4096) != 0)
        _exit(9);
    STAYS(block);
    return block;
}

static void tell(int number)
{
    is_told = number == SIGTERM;
    is_asked = number == SIGUSR1;
}

static int serve(void)
{
    char line[32];

    (void)signal(SIGTERM, tell);
    (void)signal(SIGUSR1, tell);
    (void)snprintf(line, sizeof line, "ready %ld\n", (long)getpid());
    say(line);
    /* Who forgets it does not keep it for ever. */
    for (int i = 0; i < 60000 && !is_told; i++) {
        request();
        (void)usleep(1000);
        if (is_asked)
            say("usr1\n");
        is_asked = 0;
    }
    /* Longer than those have that are to end at once. */
    for (int i = 0; i < 25; i++)
        (void)usleep(100000);
    say("done\n");
    return 7;
}

int main(int argc, char **argv)
{
    char *block;

    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return serve();
    if (argc > 1 && strcmp(argv[1], "deep") == 0) {
        free(descend(40));
        return 0;
    }
    keep();
    block = outer(500000);
    churn();
    if (argc > 1 && strcmp(argv[1], "kill") == 0)
        (void)raise(SIGKILL);
    free(block);
    return argc > 1 ? atoi(argv[1]) : 0;
}
