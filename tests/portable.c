/* SPDX-License-Identifier: MIT */
/*
 * The core, the system backend and every other one that is built in, checked by nothing but
 * C11: for systems without libcheck and fork, where `make check` does not run. See
 * mingw.sh. On POSIX systems the conformance kit says much more.
 *
 * Prints a line for each allocator; exits with 1 after the first promise that is broken.
 */
#include <dispatchalloc.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *name = "?";

#define PROMISE(condition)                                                   \
    do {                                                                     \
        if (!(condition)) {                                                  \
            printf("%s: line %d: not so: %s\n", name, __LINE__, #condition); \
            exit(1);                                                         \
        }                                                                    \
    } while (0)

static const size_t sizes[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 24, 100, 1000, 4095, 4096, 4097};
static const size_t aligns[] = {1, 2, 4, 8, 16, 32, 64, 256, 4096, 65536};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static int is_aligned(const void *ptr, size_t align)
{
    return ((uintptr_t)ptr & (align - 1)) == 0;
}

static void fill(unsigned char *bytes, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        bytes[i] = (unsigned char)(i * 7 + 1);
}

static int is_filled(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != (unsigned char)(i * 7 + 1))
            return 0;
    }
    return 1;
}

static int is_zero(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0)
            return 0;
    }
    return 1;
}

/* A block through every size, up and down. Returns 0 where the allocator has no block. */
static int check_block(const struct dal_instance *of, size_t size, size_t align)
{
    unsigned char *block = dal_instance_alloc(of, size, align), *moved;

    if (!block)
        return 0;
    PROMISE(is_aligned(block, align));
    fill(block, 0, size);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        size_t other = sizes[(i * 7) % COUNT_OF(sizes)];

        moved = dal_instance_realloc(of, block, size, align, other);
        if (!moved) {
            PROMISE(is_filled(block, size));
            continue;
        }
        PROMISE(is_aligned(moved, align));
        PROMISE(is_filled(moved, size < other ? size : other));
        fill(moved, 0, other);
        block = moved;
        size = other;
    }
    dal_instance_dealloc(of, block, size, align);

    block = dal_instance_alloc_zeroed(of, size, align);
    if (!block)
        return 0;
    PROMISE(is_aligned(block, align));
    PROMISE(is_zero(block, size));
    dal_instance_dealloc(of, block, size, align);
    return 1;
}

static void check_refusals(const struct dal_instance *of)
{
    unsigned char *block = dal_instance_alloc(of, 100, 64);
    size_t half = (size_t)PTRDIFF_MAX / 2 + 1;

    if (block)
        fill(block, 0, 100);
    PROMISE(!dal_instance_alloc(of, PTRDIFF_MAX, 1));
    PROMISE(!dal_instance_alloc_zeroed(of, PTRDIFF_MAX, 1));
    PROMISE(!dal_instance_alloc(of, (size_t)PTRDIFF_MAX - 4095, 4096));
    PROMISE(!dal_instance_alloc(of, 1, half));
    PROMISE(!dal_instance_alloc(of, half, half));
    if (block) {
        PROMISE(!dal_instance_realloc(of, block, 100, 64, (size_t)PTRDIFF_MAX - 63));
        PROMISE(is_filled(block, 100));
    }
    dal_instance_dealloc(of, block, 100, 64);
    dal_instance_dealloc(of, NULL, 0, 1);
    dal_instance_dealloc(of, NULL, 0, 4096);
}

static void check_instance(const struct dal_instance *of, int has_all)
{
    int count = 0, served = 0;

    name = of->name;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        for (size_t j = 0; j < COUNT_OF(aligns); j++) {
            count++;
            served += check_block(of, sizes[i], aligns[j]);
        }
    }
    PROMISE(served > 0);
    PROMISE(!has_all || served == count);
    check_refusals(of);
    printf("%s: %d of %d layouts served\n", of->name, served, count);
}

static int check_backend(const struct dal_backend *backend, void *data)
{
    const struct dal_instance *instance;
    char message[200];

    (void)data;
    name = backend->name;
    if (dal_instance_create_spec(backend->name, &instance, message, sizeof message) != 0) {
        printf("%s: %s\n", name, message);
        return 1;
    }
    check_instance(instance, 0);
    dal_instance_destroy(instance);
    return 0;
}

int main(void)
{
    check_instance(dal_system(), 1);
    if (dal_backend_visit(check_backend, NULL))
        return 1;

    name = "front";
    PROMISE(!dal_global_is_sealed());
    uint64_t *number = dal_new(uint64_t);
    PROMISE(number != NULL && dal_global_is_sealed());
    *number = 42;
    dal_delete(uint64_t, number);
    check_instance(dal_global(), 1);
    printf("front: %s serves\n", dal_global_name());
    return 0;
}
