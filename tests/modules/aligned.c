/* SPDX-License-Identifier: MIT */
/*
 * 100,000 blocks of each alignment from 1 to 4096, of all sizes and more often than not of a
 * power of two, which is where allocators take a turn of their own (mimalloc 2.0.9 misaligns
 * some of those); every third one made zeroed, every third one by a realloc.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc.h>

enum { BLOCKS = 256, ROUNDS = 100000 };

struct block {
    unsigned char *ptr;
    size_t size;
};

static unsigned seed = 1;

static unsigned next(void)
{
    seed = seed * 1103515245u + 12345u;
    return seed >> 8;
}

static size_t next_size(void)
{
    return next() % 3 ? (size_t)1 << next() % 13 : next() % 4000;
}

static int is_zero(const unsigned char *ptr, size_t size)
{
    return size == 0 || (ptr[0] == 0 && memcmp(ptr, ptr + 1, size - 1) == 0);
}

static const char *renew(struct block *block, size_t align, int way)
{
    size_t size = next_size(), kept = block->size < size ? block->size : size;
    unsigned char *ptr;

    if (way == 0) {
        ptr = dal_realloc(block->ptr, block->size, align, size);
        if (ptr && kept && (ptr[0] != 0xa5 || ptr[kept - 1] != 0xa5))
            return "realloc lost the contents";
    } else {
        dal_dealloc(block->ptr, block->size, align);
        ptr = way == 1 ? dal_alloc(size, align) : dal_alloc_zeroed(size, align);
        if (ptr && way == 2 && !is_zero(ptr, size))
            return "alloc_zeroed is not zero";
    }
    block->ptr = ptr;
    block->size = size;
    if (!ptr)
        return "NULL";
    if ((uintptr_t)ptr % align)
        return "misaligned";
    memset(ptr, 0xa5, size);
    return NULL;
}

int main(void)
{
    static struct block blocks[BLOCKS];

    for (size_t align = 1; align <= 4096; align *= 2) {
        for (int i = 0; i < ROUNDS; i++) {
            struct block *block = &blocks[next() % BLOCKS];
            const char *fault = renew(block, align, i % 3);

            if (fault) {
                printf("%s: size %zu, align %zu, block %d\n", fault, block->size, align, i);
                return EXIT_FAILURE;
            }
        }
        for (int i = 0; i < BLOCKS; i++) {
            dal_dealloc(blocks[i].ptr, blocks[i].size, align);
            blocks[i] = (struct block){NULL, 0};
        }
    }
    printf("all aligned by %s\n", dal_global_name());
    return EXIT_SUCCESS;
}
