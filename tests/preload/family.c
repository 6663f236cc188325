/* SPDX-License-Identifier: MIT */
/*
 * An unmodified program that uses the whole malloc family and checks what C23 and POSIX (and,
 * where those leave it open, glibc) say of it. Exits 0, or 1 after a line for each fault. Not
 * linked with the library: started under the interposer by tests/preload.sh.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int faults;

/* Not every C library has these; the interposer has. */
void *pvalloc(size_t size) __attribute__((weak));
int malloc_trim(size_t keep_bytes) __attribute__((weak));

/* What POSIX leaves open is as glibc does it under the interposer, and not of another C library. */
static int is_as_glibc(void)
{
#ifdef __GLIBC__
    return 1;
#else
    return getenv("LD_PRELOAD") && !getenv("DISPATCHALLOC_OFF");
#endif
}

#define CHECK(condition)                                           \
    do {                                                           \
        if (!(condition)) {                                        \
            printf("line %d: not so: %s\n", __LINE__, #condition); \
            faults = 1;                                            \
        }                                                          \
    } while (0)

static volatile size_t huge = SIZE_MAX / 2 + 2;

static int is_aligned(const void *ptr, size_t align)
{
    return (uintptr_t)ptr % align == 0;
}

static void check_unsized(void)
{
    void *blocks[600];

    for (size_t size = 0; size < 600; size++) {
        blocks[size] = malloc(size);
        CHECK(blocks[size] && is_aligned(blocks[size], size >= 16 ? 16 : 8));
        CHECK(malloc_usable_size(blocks[size]) >= size);
        memset(blocks[size], (int)size, size);
    }
    for (size_t size = 1; size < 600; size++)
        CHECK(((unsigned char *)blocks[size])[size - 1] == (unsigned char)size);
    for (size_t size = 0; size < 600; size++) {
        errno = 99;
        free(blocks[size]);
        CHECK(errno == 99);
    }
    free(NULL);
    errno = 0;
    CHECK(malloc(huge) == NULL && errno == ENOMEM);
    CHECK(malloc_usable_size(NULL) == 0);
}

static void check_calloc(void)
{
    for (size_t size = 1; size < 3000000; size = size * 5 + 3) {
        unsigned char *ptr = malloc(size);

        memset(ptr, 0xff, size);
        free(ptr);
        ptr = calloc(1, size);
        CHECK(ptr && ptr[0] == 0 && memcmp(ptr, ptr + 1, size - 1) == 0);
        free(ptr);
    }
    errno = 0;
    CHECK(calloc(huge, 2) == NULL && errno == ENOMEM);
    free(calloc(0, 0));
}

static void check_realloc(void)
{
    unsigned char *ptr = realloc(NULL, 10);
    volatile size_t nothing = 0;

    memset(ptr, 1, 10);
    for (size_t size = 11; size < 500000; size += size / 3) {
        ptr = realloc(ptr, size);
        CHECK(ptr && ptr[0] == 1 && ptr[9] == 1);
    }
    errno = 0;
    CHECK(realloc(ptr, huge) == NULL && errno == ENOMEM && ptr[9] == 1);
    /* Less than what no allocator takes, and more than any machine has of 64-bit addresses. */
    for (size_t size = huge / 2; size >> 31 > 1 << 16; size -= size / 9) {
        errno = 0;
        CHECK(realloc(ptr, size) == NULL && errno == ENOMEM && ptr[9] == 1);
        errno = 0;
        CHECK(malloc(size) == NULL && errno == ENOMEM);
    }
    errno = 0;
    /* As much may be there of 32-bit addresses. */
    CHECK(SIZE_MAX <= UINT32_MAX ||
          (realloc(ptr, huge - 3) == NULL && errno == ENOMEM && ptr[9] == 1));
    errno = 0;
    CHECK(reallocarray(ptr, huge, 4) == NULL && errno == ENOMEM && ptr[9] == 1);
    ptr = reallocarray(ptr, 2, 5);
    CHECK(ptr && ptr[9] == 1);
    if (is_as_glibc())
        CHECK(realloc(ptr, nothing) == NULL);
    else
        free(realloc(ptr, nothing));
    free(realloc(NULL, nothing));
}

/* Alignments up to align_max, which a backend may limit. */
static void check_alignment(size_t align_max)
{
    void *ptr = &ptr;

    for (size_t align = 1; align < 300; align++) {
        int is_power = (align & (align - 1)) == 0;
        int result = posix_memalign(&ptr, align, 33);

        CHECK(result == (is_power && align >= sizeof(void *) ? 0 : EINVAL));
        if (result == 0) {
            CHECK(is_aligned(ptr, align));
            memset(ptr, 4, 33);
            ptr = realloc(ptr, 3300);
            CHECK(ptr && ((char *)ptr)[32] == 4);
            free(ptr);
        }
        ptr = &ptr;
        if (is_power) {
            void *block = aligned_alloc(align, 3 * align);

            CHECK(block && is_aligned(block, align));
            free(block);
        }
    }
    for (size_t align = 512; align <= align_max; align *= 2) {
        void *block = memalign(align, 100);

        CHECK(block && is_aligned(block, align));
        free(block);
    }
    ptr = memalign(48, 100);
    CHECK(ptr ? is_aligned(ptr, 64) : !is_as_glibc());
    free(ptr);
    ptr = valloc(10);
    CHECK(ptr && is_aligned(ptr, 4096));
    free(ptr);
    if (pvalloc) {
        ptr = pvalloc(10);
        CHECK(ptr && is_aligned(ptr, 4096) && malloc_usable_size(ptr) >= 4096);
        free(ptr);
    }
    ptr = &ptr;
    CHECK(posix_memalign(&ptr, 64, huge) == ENOMEM && ptr == &ptr);
    CHECK(posix_memalign(&ptr, SIZE_MAX / 2 + 1, 8) == ENOMEM);
    errno = 0;
    CHECK(aligned_alloc(4096, huge) == NULL && errno == ENOMEM);
}

static int steps = 20000;

static void *churn(void *seed)
{
    unsigned random = (unsigned)(uintptr_t)seed;
    unsigned char *blocks[64] = {NULL};
    size_t sizes[64] = {0};

    for (int i = 0; i < steps; i++) {
        unsigned at = (random = random * 1664525u + 1013904223u) >> 26;

        if (blocks[at] && blocks[at][sizes[at] - 1] != (unsigned char)at)
            faults = 1;
        sizes[at] = 1 + (random >> 8) % 2000;
        if (random & 1) {
            free(blocks[at]);
            blocks[at] = malloc(sizes[at]);
        } else {
            blocks[at] = realloc(blocks[at], sizes[at]);
        }
        if (!blocks[at])
            return NULL;
        blocks[at][sizes[at] - 1] = (unsigned char)at;
    }
    for (int i = 0; i < 64; i++)
        free(blocks[i]);
    return seed;
}

static pthread_key_t key;

static void end_of_thread(void *block)
{
    free(block);
    free(malloc(100));
}

static void *with_key(void *unused)
{
    (void)unused;
    pthread_setspecific(key, malloc(50));
    return malloc(20);
}

static void check_threads(void)
{
    pthread_t threads[4];
    void *result;

    pthread_key_create(&key, end_of_thread);
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, churn, (void *)(i + 1));
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &result);
        CHECK(result);
    }
    for (int i = 0; i < 50; i++) {
        pthread_create(&threads[0], NULL, with_key, NULL);
        pthread_join(threads[0], &result);
        free(result);
    }
}

static void check_children(void)
{
    pthread_t thread;
    void *result;
    int status;

    pthread_create(&thread, NULL, churn, (void *)9);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();

        if (child == 0) {
            free(malloc(1000));
            steps = 2000;
            _exit(churn((void *)3) ? 0 : 1);
        }
        waitpid(child, &status, 0);
        CHECK(status == 0);
    }
    pthread_join(thread, &result);
    if (vfork() == 0)
        execlp("true", "true", (char *)NULL);
    wait(&status);
    CHECK(status == 0);
}

static char *before_main;

__attribute__((constructor)) static void start(void)
{
    before_main = strdup("before main");
}

__attribute__((destructor)) static void end(void)
{
    free(malloc(10));
    free(before_main);
}

static void at_exit(void)
{
    before_main = realloc(before_main, 2000);
    if (strcmp(before_main, "before main") != 0)
        _exit(3);
}

/* An argument is the largest alignment that the backend supports. */
int main(int argc, char **argv)
{
    atexit(at_exit);
    check_unsized();
    check_calloc();
    check_realloc();
    check_alignment(argc > 1 ? strtoul(argv[1], NULL, 10) : 1 << 21);
    check_threads();
    check_children();
    if (malloc_trim)
        malloc_trim(0);
    return faults;
}
