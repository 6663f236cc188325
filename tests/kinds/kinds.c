/* SPDX-License-Identifier: MIT */
/*
 * A program with one fault, of the kind that its argument names: of the table in doc/faults.md,
 * which tests/kinds.sh holds. By malloc; with -DFRONT by the front; with -DINSTANCE by an instance
 * of the spec in KINDS_SPEC, and what has to have two by another one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 48, ALIGN = 16 };

#if defined FRONT
# include <dispatchalloc.h>
# define TAKE(size)             dal_alloc((size), ALIGN)
# define GIVE(ptr, size, align) dal_dealloc((ptr), (size), (align))
# define RESIZE(ptr, size)      dal_realloc((ptr), SIZE, ALIGN, (size))
#elif defined INSTANCE
# include <dispatchalloc.h>
static const struct dal_instance *instance, *other;
# define TAKE(size)             dal_instance_alloc(instance, (size), ALIGN)
# define GIVE(ptr, size, align) dal_instance_dealloc(instance, (ptr), (size), (align))
# define RESIZE(ptr, size)      dal_instance_realloc(instance, (ptr), SIZE, ALIGN, (size))
#else
# define TAKE(size)             malloc(size)
# define GIVE(ptr, size, align) free(ptr)
# define RESIZE(ptr, size)      realloc((ptr), (size))
#endif

static char data[100];
static volatile char sink;
static char *block;
static long bytes; /* the number in the name of a kind */

/* The compiler knows what must not be done with a block. */
static char *hidden(const void *ptr)
{
    void *volatile copy = (void *)(uintptr_t)ptr;

    return copy;
}

__attribute__((noinline)) static void give(void *ptr)
{
    GIVE(ptr, SIZE, ALIGN);
    __asm__ volatile("");
}

static void take_and_give(int count)
{
    for (int i = 0; i < count; i++)
        give(TAKE(SIZE));
}

static void write_behind(void)
{
    hidden(block)[SIZE + bytes - 1] = 'x';
}

static void read_behind(void)
{
    sink = hidden(block)[SIZE + bytes - 1];
}

static void write_before(void)
{
    hidden(block)[-bytes] = 'x';
}

static void read_before(void)
{
    sink = hidden(block)[-bytes];
}

static void write_released(void)
{
    give(block);
    take_and_give((int)bytes);
    hidden(block)[7] = 'x';
    block = NULL;
}

static void read_released(void)
{
    give(block);
    take_and_give((int)bytes);
    sink = hidden(block)[7];
    block = NULL;
}

static void release_twice(void)
{
    give(block);
    take_and_give((int)bytes);
    give(hidden(block));
    block = NULL;
}

static void resize_released(void)
{
    give(block);
    sink = RESIZE(hidden(block), 100) == data;
    block = NULL;
}

static void release_inside(void)
{
    give(hidden(block + 16));
}

static void release_data(void)
{
    give(hidden(data + 16));
}

static void release_stack(void)
{
    char local[100];

    give(hidden(local + 16));
}

static void wrong_size(void)
{
    GIVE(block, SIZE - 8, ALIGN);
    block = NULL;
}

static void wrong_align(void)
{
    GIVE(block, SIZE, 64);
    block = NULL;
}

static void wrong_instance(void)
{
#ifdef INSTANCE
    dal_instance_dealloc(other, block, SIZE, ALIGN);
    block = NULL;
#endif
}

/* Where new blocks are filled it is this byte that comes of it. */
static void read_unset(void)
{
    if ((unsigned char)hidden(block)[20] == 0xeb)
        fputs("kinds: 0xeb was read\n", stderr);
}

static void nothing(void)
{
}

static const struct {
    const char *name;
    void (*run)(void);
} kinds[] = {
#define KIND(name)  \
    {               \
        #name, name \
    }
    KIND(write_behind),   KIND(read_behind),    KIND(write_before),  KIND(read_before),
    KIND(write_released), KIND(read_released),  KIND(release_twice), KIND(resize_released),
    KIND(release_inside), KIND(release_data),   KIND(release_stack), KIND(wrong_size),
    KIND(wrong_align),    KIND(wrong_instance), KIND(read_unset),    KIND(nothing),
};

#ifdef INSTANCE
static const struct dal_instance *make(void)
{
    const struct dal_instance *made = NULL;
    char message[512];

    if (dal_instance_create_spec(getenv("KINDS_SPEC"), &made, message, sizeof message) != 0) {
        fprintf(stderr, "%s\n", message);
        exit(2);
    }
    return made;
}
#endif

/* KIND or KIND:NUMBER */
int main(int argc, char **argv)
{
    size_t length = argc == 2 ? strcspn(argv[1], ":") : 0;

#ifdef INSTANCE
    instance = make();
    other = make();
#endif
    for (size_t i = 0; argc == 2 && i < sizeof kinds / sizeof *kinds; i++) {
        if (strlen(kinds[i].name) != length || strncmp(kinds[i].name, argv[1], length) != 0)
            continue;
        bytes = argv[1][length] ? strtol(argv[1] + length + 1, NULL, 10) : 0;
        /* Others are around it, which stay. */
        (void)TAKE(SIZE);
        block = TAKE(SIZE);
        (void)TAKE(SIZE);
        kinds[i].run();
        if (block)
            give(block);
        return 0;
    }
    fprintf(stderr, "usage: kinds KIND[:NUMBER]\n");
    return 2;
}
