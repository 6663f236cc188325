/* SPDX-License-Identifier: MIT */
/*
 * DAL_REDEFINE_MALLOC in a file of its own, C and C++ alike: every way to the malloc family leads
 * to dal_unsized_*, and what else is called by those names is left alone. Exit status 0 if the
 * blocks are the family's.
 */
#ifdef SYSTEM_HEADERS_FIRST
# ifdef __cplusplus
#  include <cstdlib>
#  include <memory>
#  include <string>
# endif
# include <stdlib.h>
# include <string.h>
#endif
#define DAL_REDEFINE_MALLOC
#include <dispatchalloc.h>

#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
# include <cstdlib>
# define STD(name) std::name
struct pool {
    int blocks;
    int free(int count)
    {
        return blocks -= count;
    }
};
template <class T> static T *make(size_t count)
{
    return static_cast<T *>(std::calloc(count, sizeof(T)));
}
#else
# define STD(name) name
#endif

/* A table as allocators have them: names of members, and addresses of the functions. */
struct table {
    void *(*malloc)(size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
};
static const struct table table = {malloc, realloc, free};

/* The compiler makes a calloc of it. */
static void *zeroed(size_t size)
{
    void *ptr = malloc(size);

    if (ptr)
        memset(ptr, 0, size);
    return ptr;
}

/* Out of the optimizer's sight, so that no pair is folded away. */
static void *volatile block;
static volatile size_t small = 10;

static int addresses(void)
{
    void *(*volatile plain)(size_t) = malloc;
    void (*volatile give)(void *) = STD(free);

    return plain == dal_unsized_malloc && give == dal_unsized_free;
}

static int aligned(void)
{
    void *ptr;

    block = aligned_alloc(64, small);
    free(block);
    if (posix_memalign(&ptr, 64, small) != 0)
        return 0;
    block = ptr;
    free(block);
    return 1;
}

int main(void)
{
    int calloc = 3;                        /* a variable */
    static struct dal_allocator allocator; /* has a member `realloc` */

    if (!addresses() || !aligned())
        return 1;
    block = zeroed(small);
    block = table.realloc(block, small * (size_t)calloc);
    block = reallocarray(block, small, 20);
    if (malloc_usable_size(block) < small * 20)
        return 2;
    STD(free)(block);
    block = table.malloc(small);
    table.free(block);
    block = dal_unsized_malloc(small);
    free(block);
    block = malloc(small);
    dal_unsized_free(block);
#ifdef __cplusplus
    struct pool pool = {5};
    block = make<int>(small);
    std::free(block);
    if (pool.free(2) != 3)
        return 3;
#endif
    return allocator.realloc != NULL;
}
