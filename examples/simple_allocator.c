/* SPDX-License-Identifier: MIT */
/*
 * The second program of Rust's documentation: an arena in static memory is the allocator
 * of the whole process, chosen when the program is built. Here it is the library's own
 * fixed arena; pool.c shows an allocator that is written from nothing.
 */
#include <dispatchalloc.h>
#include <stdio.h>
#include <string.h>

#define ARENA_BYTES 131072

/* Filled with 0x55, so that a block that ought to be zero but is not shows. */
#define X16(x)  x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
#define X64K(x) X16(X16(X16(X16(x))))
static _Alignas(4096) unsigned char memory[ARENA_BYTES] = {X64K(0x55), X64K(0x55)};

static struct dal_fixed_arena arena = DAL_FIXED_ARENA_INIT(memory, sizeof memory);
static const struct dal_allocator simple = DAL_FIXED_ARENA_ALLOCATOR(&arena);
DAL_GLOBAL_ALLOCATOR(simple);

int main(void)
{
    const char text[20] = "allocating a string!"; /* 20 letters and no terminator */
    char *copy = dal_alloc(sizeof text, 1);

    if (copy == NULL)
        dal_handle_alloc_error((struct dal_layout){sizeof text, 1});
    memcpy(copy, text, sizeof text);
    printf("allocated so far: %zu\n", dal_fixed_arena_used(&arena));
    dal_dealloc(copy, sizeof text, 1);
    return 0;
}
