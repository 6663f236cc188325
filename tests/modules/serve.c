/* SPDX-License-Identifier: MIT */
/*
 * Works on blocks of all kinds, prints what it found out and who served it. Arguments are specs
 * to make instances by, one after the other: what comes of each is printed, or how many threads
 * the process has where an argument is "threads". One after "set" is what the program chooses
 * before all that.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

enum { BLOCKS = 64, STEPS = 20000 };

static uint64_t state = 1;

static size_t below(size_t limit)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (size_t)(state >> 33) % limit;
}

static uint64_t sum_of(const unsigned char *ptr, size_t size)
{
    uint64_t sum = size;

    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + ptr[i];
    return sum;
}

/* The same number under every allocator that keeps what it is given. */
static uint64_t work(void)
{
    struct {
        unsigned char *ptr;
        size_t size, align;
    } blocks[BLOCKS] = {{0}};
    uint64_t answer = 0;

    for (int i = 0; i < BLOCKS; i++)
        blocks[i].align = (size_t)1 << below(13);
    for (int step = 0; step < STEPS; step++) {
        size_t which = below(BLOCKS), size = below(step % 50 ? 500 : 40000);
        size_t old = blocks[which].size;
        unsigned char *ptr;

        ptr = dal_realloc(blocks[which].ptr, old, blocks[which].align, size);
        if (!ptr || (uintptr_t)ptr % blocks[which].align)
            abort();
        if (size > old)
            memset(ptr + old, step & 0xff, size - old);
        answer = answer * 7 + sum_of(ptr, size);
        blocks[which].ptr = ptr;
        blocks[which].size = size;
        if (step % 5 == 0) {
            dal_dealloc(ptr, size, blocks[which].align);
            blocks[which].ptr = NULL;
            blocks[which].size = 0;
        }
    }
    for (int i = 0; i < BLOCKS; i++)
        dal_dealloc(blocks[i].ptr, blocks[i].size, blocks[i].align);
    return answer;
}

static int threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = -2; /* . and .. */

    while (tasks && readdir(tasks))
        count++;
    if (tasks)
        closedir(tasks);
    return count;
}

int main(int argc, char **argv)
{
    while (argc > 2 && strcmp(argv[1], "set") == 0) {
        printf("set %s: %s\n", argv[2], dal_strerror(dal_global_set_spec(argv[2])));
        argc -= 2;
        argv += 2;
    }
    printf("answer %" PRIx64 " by %s\n", work(), dal_global_name());
    for (int i = 1; i < argc; i++) {
        const struct dal_instance *instance;
        char message[4096];

        if (strcmp(argv[i], "threads") == 0)
            printf("threads: %d\n", threads());
        else if (dal_instance_create_spec(argv[i], &instance, message, sizeof message) != 0)
            printf("%s: %s\n", argv[i], message);
        else
            printf("%s: made\n", argv[i]);
    }
    return 0;
}
